//! Sums of two maps (`docs/arithmetic-akida2.md`, section G).

use crate::model::shifts::{saturate, shift_left};
use alloc::vec::Vec;

/// The sums of two maps. The values of each channel are shifted to the left before that.
pub(super) fn add(maps: [&[i64]; 2], shifts: [&[i32]; 2], buffer_bits: u8) -> Vec<i64> {
    let [a, b] = maps;
    let channels = shifts[0].len();
    let shifted = |value: i64, shifts: &[i32], index: usize| {
        saturate(shift_left(value, shifts[index % channels]), buffer_bits)
    };
    let pairs = a.iter().zip(b).enumerate();
    pairs
        .map(|(i, (&a, &b))| {
            let sum = shifted(a, shifts[0], i) + shifted(b, shifts[1], i);
            saturate(sum, buffer_bits)
        })
        .collect()
}
