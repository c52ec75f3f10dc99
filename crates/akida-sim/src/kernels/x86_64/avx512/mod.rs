//! Kernels for AVX-512 with VNNI. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

mod outputs;

use super::depthwise;
use super::group::{GROUP, Product};
use crate::kernels::{DenseCall, DepthwiseCall, generic};
use crate::output::PANEL;
use core::arch::x86_64::*;
use outputs::mask;
pub(super) use outputs::{end, start};

/// The form of a product whose inputs and weights have 8 bits.
const BYTES: u8 = 0;
/// The form of a product whose inputs and weights have 16 bits.
const WORDS: u8 = 1;
/// The form of a product whose inputs have 8 bits and whose weights have 4 bits. Two panels share their bytes.
const HALVES: u8 = 2;

/// With at least so many rare groups times panels, it pays to look which groups are zero.
const WORTH_LOOKING: usize = 10;

pub(super) fn has_vnni() -> bool {
    #[cfg(feature = "std")]
    return std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512vnni");
    #[cfg(not(feature = "std"))]
    return cfg!(all(
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512vl",
        target_feature = "avx512vnni"
    ));
}

pub(super) fn has_vbmi() -> bool {
    #[cfg(feature = "std")]
    return has_vnni() && std::is_x86_feature_detected!("avx512vbmi");
    #[cfg(not(feature = "std"))]
    return has_vnni() && cfg!(target_feature = "avx512vbmi");
}

/// Exact: four products of 8 bits are added to 32 bits without an intermediate that is narrower.
pub(super) fn dense_u8(call: DenseCall<'_, u8, i8>) {
    multiply_u8(Product::new(call));
}

pub(super) fn multiply_u8(product: Product<'_>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { dense::<BYTES>(product) }
}

/// Exact: as [`dense_u8`]. Sums are sixteen times too large on the way, and the kernel objects where they would not fit 32
/// bits.
pub(super) fn dense_u8i4(call: DenseCall<'_, u8, i8>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe {
        dense::<HALVES>(Product::packed(call, |panels, panel| {
            panels.div_ceil(2) * panel
        }))
    }
}

/// Exact: two products of 16 bits are added to 32 bits, |input| < 2^15 and |weight| < 2^7.
pub(super) fn dense_i16(call: DenseCall<'_, i16, i16>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { dense::<WORDS>(Product::new(call)) }
}

/// Exact where no sum exceeds 16 bits.
pub(super) fn depthwise(call: DepthwiseCall<'_, i16>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { depthwise_sums(call) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn depthwise_sums(call: DepthwiseCall<'_, i16>) {
    if depthwise::is_covered(call.shape) {
        // SAFETY: this function has the instructions of the registers.
        unsafe { depthwise::run::<__m512i>(call) }
    } else {
        generic::depthwise_i16(call);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dense<const FORM: u8>(mut product: Product<'_>) {
    let mut panel = 0;
    // Tiles are such that sums, weights and an input fit 32 registers: four panels and six positions need 24 + 4 + 1.
    while panel < product.panels {
        panel += match product.panels - panel {
            4.. => columns::<4, 6, FORM>(&mut product, panel),
            3 => columns::<3, 8, FORM>(&mut product, panel),
            2 => columns::<2, 8, FORM>(&mut product, panel),
            _ => columns::<1, 8, FORM>(&mut product, panel),
        };
    }
}

/// Computes all positions for the `N` panels from `panel` on, in tiles of at most `M` positions; gives `N`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn columns<const N: usize, const M: usize, const FORM: u8>(
    product: &mut Product<'_>,
    panel: usize,
) -> usize {
    let mut starts = product.positions.starts();
    let count = product.positions.count;
    let mut done = 0;
    while done < count {
        let left = count - done;
        done += if left >= M {
            tile::<N, M, FORM>(product, panel, done, &mut starts)
        } else if left >= 4 {
            tile::<N, 4, FORM>(product, panel, done, &mut starts)
        } else if left >= 2 {
            tile::<N, 2, FORM>(product, panel, done, &mut starts)
        } else {
            tile::<N, 1, FORM>(product, panel, done, &mut starts)
        };
    }
    N
}

/// Computes a tile: `M` positions from `position` on, whose windows begin at `starts`, and `N` panels; gives `M`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
fn tile<const N: usize, const M: usize, const FORM: u8>(
    product: &mut Product<'_>,
    panel: usize,
    position: usize,
    starts: &mut impl Iterator<Item = usize>,
) -> usize {
    let starts: [usize; M] = core::array::from_fn(|_| starts.next().unwrap_or_default());
    let first = panel * PANEL;
    let mut sums: [[__m512i; N]; M] = if FORM == HALVES {
        [[_mm512_setzero_si512(); N]; M]
    } else {
        // SAFETY: the tile's panels are some of the product's.
        [unsafe { start(product, first) }; M]
    };
    // Multiplying a few groups takes less time than looking which are zero.
    let few = (product.groups - product.rare) * N < WORTH_LOOKING;
    let rare = if few { product.groups } else { product.rare };
    for row in 0..product.rows {
        // SAFETY: `Product::new` has checked that every group of the windows and all panels of weights can be read.
        unsafe {
            let inputs = starts.map(|start| product.input.add(start + row * product.run_step));
            for group in 0..rare {
                let weights = weights::<N, FORM>(product, panel, row, group);
                add::<N, M, FORM>(&mut sums, inputs, group, weights);
            }
        }
    }
    let mut next = rare;
    while next < product.groups {
        // SAFETY: as before. Products with rare inputs have one run, so that the inputs of the first run are all there are.
        unsafe {
            let inputs = starts.map(|start| product.input.add(start));
            let mut left = nonzero(&inputs, next * GROUP, product.groups - next);
            while left != 0 {
                let group = next + left.trailing_zeros() as usize;
                let weights = weights::<N, FORM>(product, panel, 0, group);
                add::<N, M, FORM>(&mut sums, inputs, group, weights);
                left &= left - 1;
            }
        }
        next += PANEL;
    }
    if FORM == HALVES {
        // SAFETY: as before.
        let start: [__m512i; N] = unsafe { start(product, first) };
        unrolled!(p < M => {
            unrolled!(n < N => {
                sums[p][n] = _mm512_add_epi32(_mm512_srai_epi32::<4>(sums[p][n]), start[n]);
            });
        });
    }
    // SAFETY: this function has the features that `end` needs.
    unsafe { end(product, first, position, &sums) };
    M
}

/// The weights of a group for `N` panels from `panel` on.
///
/// # Safety
///
/// The group and the panels are some of the product's.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn weights<const N: usize, const FORM: u8>(
    product: &Product<'_>,
    panel: usize,
    row: usize,
    group: usize,
) -> [__m512i; N] {
    let panel_size = product.panel_size();
    let packed = if FORM == HALVES { panel / 2 } else { panel };
    let group = row * product.run_size + group * PANEL * GROUP;
    // SAFETY: as this function's; the instruction needs no alignment.
    unsafe {
        let weights = product.weights.add(packed * panel_size + group);
        core::array::from_fn(|n| match FORM {
            // A weight becomes the upper half of a byte, and so sixteen times as large.
            HALVES => {
                let pair = _mm512_loadu_si512(weights.add(n / 2 * panel_size).cast());
                let half = if n % 2 == 0 {
                    _mm512_slli_epi16::<4>(pair)
                } else {
                    pair
                };
                _mm512_and_si512(half, _mm512_set1_epi8(0xf0_u8 as i8))
            }
            _ => _mm512_loadu_si512(weights.add(n * panel_size).cast()),
        })
    }
}

/// Adds to the sums of each position the products of a group of its inputs.
///
/// # Safety
///
/// The group can be read at each of `inputs`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn add<const N: usize, const M: usize, const FORM: u8>(
    sums: &mut [[__m512i; N]; M],
    inputs: [*const u8; M],
    group: usize,
    weights: [__m512i; N],
) {
    for (sums, input) in sums.iter_mut().zip(inputs) {
        // SAFETY: as this function's.
        let x = unsafe { input.add(group * GROUP).cast::<i32>().read_unaligned() };
        let x = _mm512_set1_epi32(x);
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum = if FORM == WORDS {
                _mm512_dpwssd_epi32(*sum, x, w)
            } else {
                _mm512_dpbusd_epi32(*sum, x, w)
            };
        }
    }
}

/// The groups that are not zero at one position or more, as the bits of a mask. It looks at as many groups as a register has.
///
/// # Safety
///
/// `groups` groups can be read from `offset` on at each of `inputs`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn nonzero(inputs: &[*const u8], offset: usize, groups: usize) -> __mmask16 {
    let lanes = mask(PANEL.min(groups));
    let mut any = _mm512_setzero_si512();
    for input in inputs {
        // SAFETY: as this function's. The mask keeps other groups from being read; the instruction needs no alignment.
        let groups = unsafe { _mm512_maskz_loadu_epi32(lanes, input.add(offset).cast()) };
        any = _mm512_or_si512(any, groups);
    }
    _mm512_test_epi32_mask(any, any)
}
