//! Depthwise sums by NEON.
#![allow(unsafe_code)]

use crate::kernels::split::BLOCK;
use crate::kernels::{DepthwiseCall, generic};
use core::arch::aarch64::*;

/// Channels of a register of 16-bit sums.
const CHANNELS: usize = 8;

/// Products and sums in 16 bits: exact where no partial sum exceeds them.
pub(super) fn run(mut call: DepthwiseCall<'_, i16>) {
    let channels = call.shape.channels;
    if (call.shape.rows, call.shape.columns) != (3, 3) || channels < CHANNELS {
        return generic::depthwise_i16(call);
    }
    let Some(last) = call.positions.end().checked_sub(1) else {
        return;
    };
    let end = last + 2 * call.run_step + 3 * channels;
    assert!(end <= call.input.len(), "inputs");
    assert!(9 * channels <= call.weights.len(), "weights");
    // Neighbouring windows share columns when they are one cell apart.
    let shared = call.positions.step == channels;
    for (row, places) in call.positions.rows() {
        let (mut done, end) = (places.start, places.end);
        while done < end {
            let start = row + (done - places.start) * call.positions.step;
            done += if shared && end - done >= 4 {
                strip::<4, 6>(&mut call, start, done)
            } else {
                strip::<1, 3>(&mut call, start, done)
            };
        }
    }
}

/// 3x3 sums of `P` positions whose windows begin at `start` and cover `C` columns; gives `P`.
fn strip<const P: usize, const C: usize>(
    call: &mut DepthwiseCall<'_, i16>,
    start: usize,
    position: usize,
) -> usize {
    let channels = call.shape.channels;
    for (block, first) in (0..channels).step_by(BLOCK).enumerate() {
        let width = BLOCK.min(channels - first);
        let mut sums = [[0; BLOCK]; P];
        for channel in (first..first + width).step_by(CHANNELS) {
            // A last register that would not be full takes channels of the one before once more.
            let channel = channel.min(channels - CHANNELS);
            for (sums, register) in sums.iter_mut().zip(registers::<P, C>(call, start, channel)) {
                let kept = CHANNELS.min(channel + CHANNELS - first);
                let place = (channel + CHANNELS - kept) - first;
                sums[place..][..kept].copy_from_slice(&register[CHANNELS - kept..]);
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            call.sink
                .store(position + p, channels, block, &sums[..width]);
        }
    }
    P
}

/// The sums of a register of channels.
#[inline(always)]
fn registers<const P: usize, const C: usize>(
    call: &DepthwiseCall<'_, i16>,
    start: usize,
    channel: usize,
) -> [[i16; CHANNELS]; P] {
    let channels = call.shape.channels;
    // SAFETY: every AArch64 processor has NEON.
    let mut sums = [unsafe { vdupq_n_s16(0) }; P];
    for row in 0..3 {
        // SAFETY: `run` has checked that all channels of every cell of the windows can be read, and the weights of all
        // cells; `channel` is such that there are as many channels as a register has.
        unsafe {
            let inputs = call
                .input
                .as_ptr()
                .add(start + row * call.run_step + channel);
            let weights = call.weights.as_ptr().add(3 * row * channels + channel);
            let inputs: [_; C] = core::array::from_fn(|c| {
                vreinterpretq_s16_u16(vmovl_u8(vld1_u8(inputs.add(c * channels))))
            });
            let weights: [_; 3] =
                core::array::from_fn(|c| vmovl_s8(vld1_s8(weights.add(c * channels))));
            for (p, sum) in sums.iter_mut().enumerate() {
                for (x, w) in inputs[p..].iter().zip(weights) {
                    *sum = vmlaq_s16(*sum, *x, w);
                }
            }
        }
    }
    sums.map(|sum| {
        let mut values = [0; CHANNELS];
        // SAFETY: 16 bytes can be written.
        unsafe { vst1q_s16(values.as_mut_ptr(), sum) };
        values
    })
}
