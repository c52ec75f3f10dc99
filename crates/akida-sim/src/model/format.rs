//! Number formats: how many bits an integer takes, and whether it has a sign.

use super::error::ModelError;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The format of integers: their number of bits, and whether they have a sign.
///
/// # Examples
///
/// ```
/// use akida_sim::Format;
///
/// let levels = Format::unsigned(4);
/// assert_eq!((levels.min(), levels.max(), levels.bytes()), (0, 15, 1));
/// let sums = Format::signed(32);
/// assert_eq!((sums.min(), sums.bytes()), (i64::from(i32::MIN), 4));
/// assert!(!levels.allows(16) && sums.allows(-1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// The number of bits, 1 to 32. More bits count as 32.
    pub bits: u8,
    /// Whether values may be negative. Values are then in two's complement.
    pub signed: bool,
}

impl Format {
    /// The format of potentials: sums that no output stage has changed (`docs/arithmetic.md`, B5).
    pub const SUMS: Self = Self::signed(32);

    /// Integers of `bits` bits, from 0 on.
    #[must_use]
    pub const fn unsigned(bits: u8) -> Self {
        Self {
            bits,
            signed: false,
        }
    }

    /// Integers of `bits` bits in two's complement.
    #[must_use]
    pub const fn signed(bits: u8) -> Self {
        Self { bits, signed: true }
    }

    /// The smallest value.
    #[must_use]
    pub const fn min(self) -> i64 {
        match self.signed {
            true => -(self.values() as i64 / 2),
            false => 0,
        }
    }

    /// The largest value: 2^bits − 1 without a sign (`docs/arithmetic.md`, A3 and B1), 2^(bits − 1) − 1 with a sign.
    #[must_use]
    pub const fn max(self) -> i64 {
        let values = match self.signed {
            true => self.values() / 2,
            false => self.values(),
        };
        values.saturating_sub(1) as i64
    }

    /// How many values there are.
    const fn values(self) -> u64 {
        1 << if self.bits > 32 { 32 } else { self.bits }
    }

    /// The largest absolute value.
    #[must_use]
    pub const fn magnitude(self) -> u32 {
        match self.signed {
            true => (self.values() / 2) as u32,
            false => self.max() as u32,
        }
    }

    /// Whether a value lies between [`min`](Self::min) and [`max`](Self::max).
    #[must_use]
    pub const fn allows(self, value: i64) -> bool {
        self.min() <= value && value <= self.max()
    }

    /// The bytes that one value takes in memory: 1, 2 or 4.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self.bits {
            0..=8 => 1,
            9..=16 => 2,
            _ => 4,
        }
    }
}

/// Refuses a number of bits that is not among `allowed`.
pub(crate) fn check_bits(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_values_fill_their_bits() {
        assert_eq!(
            [1, 2, 4, 8].map(|b| Format::unsigned(b).max()),
            [1, 3, 15, 255]
        );
    }

    #[test]
    fn signed_values_reach_one_further_below_zero() {
        for bits in [2, 4, 8, 16, 32] {
            let format = Format::signed(bits);
            assert_eq!(format.min(), -format.max() - 1);
            assert_eq!(i64::from(format.magnitude()), -format.min());
            assert!(format.allows(format.min()) && !format.allows(format.min() - 1));
            assert!(format.allows(format.max()) && !format.allows(format.max() + 1));
        }
    }

    #[test]
    fn a_value_takes_the_bytes_of_an_integer_type() {
        let bytes = [1, 8, 9, 16, 17, 32].map(|b| Format::signed(b).bytes());
        assert_eq!(bytes, [1, 1, 2, 2, 4, 4]);
    }
}
