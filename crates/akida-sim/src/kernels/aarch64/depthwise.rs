//! Depthwise sums by NEON.
#![allow(unsafe_code)]

use crate::kernels::{DepthwiseCall, generic};
use core::arch::aarch64::*;

/// Channels of a register of 16-bit sums.
const CHANNELS: usize = 8;

/// Products and sums in 16 bits: exact where no partial sum exceeds them.
pub(super) fn run(mut call: DepthwiseCall<'_, i16>) {
    let channels = call.shape.channels;
    if (call.shape.rows, call.shape.columns) != (3, 3) || channels < CHANNELS {
        return generic::depthwise(call);
    }
    let positions = call.sums.len() / channels;
    let Some(last) = positions.checked_sub(1) else {
        return;
    };
    let end = last * call.position_step + 2 * call.row_step + 3 * channels;
    assert!(end <= call.input.len(), "inputs");
    assert!(9 * channels <= call.weights.len(), "weights");
    for first in (0..channels).step_by(CHANNELS) {
        // A last register that would not be full takes channels of the one before once more.
        let first = first.min(channels - CHANNELS);
        let mut done = 0;
        // Neighbouring windows share columns when they are one cell apart.
        while call.position_step == channels && positions - done >= 4 {
            done += strip::<4, 6>(&mut call, first, done);
        }
        while done < positions {
            done += strip::<1, 3>(&mut call, first, done);
        }
    }
}

/// 3x3 sums of the channels from `first` on, for `P` positions whose windows cover `C` columns; gives `P`.
#[inline(always)]
fn strip<const P: usize, const C: usize>(
    call: &mut DepthwiseCall<'_, i16>,
    first: usize,
    position: usize,
) -> usize {
    let channels = call.shape.channels;
    // SAFETY: every AArch64 processor has NEON.
    let mut sums = [unsafe { vdupq_n_s16(0) }; P];
    for row in 0..3 {
        let start = position * call.position_step + row * call.row_step + first;
        // SAFETY: `run` has checked that all channels of every cell of the windows can be read, and the weights of all
        // cells; `first` is such that there are as many channels as a register has.
        unsafe {
            let inputs = call.input.as_ptr().add(start);
            let weights = call.weights.as_ptr().add(3 * row * channels + first);
            let inputs: [_; C] = core::array::from_fn(|c| {
                vreinterpretq_s16_u16(vmovl_u8(vld1_u8(inputs.add(c * channels))))
            });
            let weights: [_; 3] = core::array::from_fn(|c| vld1q_s16(weights.add(c * channels)));
            for (p, sum) in sums.iter_mut().enumerate() {
                for (x, w) in inputs[p..].iter().zip(weights) {
                    *sum = vmlaq_s16(*sum, *x, w);
                }
            }
        }
    }
    for (p, sum) in sums.into_iter().enumerate() {
        let out = &mut call.sums[(position + p) * channels + first..][..CHANNELS];
        // SAFETY: 16 bytes can be written.
        unsafe { vst1q_s16(out.as_mut_ptr(), sum) };
    }
    P
}
