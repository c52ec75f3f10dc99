//! Products by NEON. A tile has some positions and one panel of filters. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

use super::multiply::{ByFour, Mixed, Multiply, Signed, SignedBytes, Sums, Words};
use crate::kernels::product::Product;
use crate::kernels::{DenseCall, Sink};
use crate::output::{IntegerLine, Line, PANEL};
use core::arch::aarch64::*;

pub(super) fn has_i8mm() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("i8mm");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "i8mm");
}

pub(super) fn has_dotprod() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "dotprod");
}

/// Exact: four products of unsigned and signed bytes are added to 32 bits without an intermediate that is narrower.
pub(super) fn u8_i8mm(call: DenseCall<'_, u8, i8>) {
    #[target_feature(enable = "i8mm")]
    fn compiled(call: DenseCall<'_, u8, i8>) {
        dense::<ByFour<Mixed>, 4>(Product::new(call));
    }
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { compiled(call) }
}

/// Exact: four products of signed bytes are added to 32 bits without an intermediate that is narrower.
///
/// What an offset takes from a sum is part of what the sum starts from. A sum that wraps at 32 bits on the way wraps back, as
/// additions are modulo 2^32.
pub(super) fn u8_dotprod(call: DenseCall<'_, u8, i8>) {
    #[target_feature(enable = "dotprod")]
    fn compiled(call: DenseCall<'_, u8, i8>) {
        match call.shape.offset {
            0 => dense::<ByFour<Signed<0>>, 4>(Product::new(call)),
            _ => dense::<ByFour<Signed<OFFSET>>, 4>(Product::new(call)),
        }
    }
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { compiled(call) }
}

/// Exact: a stretch of products is summed in 16 bits, no longer than the largest product allows, then added in 32 bits.
pub(super) fn u8_neon(call: DenseCall<'_, u8, i8>) {
    match call.shape.offset {
        0 => dense::<SignedBytes<0>, 1>(Product::new(call)),
        _ => dense::<SignedBytes<OFFSET>, 1>(Product::new(call)),
    }
}

/// Exact: products of 16 bits are added in 32 bits.
pub(super) fn i16_neon(call: DenseCall<'_, i16, i16>) {
    dense::<Words, 2>(Product::new(call));
}

/// The offset of inputs beyond signed bytes. To subtract it is to flip the highest bit of a byte.
pub(super) const OFFSET: u8 = 128;

#[inline(always)]
fn dense<K: Multiply<GROUP>, const GROUP: usize>(mut product: Product<'_, GROUP>) {
    for panel in 0..product.panels {
        let mut starts = product.positions.starts();
        let count = product.positions.count;
        let mut done = 0;
        while done < count {
            done += match count - done {
                4.. => tile::<K, GROUP, 4>(&mut product, panel, done, &mut starts),
                2.. => tile::<K, GROUP, 2>(&mut product, panel, done, &mut starts),
                _ => tile::<K, GROUP, 1>(&mut product, panel, done, &mut starts),
            };
        }
    }
}

/// Computes a tile: `M` positions from `position` on, whose windows begin at `starts`, and one panel; gives `M`.
#[inline(always)]
fn tile<K: Multiply<GROUP>, const GROUP: usize, const M: usize>(
    product: &mut Product<'_, GROUP>,
    panel: usize,
    position: usize,
    starts: &mut impl Iterator<Item = usize>,
) -> usize {
    let starts: [usize; M] = core::array::from_fn(|_| starts.next().unwrap_or_default());
    let first = panel * PANEL;
    let mut start = load(&product.start[first..]);
    if let Sink::Levels(levels, _) = &product.sink
        && let Some(line) = &levels.line
    {
        let shift = load(&line.shift[first..]);
        // SAFETY: every AArch64 processor has NEON.
        start = core::array::from_fn(|i| unsafe { vaddq_s32(start[i], shift[i]) });
    }
    let mut sums = [start; M];
    for row in 0..product.rows {
        // SAFETY: `Product::new` has checked that every group of the windows and all weights can be read. The routines of
        // the table call this only where their instructions are there.
        unsafe {
            let inputs = starts.map(|start| product.input.add(start + row * product.run_step));
            let weights = product
                .weights
                .add(panel * product.panel_size() + row * product.groups * PANEL * GROUP);
            K::add(
                &mut sums,
                inputs,
                weights,
                product.groups,
                product.largest_product,
            );
        }
    }
    store(product, first, position, &sums);
    M
}

/// Stores the results of a tile: `M` positions from `position` on, the panel whose first filter is `first`.
#[inline(always)]
fn store<const GROUP: usize, const M: usize>(
    product: &mut Product<'_, GROUP>,
    first: usize,
    position: usize,
    sums: &[Sums; M],
) {
    let filters = product.filters;
    let width = PANEL.min(filters - first);
    let place = |p: usize| (position + p) * filters + first;
    if let Sink::Levels(levels, out) = &mut product.sink
        && let Some(line) = &levels.line
    {
        let line = OnLine::new(line, first, levels.highest);
        unrolled!(p < M => {
            out[place(p)..][..width].copy_from_slice(&line.levels(sums[p])[..width]);
        });
        return;
    }
    if let Sink::Rescaled(rescaler, out) = &mut product.sink
        && let Some(line) = &rescaler.line
        && let Some(out) = out.bytes()
    {
        let line = OnIntegerLine::new(line, first, rescaler.flip);
        unrolled!(p < M => {
            out[place(p)..][..width].copy_from_slice(&line.outputs(sums[p])[..width]);
        });
        return;
    }
    unrolled!(p < M => {
        product.sink.store(place(p), first, &values(sums[p])[..width]);
    });
}

/// The parameters of an [`IntegerLine`] for a panel, in registers.
struct OnIntegerLine {
    low: Sums,
    high: Sums,
    scale: Sums,
    half: Sums,
    /// Shifts to the left, so that negative ones go to the right.
    shift: Sums,
    /// The bits that are flipped.
    flip: uint8x16_t,
}

impl OnIntegerLine {
    #[inline(always)]
    fn new(line: &IntegerLine, first: usize, flip: u8) -> Self {
        let shift = load(&line.shift[first..]);
        Self {
            low: load(&line.low[first..]),
            high: load(&line.high[first..]),
            scale: load(&line.scale[first..]),
            half: load(&line.half[first..]),
            // SAFETY: every AArch64 processor has NEON.
            shift: core::array::from_fn(|i| unsafe { vnegq_s32(shift[i]) }),
            // SAFETY: every AArch64 processor has NEON.
            flip: unsafe { vdupq_n_u8(flip) },
        }
    }

    /// The outputs of sums that have started from the bias, each as its lowest byte.
    #[inline(always)]
    fn outputs(&self, sums: Sums) -> [u8; PANEL] {
        let mut outputs = [0; PANEL];
        // SAFETY: every AArch64 processor has NEON; 16 bytes can be written.
        unsafe {
            let words: [int16x4_t; 4] = core::array::from_fn(|i| {
                let clipped = vminq_s32(vmaxq_s32(sums[i], self.low[i]), self.high[i]);
                let product = vmlaq_s32(self.half[i], clipped, self.scale[i]);
                vmovn_s32(vshlq_s32(product, self.shift[i]))
            });
            let low = vmovn_s16(vcombine_s16(words[0], words[1]));
            let high = vmovn_s16(vcombine_s16(words[2], words[3]));
            let bytes = vreinterpretq_u8_s8(vcombine_s8(low, high));
            vst1q_u8(outputs.as_mut_ptr(), veorq_u8(bytes, self.flip));
        }
        outputs
    }
}

/// The parameters of a [`Line`] for a panel, in registers.
struct OnLine {
    slope: [float32x4_t; 4],
    offset: [float32x4_t; 4],
    highest: float32x4_t,
}

impl OnLine {
    #[inline(always)]
    fn new(line: &Line, first: usize, highest: u8) -> Self {
        Self {
            slope: load_f32(&line.slope[first..]),
            offset: load_f32(&line.offset[first..]),
            // SAFETY: every AArch64 processor has NEON.
            highest: unsafe { vdupq_n_f32(f32::from(highest)) },
        }
    }

    /// The levels of potentials to which the line's shift has been added.
    #[inline(always)]
    fn levels(&self, shifted: Sums) -> [u8; PANEL] {
        let mut levels = [0; PANEL];
        // SAFETY: every AArch64 processor has NEON; 16 bytes can be written.
        unsafe {
            let words: [uint16x4_t; 4] = core::array::from_fn(|i| {
                let place = vfmaq_f32(self.offset[i], vcvtq_f32_s32(shifted[i]), self.slope[i]);
                let clipped = vminq_f32(vmaxq_f32(place, vdupq_n_f32(0.0)), self.highest);
                vmovn_u32(vcvtq_u32_f32(clipped))
            });
            let low = vmovn_u16(vcombine_u16(words[0], words[1]));
            let high = vmovn_u16(vcombine_u16(words[2], words[3]));
            vst1q_u8(levels.as_mut_ptr(), vcombine_u8(low, high));
        }
        levels
    }
}

#[inline(always)]
fn load(values: &[i32]) -> Sums {
    let values = &values[..PANEL];
    // SAFETY: 64 bytes can be read; every AArch64 processor has NEON.
    core::array::from_fn(|i| unsafe { vld1q_s32(values.as_ptr().add(4 * i)) })
}

#[inline(always)]
fn load_f32(values: &[f32]) -> [float32x4_t; 4] {
    let values = &values[..PANEL];
    // SAFETY: 64 bytes can be read; every AArch64 processor has NEON.
    core::array::from_fn(|i| unsafe { vld1q_f32(values.as_ptr().add(4 * i)) })
}

#[inline(always)]
fn values(sums: Sums) -> [i32; PANEL] {
    let mut values = [0; PANEL];
    for (values, sums) in values.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        // SAFETY: 16 bytes can be written; every AArch64 processor has NEON.
        unsafe { vst1q_s32(values.as_mut_ptr(), sums) };
    }
    values
}
