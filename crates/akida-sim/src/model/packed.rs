//! Integers packed at their own width of 1, 2, 4 or 8 bits.
//!
//! A byte has 8 / bits values, the first in its lowest bits. Values of more than one bit are in two's complement.

use crate::memory::{self, OutOfMemory};
use alloc::vec::Vec;
use core::array;

/// The number of bytes of `count` values of `bits` bits: 1, 2, 4 or 8.
pub(super) fn len(count: usize, bits: u8) -> usize {
    count.div_ceil(per_byte(bits))
}

/// Packs values of `bits` bits. Bits left over in the last byte are zero.
pub(super) fn pack(
    values: impl ExactSizeIterator<Item = i8>,
    bits: u8,
) -> Result<Vec<u8>, OutOfMemory> {
    let mut packed = memory::filled(0u8, len(values.len(), bits))?;
    let mask = 0xFF >> (8 - bits);
    let mut values = values.fuse();
    for byte in &mut packed {
        for (place, value) in (0..per_byte(bits)).zip(&mut values) {
            *byte |= (value as u8 & mask) << (place * usize::from(bits));
        }
    }
    Ok(packed)
}

/// The first `count` values.
pub(super) fn unpack(packed: &[u8], bits: u8, count: usize) -> Result<Vec<i8>, OutOfMemory> {
    match bits {
        1 => unpack_places::<8>(packed, count),
        2 => unpack_places::<4>(packed, count),
        4 => unpack_places::<2>(packed, count),
        _ => unpack_places::<1>(packed, count),
    }
}

/// [`unpack`] for a number of values per byte that is known at compile time, so that vector code is made.
fn unpack_places<const PER_BYTE: usize>(
    packed: &[u8],
    count: usize,
) -> Result<Vec<i8>, OutOfMemory> {
    let mut values = memory::filled(0, packed.len() * PER_BYTE)?;
    for (values, &byte) in values.as_chunks_mut::<PER_BYTE>().0.iter_mut().zip(packed) {
        *values = array::from_fn(|place| value(byte, 8 / PER_BYTE as u8, place));
    }
    values.truncate(count);
    Ok(values)
}

/// The value at `index`.
pub(super) fn at(packed: &[u8], bits: u8, index: usize) -> i8 {
    let shift = per_byte(bits).trailing_zeros();
    let place = index & (per_byte(bits) - 1);
    value(packed[index >> shift], bits, place)
}

/// The smallest and the largest value that `bits` bits can express.
pub(super) fn range(bits: u8) -> (i8, i8) {
    match bits {
        1 => (0, 1),
        _ => (i8::MIN >> (8 - bits), i8::MAX >> (8 - bits)),
    }
}

/// The first of `count` values with a property.
pub(super) fn find(
    packed: &[u8],
    bits: u8,
    count: usize,
    property: impl Fn(i8) -> bool,
) -> Option<i8> {
    let in_byte = |byte: u8| (0..per_byte(bits)).map(move |place| value(byte, bits, place));
    let has = array::from_fn::<bool, 256, _>(|byte| in_byte(byte as u8).any(&property));
    let bytes = packed.iter().enumerate();
    bytes
        .filter(|(_, byte)| has[usize::from(**byte)])
        .flat_map(|(index, &byte)| in_byte(byte).take(count - index * per_byte(bits)))
        .find(|&value| property(value))
}

/// How often each of `count` values occurs, rising by value.
pub(super) fn histogram(packed: &[u8], bits: u8, count: usize) -> Vec<(i8, u64)> {
    let mut bytes = [0u64; 256];
    for &byte in packed {
        bytes[usize::from(byte)] += 1;
    }
    let mut values = [0u64; 256];
    for (byte, number) in (0..=u8::MAX).zip(bytes) {
        for place in 0..per_byte(bits) {
            values[usize::from(value(byte, bits, place) as u8)] += number;
        }
    }
    // The bits left over in the last byte are zero. They are no values.
    values[0] -= (packed.len() * per_byte(bits) - count) as u64;
    let rising = (i8::MIN..=i8::MAX).map(|value| (value, values[usize::from(value as u8)]));
    rising.filter(|(_, number)| *number > 0).collect()
}

fn per_byte(bits: u8) -> usize {
    usize::from(8 / bits)
}

/// The value at `place` in `byte`, counted from the lowest bits.
fn value(byte: u8, bits: u8, place: usize) -> i8 {
    let byte = byte >> (place * usize::from(bits));
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

    fn pack(values: &[i8], bits: u8) -> Vec<u8> {
        super::pack(values.iter().copied(), bits).unwrap()
    }

    fn unpack(packed: &[u8], bits: u8, count: usize) -> Vec<i8> {
        super::unpack(packed, bits, count).unwrap()
    }

    const WIDTHS: [u8; 4] = [1, 2, 4, 8];

    #[test]
    fn the_example_of_the_documentation() {
        let packed = pack(&[1, -1, 0, 1, -1], 2);
        assert_eq!(packed, [0b01_00_11_01, 0b00_00_00_11]);
        assert_eq!(pack(&[7, -7, 1], 4), [0x97, 0x01]);
        assert_eq!(pack(&[1, 0, 1, 1, 0, 0, 0, 0, 1], 1), [0b0000_1101, 1]);
        assert_eq!(pack(&[-127, 5], 8), [0x81, 0x05]);
    }

    #[test]
    fn every_value_of_every_width_survives_at_every_place_in_a_byte() {
        for bits in WIDTHS {
            let (min, max) = range(bits);
            for value in min..=max {
                for before in 0..8 {
                    let mut values = alloc::vec![0; before];
                    values.push(value);
                    let packed = pack(&values, bits);
                    assert_eq!(packed.len(), len(values.len(), bits));
                    assert_eq!(at(&packed, bits, before), value);
                    assert_eq!(unpack(&packed, bits, values.len()), values);
                }
            }
        }
    }

    #[test]
    fn every_byte_is_the_packing_of_what_it_unpacks_to() {
        for bits in WIDTHS {
            for byte in 0..=u8::MAX {
                let values = unpack(&[byte], bits, per_byte(bits));
                assert_eq!(pack(&values, bits), [byte]);
            }
        }
    }

    #[test]
    fn a_histogram_counts_every_value_and_no_left_over_bits() {
        for bits in WIDTHS {
            let (min, max) = range(bits);
            for count in 0..20usize {
                let cycle = (min..=max).cycle();
                let values: Vec<i8> = cycle.take(count).collect();
                let mut expected: Vec<(i8, u64)> = Vec::new();
                let mut sorted = values.clone();
                sorted.sort_unstable();
                for value in sorted {
                    match expected.last_mut() {
                        Some((last, number)) if *last == value => *number += 1,
                        _ => expected.push((value, 1)),
                    }
                }
                assert_eq!(histogram(&pack(&values, bits), bits, count), expected);
            }
        }
    }

    #[test]
    fn a_value_is_found_where_it_is_and_nowhere_else() {
        for bits in WIDTHS {
            let (min, max) = range(bits);
            for (value, place) in [(min, 0), (max, 4), (max, 10)] {
                let mut values = alloc::vec![0; 11];
                values[place] = value;
                let packed = pack(&values, bits);
                let wanted = |v| v == value && v != 0;
                assert_eq!(
                    find(&packed, bits, 11, wanted),
                    (value != 0).then_some(value)
                );
                assert_eq!(find(&packed, bits, place, wanted), None);
            }
        }
    }
}
