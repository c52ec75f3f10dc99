//! Weights at their own width: 8 / bits values per byte, the first in the lowest bits.

use alloc::vec::Vec;

/// The number of bytes of `count` values of `bits` bits: 1, 2, 4 or 8.
pub(crate) fn packed_len(count: u64, bits: u8) -> u64 {
    count.div_ceil(values_per_byte(bits) as u64)
}

/// Packs values of `bits` bits, in two's complement for more than one bit. Bits left over in the last byte are zero.
pub(crate) fn pack(values: &[i8], bits: u8) -> Vec<u8> {
    let mask = 0xFF >> (8 - bits);
    values
        .chunks(values_per_byte(bits))
        .map(|chunk| {
            let low_first = chunk.iter().rev();
            low_first.fold(0, |byte: u8, &value| {
                byte.checked_shl(bits.into()).unwrap_or(0) | (value as u8 & mask)
            })
        })
        .collect()
}

/// The first `count` values in `packed`, which has [`packed_len`] bytes; `None` when a left-over bit is not zero.
pub(crate) fn unpack(packed: &[u8], bits: u8, count: usize) -> Option<Vec<i8>> {
    let per_byte = values_per_byte(bits);
    let used = count % per_byte;
    if used != 0
        && packed
            .last()
            .is_some_and(|last| last >> (used * usize::from(bits)) != 0)
    {
        return None;
    }
    let mut values = Vec::with_capacity(count);
    for &byte in packed {
        let in_this_byte = per_byte.min(count - values.len());
        values.extend((0..in_this_byte).map(|i| value(byte >> (i * usize::from(bits)), bits)));
    }
    Some(values)
}

fn values_per_byte(bits: u8) -> usize {
    usize::from(8 / bits)
}

/// The value in the lowest `bits` bits of `byte`.
fn value(byte: u8, bits: u8) -> i8 {
    match bits {
        1 => (byte & 1) as i8,
        _ => {
            let unused = 8 - bits;
            (byte << unused) as i8 >> unused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that `bits` bits can hold.
    fn domain(bits: u8) -> Vec<i8> {
        match bits {
            1 => alloc::vec![0, 1],
            _ => (i8::MIN >> (8 - bits)..=i8::MAX >> (8 - bits)).collect(),
        }
    }

    #[test]
    fn the_example_of_the_documentation() {
        assert_eq!(pack(&[1, -1, 0, 1, -1], 2), [0b01_00_11_01, 0b00_00_00_11]);
        assert_eq!(pack(&[7, -7, 1], 4), [0x97, 0x01]);
        assert_eq!(pack(&[1, 0, 1, 1, 0, 0, 0, 0, 1], 1), [0b0000_1101, 1]);
        assert_eq!(pack(&[-127, 5], 8), [0x81, 0x05]);
    }

    #[test]
    fn every_value_of_every_width_survives_at_every_place_in_a_byte() {
        for bits in [1, 2, 4, 8] {
            for value in domain(bits) {
                for before in 0..8 {
                    let mut values = alloc::vec![0; before];
                    values.push(value);
                    let packed = pack(&values, bits);
                    assert_eq!(packed.len() as u64, packed_len(values.len() as u64, bits));
                    assert_eq!(unpack(&packed, bits, values.len()), Some(values));
                }
            }
        }
    }

    #[test]
    fn every_byte_is_the_packing_of_what_it_unpacks_to() {
        for bits in [1, 2, 4, 8] {
            for byte in 0..=u8::MAX {
                let values = unpack(&[byte], bits, usize::from(8 / bits)).unwrap();
                assert_eq!(pack(&values, bits), [byte]);
            }
        }
    }

    #[test]
    fn every_left_over_bit_is_checked() {
        for bits in [1, 2, 4] {
            for count in 1..usize::from(8 / bits) {
                for bit in 0..8 {
                    let left_over = bit >= count * usize::from(bits);
                    assert_eq!(unpack(&[1 << bit], bits, count).is_none(), left_over);
                }
            }
        }
    }
}
