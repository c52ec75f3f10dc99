//! The beginning and the end of tiles: what sums start from, and what becomes of them in registers.

use super::super::group::Product;
use crate::kernels::Sink;
use crate::output::{IntegerLine, Levels, Line, PANEL};
use core::arch::x86_64::*;

/// Stores the results of a tile: `M` positions from `position` on, `N` panels from the filter `first` on.
///
/// It is always inlined and has the features of its caller. Otherwise the sums would have to leave their registers.
///
/// # Safety
///
/// The processor has what [`has_vnni`](super::has_vnni) asks for.
#[inline(always)]
pub(in crate::kernels::x86_64) unsafe fn end<const N: usize, const M: usize>(
    product: &mut Product<'_>,
    first: usize,
    position: usize,
    sums: &[[__m512i; N]; M],
) {
    let filters = product.filters;
    let place = |p: usize| (position + p) * filters;
    if let Sink::Levels(levels, out) = &mut product.sink
        && let Some(line) = &levels.line
    {
        unrolled!(n < N => {
            let first = first + n * PANEL;
            let width = PANEL.min(filters - first);
            // SAFETY: as this function's.
            unsafe {
                let line = OnLine::new(line, first, levels.highest);
                unrolled!(p < M => {
                    store_levels(line.levels(sums[p][n]), &mut out[place(p) + first..][..width]);
                });
            }
        });
        return;
    }
    if let Sink::Rescaled(rescaler, out) = &mut product.sink
        && let Some(line) = &rescaler.line
        && let Some(out) = out.bytes()
    {
        unrolled!(n < N => {
            let first = first + n * PANEL;
            let width = PANEL.min(filters - first);
            // SAFETY: as this function's.
            unsafe {
                let line = OnIntegerLine::new(line, first, rescaler.flip);
                unrolled!(p < M => {
                    store_levels(line.outputs(sums[p][n]), &mut out[place(p) + first..][..width]);
                });
            }
        });
        return;
    }
    let mut values = [[0; PANEL]; N];
    unrolled!(p < M => {
        unrolled!(n < N => {
            // SAFETY: 64 writable bytes; the instruction needs no alignment.
            unsafe { _mm512_storeu_si512(values[n].as_mut_ptr().cast(), sums[p][n]) };
        });
        let width = (N * PANEL).min(filters - first);
        product.sink.store(place(p) + first, first, &values.as_flattened()[..width]);
    });
}

/// What the sums of `N` panels from the filter `first` on start from. Where there is a line, its shift is included.
///
/// # Safety
///
/// The panels are some of the product's.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
pub(in crate::kernels::x86_64) unsafe fn start<const N: usize>(
    product: &Product<'_>,
    first: usize,
) -> [__m512i; N] {
    // SAFETY: as this function's: `Product::new` has checked that every panel has its starts and parameters. The instruction
    // needs no alignment.
    let panel = |values: &[i32], first: usize| unsafe {
        _mm512_loadu_si512(values.as_ptr().add(first).cast())
    };
    core::array::from_fn(|n| {
        let first = first + n * PANEL;
        let start = panel(product.start, first);
        match &product.sink {
            Sink::Levels(
                Levels {
                    line: Some(line), ..
                },
                _,
            ) => _mm512_add_epi32(start, panel(&line.shift, first)),
            _ => start,
        }
    })
}

/// The parameters of a [`Line`] for a panel, in registers.
struct OnLine {
    slope: __m512,
    offset: __m512,
    highest: __m512,
}

impl OnLine {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn new(line: &Line, first: usize, highest: u8) -> Self {
        Self {
            slope: load_f32(&line.slope[first..]),
            offset: load_f32(&line.offset[first..]),
            highest: _mm512_set1_ps(f32::from(highest)),
        }
    }

    /// The levels of potentials to which the line's shift has been added.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn levels(&self, shifted: __m512i) -> __m512i {
        let place = _mm512_fmadd_ps(_mm512_cvtepi32_ps(shifted), self.slope, self.offset);
        let clipped = _mm512_min_ps(_mm512_max_ps(place, _mm512_setzero_ps()), self.highest);
        _mm512_cvttps_epi32(clipped)
    }
}

/// The parameters of an [`IntegerLine`] for a panel, in registers.
struct OnIntegerLine {
    low: __m512i,
    high: __m512i,
    scale: __m512i,
    half: __m512i,
    shift: __m512i,
    /// The bits that are flipped.
    flip: __m512i,
}

impl OnIntegerLine {
    /// # Safety
    ///
    /// The line has a whole panel from `first` on, as `Product::new` checks.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    unsafe fn new(line: &IntegerLine, first: usize, flip: u8) -> Self {
        // SAFETY: as this function's; the instruction needs no alignment.
        let panel =
            |values: &[i32]| unsafe { _mm512_loadu_si512(values.as_ptr().add(first).cast()) };
        Self {
            low: panel(&line.low),
            high: panel(&line.high),
            scale: panel(&line.scale),
            half: panel(&line.half),
            shift: panel(&line.shift),
            flip: _mm512_set1_epi32(flip.into()),
        }
    }

    /// The outputs of sums that have started from the bias.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn outputs(&self, sums: __m512i) -> __m512i {
        let clipped = _mm512_min_epi32(_mm512_max_epi32(sums, self.low), self.high);
        let product = _mm512_mullo_epi32(clipped, self.scale);
        let shifted = _mm512_srav_epi32(_mm512_add_epi32(product, self.half), self.shift);
        _mm512_xor_si512(shifted, self.flip)
    }
}

pub(super) fn mask(width: usize) -> __mmask16 {
    (0xffff_u32 >> (PANEL - width)) as __mmask16
}

/// Stores as many outputs as `out` has, each as its lowest byte.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
fn store_levels(levels: __m512i, out: &mut [u8]) {
    let levels = _mm512_cvtepi32_epi8(levels);
    // SAFETY: no more bytes are written than `out` has; the instructions need no alignment.
    unsafe {
        if out.len() == PANEL {
            _mm_storeu_si128(out.as_mut_ptr().cast(), levels);
        } else {
            _mm_mask_storeu_epi8(out.as_mut_ptr().cast(), mask(out.len()), levels);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
fn load_f32(values: &[f32]) -> __m512 {
    let values = &values[..PANEL];
    // SAFETY: 64 readable bytes; the instruction needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}
