//! Products by NEON: tiles of some positions and one panel of filters, their sums in registers.
#![allow(unsafe_code)]

use crate::kernels::product::Product;
use crate::kernels::{DenseCall, Sink};
use crate::output::{Line, PANEL};
use core::arch::aarch64::*;
use core::arch::asm;

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

/// Exact: four products of signed bytes are added to 32 bits without an intermediate that is narrower. What an offset
/// takes from a sum is in what it starts from; sums that pass 32 bits on the way come back, as they are added modulo 2^32.
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

/// Exact: products are summed in 16 bits only as long as the largest product allows, then in 32.
pub(super) fn u8_neon(call: DenseCall<'_, u8, i8>) {
    match call.shape.offset {
        0 => dense::<Bytes<0>, 1>(Product::new(call)),
        _ => dense::<Bytes<OFFSET>, 1>(Product::new(call)),
    }
}

/// Exact: products of 16 bits are added in 32 bits.
pub(super) fn i16_neon(call: DenseCall<'_, i16, i16>) {
    dense::<Words, 2>(Product::new(call));
}

/// What is taken from inputs beyond signed bytes: without a carry, their highest bit.
const OFFSET: u8 = 128;

/// A panel of sums.
type Sums = [int32x4_t; 4];

/// How the products of a run are made, from groups of `GROUP` bytes of inputs.
trait Multiply<const GROUP: usize> {
    /// Adds the products of `groups` groups of inputs and weights to the sums of `M` positions.
    ///
    /// # Safety
    ///
    /// So many groups of inputs can be read for each position, and of a panel of weights; the processor has the
    /// instructions.
    unsafe fn add<const M: usize>(
        sums: &mut [Sums; M],
        inputs: [*const u8; M],
        weights: *const u8,
        groups: usize,
        largest_product: u32,
    );
}

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

/// `M` positions from `position` on, whose windows start at `starts`, for one panel; gives `M`.
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
        // SAFETY: `Product::new` has checked that every group of the windows and all panels of weights can be read, and
        // the routines of the table call this only where their instructions are there.
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

/// Stores the sums of the panel whose first filter is `first`, for positions from `position` on.
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
    unrolled!(p < M => {
        product.sink.store(place(p), first, &values(sums[p])[..width]);
    });
}

/// Bytes of inputs that are read together.
const READ: usize = 16;

/// Dot products of four bytes, by which kind of them.
struct ByFour<D>(D);

trait Dot {
    /// Makes inputs those of the instruction.
    ///
    /// # Safety
    ///
    /// The processor has NEON.
    unsafe fn inputs(inputs: uint8x16_t) -> uint8x16_t;

    /// Adds the products of four weights of each of four filters and the inputs from 4 `LANE` on.
    ///
    /// # Safety
    ///
    /// The processor has the instruction.
    unsafe fn dot<const LANE: u8>(
        sum: int32x4_t,
        weights: int8x16_t,
        inputs: uint8x16_t,
    ) -> int32x4_t;
}

/// Signed weights and unsigned inputs.
struct Mixed;

impl Dot for Mixed {
    #[inline(always)]
    unsafe fn inputs(inputs: uint8x16_t) -> uint8x16_t {
        inputs
    }

    #[inline(always)]
    unsafe fn dot<const LANE: u8>(
        mut sum: int32x4_t,
        weights: int8x16_t,
        inputs: uint8x16_t,
    ) -> int32x4_t {
        // SAFETY: the caller knows that the instruction is there; it touches nothing but the registers named.
        unsafe {
            asm!(
                "sudot {sum:v}.4s, {weights:v}.16b, {inputs:v}.4b[{lane}]",
                sum = inout(vreg) sum,
                weights = in(vreg) weights,
                inputs = in(vreg) inputs,
                lane = const LANE,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }
}

/// Signed weights and signed inputs: those of the call less `LESS`, 0 or [`OFFSET`].
struct Signed<const LESS: u8>;

impl<const LESS: u8> Dot for Signed<LESS> {
    #[inline(always)]
    unsafe fn inputs(inputs: uint8x16_t) -> uint8x16_t {
        // SAFETY: the caller knows that there is NEON.
        unsafe { veorq_u8(inputs, vdupq_n_u8(LESS)) }
    }

    #[inline(always)]
    unsafe fn dot<const LANE: u8>(
        mut sum: int32x4_t,
        weights: int8x16_t,
        inputs: uint8x16_t,
    ) -> int32x4_t {
        // SAFETY: the caller knows that the instruction is there; it touches nothing but the registers named.
        unsafe {
            asm!(
                "sdot {sum:v}.4s, {weights:v}.16b, {inputs:v}.4b[{lane}]",
                sum = inout(vreg) sum,
                weights = in(vreg) weights,
                inputs = in(vreg) inputs,
                lane = const LANE,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }
}

impl<D: Dot> Multiply<4> for ByFour<D> {
    #[inline(always)]
    unsafe fn add<const M: usize>(
        sums: &mut [Sums; M],
        inputs: [*const u8; M],
        weights: *const u8,
        groups: usize,
        _largest_product: u32,
    ) {
        let whole = groups - groups % (READ / 4);
        // SAFETY: as the caller promises.
        unsafe {
            for group in (0..whole).step_by(READ / 4) {
                let x = inputs.map(|input| D::inputs(vld1q_u8(input.add(group * 4))));
                let weights = weights.add(group * PANEL * 4);
                add_group::<D, 0, M>(sums, x, weights);
                add_group::<D, 1, M>(sums, x, weights.add(PANEL * 4));
                add_group::<D, 2, M>(sums, x, weights.add(2 * PANEL * 4));
                add_group::<D, 3, M>(sums, x, weights.add(3 * PANEL * 4));
            }
            for group in whole..groups {
                let x = inputs.map(|input| {
                    let group = input.add(group * 4).cast::<u32>().read_unaligned();
                    D::inputs(vreinterpretq_u8_u32(vdupq_n_u32(group)))
                });
                add_group::<D, 0, M>(sums, x, weights.add(group * PANEL * 4));
            }
        }
    }
}

/// Adds the products of the group in a lane of the inputs.
///
/// # Safety
///
/// The processor has the instruction, and a group of a panel of weights can be read.
#[inline(always)]
unsafe fn add_group<D: Dot, const LANE: u8, const M: usize>(
    sums: &mut [Sums; M],
    inputs: [uint8x16_t; M],
    weights: *const u8,
) {
    for i in 0..4 {
        // SAFETY: as the caller promises.
        unsafe {
            let w = vld1q_s8(weights.cast::<i8>().add(i * 16));
            for (sums, x) in sums.iter_mut().zip(inputs) {
                sums[i] = D::dot::<LANE>(sums[i], w, x);
            }
        }
    }
}

/// Products of signed weights and signed inputs, those of the call less `LESS`, 0 or [`OFFSET`]; summed in 16 bits for a
/// stretch.
struct Bytes<const LESS: u8>;

impl<const LESS: u8> Multiply<1> for Bytes<LESS> {
    #[inline(always)]
    unsafe fn add<const M: usize>(
        sums: &mut [Sums; M],
        inputs: [*const u8; M],
        weights: *const u8,
        groups: usize,
        largest_product: u32,
    ) {
        let most = (i16::MAX as u32 / largest_product.max(1)) as usize;
        let mut group = 0;
        while group < groups {
            let end = groups.min(group.saturating_add(most));
            // SAFETY: as the caller promises.
            unsafe {
                let mut part = [[vdupq_n_s16(0); 2]; M];
                for group in group..end {
                    let w = vld1q_s8(weights.cast::<i8>().add(group * PANEL));
                    for (part, input) in part.iter_mut().zip(inputs) {
                        let x = veorq_u8(vld1q_dup_u8(input.add(group)), vdupq_n_u8(LESS));
                        let x = vreinterpretq_s8_u8(x);
                        part[0] = vmlal_s8(part[0], vget_low_s8(w), vget_low_s8(x));
                        part[1] = vmlal_high_s8(part[1], w, x);
                    }
                }
                for (sums, part) in sums.iter_mut().zip(part) {
                    for (half, part) in part.into_iter().enumerate() {
                        sums[2 * half] = vaddw_s16(sums[2 * half], vget_low_s16(part));
                        sums[2 * half + 1] = vaddw_high_s16(sums[2 * half + 1], part);
                    }
                }
            }
            group = end;
        }
    }
}

/// Products of 16 bits.
struct Words;

impl Multiply<2> for Words {
    #[inline(always)]
    unsafe fn add<const M: usize>(
        sums: &mut [Sums; M],
        inputs: [*const u8; M],
        weights: *const u8,
        groups: usize,
        _largest_product: u32,
    ) {
        let (inputs, weights) = (inputs.map(<*const u8>::cast::<i16>), weights.cast::<i16>());
        let whole = groups - groups % (READ / 2);
        // SAFETY: as the caller promises.
        unsafe {
            for group in (0..whole).step_by(READ / 2) {
                let x = inputs.map(|input| vld1q_s16(input.add(group)));
                let weights = weights.add(group * PANEL);
                add_word::<0, M>(sums, x, weights);
                add_word::<1, M>(sums, x, weights.add(PANEL));
                add_word::<2, M>(sums, x, weights.add(2 * PANEL));
                add_word::<3, M>(sums, x, weights.add(3 * PANEL));
                add_word::<4, M>(sums, x, weights.add(4 * PANEL));
                add_word::<5, M>(sums, x, weights.add(5 * PANEL));
                add_word::<6, M>(sums, x, weights.add(6 * PANEL));
                add_word::<7, M>(sums, x, weights.add(7 * PANEL));
            }
            for group in whole..groups {
                let x = inputs.map(|input| vdupq_n_s16(input.add(group).read()));
                add_word::<0, M>(sums, x, weights.add(group * PANEL));
            }
        }
    }
}

/// Adds the products of the input in a lane.
///
/// # Safety
///
/// The weights of a panel for one input can be read.
#[inline(always)]
unsafe fn add_word<const LANE: i32, const M: usize>(
    sums: &mut [Sums; M],
    inputs: [int16x8_t; M],
    weights: *const i16,
) {
    for half in 0..2 {
        // SAFETY: as the caller promises; every AArch64 processor has NEON.
        unsafe {
            let w = vld1q_s16(weights.add(half * 8));
            for (sums, x) in sums.iter_mut().zip(inputs) {
                let (low, high) = (sums[2 * half], sums[2 * half + 1]);
                sums[2 * half] = vmlal_laneq_s16::<LANE>(low, vget_low_s16(w), x);
                sums[2 * half + 1] = vmlal_high_laneq_s16::<LANE>(high, w, x);
            }
        }
    }
}

/// A panel of a [`Line`] in registers.
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

    /// The levels of shifted potentials.
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
