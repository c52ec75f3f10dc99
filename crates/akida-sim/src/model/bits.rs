//! Bit widths and the ranges of values they allow.

use super::error::ModelError;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Widths of the levels that layers exchange, and of `InputData`.
pub(crate) const LEVEL_BITS: &[u8] = &[1, 2, 4];
/// Widths of weights.
pub(crate) const WEIGHT_BITS: &[u8] = &[1, 2, 4, 8];

pub(crate) fn check(
    subject: &'static str,
    bits: u8,
    allowed: &'static [u8],
) -> Result<(), ModelError> {
    if allowed.contains(&bits) {
        return Ok(());
    }
    let words: Vec<String> = allowed.iter().map(|b| format!("{b}")).collect();
    let words = format!("one of {}", words.join(", "));
    Err(ModelError::parameter(subject, words, bits))
}

/// The largest unsigned value of `bits` bits (1 to 8): 2^bits − 1 (`docs/arithmetic.md`, A3 and B1).
#[must_use]
pub(crate) const fn max_level(bits: u8) -> u8 {
    ((1u16 << bits) - 1) as u8
}

/// The smallest and largest weight of `bits` bits, 1, 2, 4 or 8 (`docs/arithmetic.md`, B2).
#[must_use]
pub(crate) const fn weight_range(bits: u8) -> (i8, i8) {
    if bits == 1 {
        (0, 1)
    } else {
        let max = ((1u8 << (bits - 1)) - 1) as i8;
        (-max, max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_symmetric_but_for_one_bit() {
        assert_eq!(weight_range(1), (0, 1));
        assert_eq!(weight_range(2), (-1, 1));
        assert_eq!(weight_range(4), (-7, 7));
        assert_eq!(weight_range(8), (-127, 127));
    }

    #[test]
    fn levels_fill_their_bits() {
        assert_eq!([1, 2, 4, 8].map(max_level), [1, 3, 15, 255]);
    }
}
