//! Kernels for AVX2.
#![allow(unsafe_code)]

use super::generic::{self, pack_pairs};
use super::{
    ByElement, DenseCall, DenseKernel, DenseRoutines, DenseShape, DepthwiseCall, DepthwiseKernel,
    LevelsKernel,
};
use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_storeu_si256,
};

pub(super) const DENSE_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-avx2",
    is_available: has_avx2,
    routines: ByElement::I16(DenseRoutines {
        pack: pack_pairs::<PANEL>,
        // SAFETY: kernels are called only where `is_available` has answered yes.
        run: |call| unsafe { dense(call) },
    }),
};

pub(super) const DEPTHWISE_AVX2: DepthwiseKernel = DepthwiseKernel {
    name: "x86_64-depthwise-i16-avx2",
    is_available: has_avx2,
    // SAFETY: kernels are called only where `is_available` has answered yes.
    routine: ByElement::I16(|call| unsafe { depthwise(call) }),
};

pub(super) const LEVELS_AVX2: LevelsKernel = LevelsKernel {
    name: "x86_64-levels-avx2",
    is_available: has_avx2,
    // SAFETY: kernels are called only where `is_available` has answered yes.
    run: |boundaries, filters, potentials, out| unsafe {
        levels(boundaries, filters, potentials, out)
    },
};

/// Filters per panel of packed weights: two registers of 32-bit sums.
const PANEL: usize = 16;
/// Positions computed together: with two registers each, the sums and operands stay in registers.
const TILE: usize = 4;

fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::is_x86_feature_detected!("avx2");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx2");
}

/// The portable routine, compiled for wider registers.
#[target_feature(enable = "avx2")]
fn depthwise(call: DepthwiseCall<'_, i16>) {
    generic::depthwise(call);
}

/// The portable routine, compiled for wider registers.
#[target_feature(enable = "avx2")]
fn levels(boundaries: &[i32], filters: usize, potentials: &[i32], levels: &mut [u8]) {
    generic::levels(boundaries, filters, potentials, levels);
}

/// Products of 16-bit pairs, summed in 32 bits: exact, as |input| < 2^15 and |weight| < 2^7.
#[target_feature(enable = "avx2")]
fn dense(call: DenseCall<'_, i16>) {
    let DenseCall {
        shape,
        input,
        row_step,
        position_step,
        weights,
        potentials,
    } = call;
    let positions = potentials.len() / shape.filters;
    let mut done = 0;
    while done < positions {
        let input = &input[done * position_step..];
        let potentials = &mut potentials[done * shape.filters..];
        let steps = (row_step, position_step);
        done += match positions - done {
            TILE.. => tile::<TILE>(&shape, input, steps, weights, potentials),
            2.. => tile::<2>(&shape, input, steps, weights, potentials),
            _ => tile::<1>(&shape, input, steps, weights, potentials),
        };
    }
}

/// The potentials of `N` neighbouring positions; gives `N`.
#[target_feature(enable = "avx2")]
fn tile<const N: usize>(
    shape: &DenseShape,
    input: &[i16],
    (row_step, position_step): (usize, usize),
    weights: &[i16],
    potentials: &mut [i32],
) -> usize {
    let length = shape.run.next_multiple_of(2);
    let panel_size = shape.rows * length * PANEL;
    for (panel, weights) in weights.chunks_exact(panel_size).enumerate() {
        let mut sums = [[_mm256_setzero_si256(); 2]; N];
        for (row, weights) in weights.chunks_exact(length * PANEL).enumerate() {
            let runs: [&[[i16; 2]]; N] = core::array::from_fn(|p| {
                input[row * row_step + p * position_step..][..length]
                    .as_chunks::<2>()
                    .0
            });
            for (pair, weights) in weights
                .as_chunks::<PANEL>()
                .0
                .as_chunks::<2>()
                .0
                .iter()
                .enumerate()
            {
                let [low, high] = [load(&weights[0]), load(&weights[1])];
                for (sums, run) in sums.iter_mut().zip(&runs) {
                    let [a, b] = run[pair];
                    let both = _mm256_set1_epi32(i32::from(a as u16) | i32::from(b) << 16);
                    sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(both, low));
                    sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(both, high));
                }
            }
        }
        let first = panel * PANEL;
        let count = PANEL.min(shape.filters - first);
        for (p, sums) in sums.iter().enumerate() {
            let values = store(*sums);
            potentials[p * shape.filters + first..][..count].copy_from_slice(&values[..count]);
        }
    }
    N
}

#[target_feature(enable = "avx2")]
fn load(values: &[i16; 16]) -> __m256i {
    // SAFETY: 32 readable bytes; the instruction needs no alignment.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store(sums: [__m256i; 2]) -> [i32; PANEL] {
    let mut values = [0; PANEL];
    let (low, high) = values.split_at_mut(8);
    // SAFETY: each half has 32 writable bytes; the instruction needs no alignment.
    unsafe {
        _mm256_storeu_si256(low.as_mut_ptr().cast(), sums[0]);
        _mm256_storeu_si256(high.as_mut_ptr().cast(), sums[1]);
    }
    values
}
