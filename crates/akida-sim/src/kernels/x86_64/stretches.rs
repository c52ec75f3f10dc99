//! Stretches: groups of products that are summed in 16 bits.
//!
//! An instruction of AVX2 adds two products of bytes in 16 bits. A lane is the place of such a sum: a filter, and the first
//! or second half of its groups. The weights tell for how many groups no lane can exceed 16 bits, whatever the inputs are.

use super::group::GROUP;
use crate::kernels::generic::pack_panels;
use crate::kernels::{DenseShape, Weight};
use crate::memory::{self, OutOfMemory};
use crate::output::PANEL;
use alloc::vec::Vec;

const LANES: usize = PANEL * GROUP / 2;

/// The bytes of a panel with its table, from the bytes of its weights.
pub(super) fn panel_size(weights: usize) -> usize {
    weights + weights / (PANEL * GROUP) + 1
}

/// Packs weights into panels. Behind each panel stands its table, with a byte for each group and one more.
///
/// The table has the lengths of the stretches, in groups. Zeros fill it up; at least one zero ends it.
pub(super) fn pack(shape: DenseShape, weight: Weight<'_>) -> Result<Vec<i8>, OutOfMemory> {
    let panels = pack_panels::<i8, PANEL, GROUP>(shape, weight)?;
    let size = shape.rows * shape.run.div_ceil(GROUP) * PANEL * GROUP;
    let count = shape.filters.div_ceil(PANEL);
    let mut packed = memory::with_capacity(count * panel_size(size))?;
    for panel in panels.chunks_exact(size) {
        packed.extend_from_slice(panel);
        let end = packed.len() + panel_size(size) - size;
        let mut rest = panel.as_chunks::<{ PANEL * GROUP }>().0;
        while !rest.is_empty() {
            let length = stretch(rest, shape.largest_input);
            packed.push(length as i8);
            rest = &rest[length.into()..];
        }
        packed.resize(end, 0);
    }
    Ok(packed)
}

/// The number of groups at the beginning of `groups` whose products no lane can add up beyond 16 bits; at least 1.
fn stretch(groups: &[[i8; PANEL * GROUP]], largest_input: u32) -> u8 {
    let most = i16::MAX as u32 / largest_input.max(1);
    // The sums of positive and of negative weights of each lane.
    let (mut above, mut below) = ([0u32; LANES], [0u32; LANES]);
    let fitting = groups.iter().take(u8::MAX.into()).take_while(|group| {
        let lanes = group.as_chunks::<2>().0.iter();
        lanes
            .zip(above.iter_mut().zip(&mut below))
            .all(|(pair, (above, below))| {
                for &weight in pair {
                    *above += u32::from(weight.max(0).unsigned_abs());
                    *below += u32::from(weight.min(0).unsigned_abs());
                }
                (*above).max(*below) <= most
            })
    });
    (fitting.count() as u8).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The extremes of the sums that a prefix of a stretch can have in any lane, for inputs up to `input`.
    fn extremes(groups: &[[i8; PANEL * GROUP]], input: i64) -> [i64; 2] {
        let lane = |lane: usize, sign: i64| -> i64 {
            let weights = groups.iter().flat_map(|group| &group[2 * lane..][..2]);
            weights.map(|&w| (sign * i64::from(w)).max(0) * input).sum()
        };
        [1, -1].map(|sign| (0..LANES).map(|i| lane(i, sign)).max().unwrap())
    }

    #[test]
    fn stretches_are_as_long_as_16_bits_allow() {
        let mut state = 1u32;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        for (largest_input, largest_weight) in [(127, 127), (127, 60), (15, 7), (1, 1), (3, 127)] {
            for [rows, run, filters] in [[1, 1, 1], [3, 50, 17], [1, 1100, 33], [2, 8, 16]] {
                let weights: Vec<i8> = (0..rows * run * filters)
                    .map(|_| (random() % (2 * largest_weight + 1)) as i32 - largest_weight as i32)
                    .map(|w| w as i8)
                    .collect();
                let shape = DenseShape {
                    rows,
                    run,
                    rare: run,
                    filters,
                    offset: 0,
                    largest_input,
                    largest_product: largest_input * largest_weight,
                };
                let packed = pack(shape, &|row, index| {
                    &weights[(row * run + index) * filters..][..filters]
                })
                .unwrap();
                let size = rows * run.div_ceil(GROUP) * PANEL * GROUP;
                let panels = packed.chunks_exact(panel_size(size));
                assert!(panels.remainder().is_empty());
                assert_eq!(panels.len(), filters.div_ceil(PANEL));
                for panel in panels {
                    let (groups, table) = panel.split_at(size);
                    let mut rest = groups.as_chunks::<{ PANEL * GROUP }>().0;
                    let mut lengths = table.iter().map(|&length| usize::from(length as u8));
                    while !rest.is_empty() {
                        let length = lengths.next().unwrap();
                        assert!(length >= 1);
                        let fits = |groups| {
                            let [above, below] = extremes(groups, largest_input.into());
                            above <= i16::MAX.into() && -below >= i16::MIN.into()
                        };
                        assert!(fits(&rest[..length]));
                        // The lowest value of 16 bits is not used.
                        if length < rest.len().min(255) {
                            let [above, below] = extremes(&rest[..=length], largest_input.into());
                            assert!(above.max(below) > i16::MAX.into());
                        }
                        rest = &rest[length..];
                    }
                    assert_eq!(lengths.next(), Some(0), "the table ends");
                }
            }
        }
    }
}
