//! Counting of levels that are not zero, for AVX2. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

use super::avx2;
use core::arch::x86_64::*;

/// The bytes of a register.
const LANES: usize = 32;
/// The number of registers that are compared together.
const TOGETHER: usize = 4;

/// How many levels are not zero; `None` where the host lacks AVX2.
pub(in crate::kernels) fn active_levels(levels: &[u8]) -> Option<u64> {
    // SAFETY: the host has the instructions.
    avx2::is_available().then(|| unsafe { count(levels) })
}

#[target_feature(enable = "avx2")]
fn count(levels: &[u8]) -> u64 {
    let (rows, rest) = levels.as_chunks::<{ TOGETHER * LANES }>();
    let mut zeros = _mm256_setzero_si256();
    // Each lane counts the zeros at its place in a byte, which holds 255 at most.
    for rows in rows.chunks(u8::MAX as usize) {
        let mut lanes = [_mm256_setzero_si256(); TOGETHER];
        for row in rows {
            for (lanes, values) in lanes.iter_mut().zip(row.as_chunks::<LANES>().0) {
                // SAFETY: the array is as long as a register.
                let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
                let is_zero = _mm256_cmpeq_epi8(values, _mm256_setzero_si256());
                *lanes = _mm256_sub_epi8(*lanes, is_zero);
            }
        }
        for lanes in lanes {
            let sums = _mm256_sad_epu8(lanes, _mm256_setzero_si256());
            zeros = _mm256_add_epi64(zeros, sums);
        }
    }
    let rest = rest.iter().filter(|&&level| level == 0).count();
    let mut sums = [0u64; 4];
    // SAFETY: the array is as long as a register.
    unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), zeros) };
    levels.len() as u64 - sums.iter().sum::<u64>() - rest as u64
}
