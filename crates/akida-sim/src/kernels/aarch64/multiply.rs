//! How the products of a run are made and added, by instruction. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

use crate::output::PANEL;
use core::arch::aarch64::*;
use core::arch::asm;

/// The sums of a panel.
pub(super) type Sums = [int32x4_t; 4];

/// A way to make the products of a run, from groups of `GROUP` bytes of inputs.
pub(super) trait Multiply<const GROUP: usize> {
    /// Adds the products of `groups` groups of inputs and weights to the sums of `M` positions.
    ///
    /// # Safety
    ///
    /// `groups` groups of inputs can be read for each position, and as many groups of a panel of weights. The processor has
    /// the instructions.
    unsafe fn add<const M: usize>(
        sums: &mut [Sums; M],
        inputs: [*const u8; M],
        weights: *const u8,
        groups: usize,
        largest_product: u32,
    );
}

/// The bytes of inputs that are read together.
const READ: usize = 16;

/// Dot products of four bytes. `D` is the instruction.
pub(super) struct ByFour<D>(D);

/// An instruction for dot products of four bytes.
pub(super) trait Dot {
    /// What the instruction takes for inputs.
    ///
    /// # Safety
    ///
    /// The processor has NEON.
    unsafe fn inputs(inputs: uint8x16_t) -> uint8x16_t;

    /// Adds the products of four inputs and four weights of each of four filters. The inputs are the group `LANE`.
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

/// The instruction for signed weights and unsigned inputs.
pub(super) struct Mixed;

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

/// The instruction for signed weights and signed inputs. It takes inputs less `LESS`, which is 0 or `OFFSET`.
pub(super) struct Signed<const LESS: u8>;

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

/// Adds the products of the group `LANE` of the inputs.
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

/// Products of signed weights and signed inputs, one input at a time. A stretch of products is summed in 16 bits.
///
/// Inputs are taken less `LESS`, which is 0 or `OFFSET`.
pub(super) struct SignedBytes<const LESS: u8>;

impl<const LESS: u8> Multiply<1> for SignedBytes<LESS> {
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
                let mut stretch = [[vdupq_n_s16(0); 2]; M];
                for group in group..end {
                    let w = vld1q_s8(weights.cast::<i8>().add(group * PANEL));
                    for (stretch, input) in stretch.iter_mut().zip(inputs) {
                        let x = veorq_u8(vld1q_dup_u8(input.add(group)), vdupq_n_u8(LESS));
                        let x = vreinterpretq_s8_u8(x);
                        stretch[0] = vmlal_s8(stretch[0], vget_low_s8(w), vget_low_s8(x));
                        stretch[1] = vmlal_high_s8(stretch[1], w, x);
                    }
                }
                for (sums, stretch) in sums.iter_mut().zip(stretch) {
                    for (half, narrow) in stretch.into_iter().enumerate() {
                        sums[2 * half] = vaddw_s16(sums[2 * half], vget_low_s16(narrow));
                        sums[2 * half + 1] = vaddw_high_s16(sums[2 * half + 1], narrow);
                    }
                }
            }
            group = end;
        }
    }
}

/// Products of 16 bits.
pub(super) struct Words;

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

/// Adds the products of the input `LANE`.
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
