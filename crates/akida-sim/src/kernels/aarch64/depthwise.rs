//! Depthwise sums of 3x3 windows by NEON. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

use crate::kernels::sum_bytes::{BLOCK, FULL, RANKS};
use crate::kernels::{Bytes, DepthwiseCall, DepthwiseShape, DepthwiseSink, generic};
use crate::memory::{self, OutOfMemory};
use alloc::vec::Vec;
use core::arch::aarch64::*;

/// The channels of a register of 16-bit sums.
const CHANNELS: usize = 8;
/// The bytes of a register.
const BYTES: usize = 16;

/// The sums of a block of channels.
type Sums = [int16x8_t; BLOCK / CHANNELS];

/// Packs the weights of each cell for whole registers of channels.
pub(super) fn pack(shape: DepthwiseShape, weights: Vec<i8>) -> Result<Vec<i8>, OutOfMemory> {
    let width = padded(shape);
    if !is_covered(shape) || width == shape.channels {
        return Ok(weights);
    }
    let mut packed = memory::with_capacity(9 * width)?;
    for cell in weights.chunks_exact(shape.channels) {
        packed.extend(cell);
        packed.resize(packed.len().next_multiple_of(width), 0);
    }
    Ok(packed)
}

fn is_covered(shape: DepthwiseShape) -> bool {
    (shape.rows, shape.columns) == (3, 3)
}

/// The number of channels, rounded up to whole registers.
fn padded(shape: DepthwiseShape) -> usize {
    shape.channels.next_multiple_of(CHANNELS)
}

/// Products and sums in 16 bits: exact where no partial sum exceeds them.
pub(super) fn run(mut call: DepthwiseCall<'_, i16>) {
    let shape = call.shape;
    if !is_covered(shape) {
        return generic::depthwise_i16(call);
    }
    let Some(last) = call.positions.end().checked_sub(1) else {
        return;
    };
    let end = last + 2 * call.run_step + 2 * shape.channels + padded(shape);
    assert!(end <= call.input.len(), "inputs");
    assert!(9 * padded(shape) <= call.weights.len(), "weights");
    let step = call.positions.step;
    for (row, places) in call.positions.rows() {
        let (mut done, end) = (places.start, places.end);
        while done < end {
            let start = row + (done - places.start) * step;
            // Neighbouring windows of a tile share columns.
            done += if step == shape.channels && end - done >= 4 {
                tile::<4, 6>(&mut call, start, done)
            } else if step == 2 * shape.channels && end - done >= 2 {
                tile::<2, 5>(&mut call, start, done)
            } else {
                tile::<1, 3>(&mut call, start, done)
            };
        }
    }
}

/// Computes a tile: the sums of `P` positions, whose windows begin at `start` and cover `C` columns; gives `P`.
fn tile<const P: usize, const C: usize>(
    call: &mut DepthwiseCall<'_, i16>,
    start: usize,
    position: usize,
) -> usize {
    let channels = call.shape.channels;
    for (index, first) in (0..channels).step_by(BLOCK).enumerate() {
        let width = BLOCK.min(channels - first);
        // SAFETY: every AArch64 processor has NEON.
        let mut sums = [[unsafe { vdupq_n_s16(0) }; BLOCK / CHANNELS]; P];
        for register in 0..width.div_ceil(CHANNELS) {
            let of_positions = registers::<P, C>(call, start, first + register * CHANNELS);
            for (sums, made) in sums.iter_mut().zip(of_positions) {
                sums[register] = made;
            }
        }
        for (position, sums) in (position..).zip(sums) {
            match &mut call.sink {
                DepthwiseSink::Sums(out) => {
                    let out = &mut out[position * channels + first..][..width];
                    out.copy_from_slice(&values(sums)[..width]);
                }
                DepthwiseSink::Bytes(bytes, out) => {
                    store(bytes, index, sums, &mut out[position * bytes.step()..]);
                }
            }
        }
    }
    P
}

/// The sums of `P` positions for the channels of a register, from `channel` on.
#[inline(always)]
fn registers<const P: usize, const C: usize>(
    call: &DepthwiseCall<'_, i16>,
    start: usize,
    channel: usize,
) -> [int16x8_t; P] {
    let channels = call.shape.channels;
    let width = padded(call.shape);
    // The number of columns between neighbouring windows.
    let apart = if P > 1 { (C - 3) / (P - 1) } else { 0 };
    // SAFETY: every AArch64 processor has NEON.
    let mut sums = [unsafe { vdupq_n_s16(0) }; P];
    for row in 0..3 {
        // SAFETY: `run` has checked that every cell of the windows and its weights can be read, up to the last channel of
        // a register.
        unsafe {
            let inputs = call
                .input
                .as_ptr()
                .add(start + row * call.run_step + channel);
            let weights = call.weights.as_ptr().add(3 * row * width + channel);
            let inputs: [_; C] = core::array::from_fn(|c| {
                vreinterpretq_s16_u16(vmovl_u8(vld1_u8(inputs.add(c * channels))))
            });
            let weights: [_; 3] =
                core::array::from_fn(|c| vmovl_s8(vld1_s8(weights.add(c * width))));
            for (p, sum) in sums.iter_mut().enumerate() {
                for (x, w) in inputs[apart * p..].iter().zip(weights) {
                    *sum = vmlaq_s16(*sum, *x, w);
                }
            }
        }
    }
    sums
}

fn values(sums: Sums) -> [i16; BLOCK] {
    let mut values = [0; BLOCK];
    for (values, sums) in values.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(sums) {
        // SAFETY: 16 bytes can be written.
        unsafe { vst1q_s16(values.as_mut_ptr(), sums) };
    }
    values
}

/// Stores the bytes of a block of channels among the bytes of a position.
///
/// Bytes of rank 1 and 2 are stored a register at a time. The next register covers what one has written too much.
#[inline(always)]
fn store(bytes: &Bytes, block: usize, sums: Sums, out: &mut [u8]) {
    let first = block * BLOCK;
    let lowest = bytes.lowest()[first..][..BLOCK].as_ptr();
    // SAFETY: every AArch64 processor has NEON; the lowest sums of a block can be read.
    let distances: [uint16x8_t; BLOCK / CHANNELS] = core::array::from_fn(|i| unsafe {
        vreinterpretq_u16_s16(vsubq_s16(sums[i], vld1q_s16(lowest.add(i * CHANNELS))))
    });
    let of_rank = |rank: usize| {
        // SAFETY: every AArch64 processor has NEON.
        unsafe {
            let held = vdupq_n_u16(rank as u16 * FULL as u16);
            let half = |i: usize| vqmovn_u16(vqsubq_u16(distances[i], held));
            uint8x16x2_t(vcombine_u8(half(0), half(1)), vcombine_u8(half(2), half(3)))
        }
    };
    let uint8x16x2_t(low, high) = of_rank(0);
    for (half, out) in [low, high]
        .into_iter()
        .zip(out[first..].as_chunks_mut::<BYTES>().0)
    {
        // SAFETY: 16 bytes can be written.
        unsafe { vst1q_u8(out.as_mut_ptr(), half) };
    }
    for rank in 1..RANKS {
        let begin = bytes.begin_of_halves(block, rank)[0];
        let end = match rank + 1 {
            RANKS => bytes.begin_of_block(block + 1),
            next => bytes.begin_of_halves(block, next)[0],
        };
        if begin == end {
            return;
        }
        let of_rank = of_rank(rank);
        for place in (begin..end).step_by(BYTES) {
            let sources = &bytes.sources(place)[..BYTES];
            let out = &mut out[bytes.further() + place..][..BYTES];
            // SAFETY: 16 bytes can be read, and written.
            unsafe {
                // The lower bits of a source are the channel's number in its block.
                let sources = vld1q_u8(sources.as_ptr());
                let channels = vandq_u8(sources, vdupq_n_u8(BLOCK as u8 - 1));
                vst1q_u8(out.as_mut_ptr(), vqtbl2q_u8(of_rank, channels));
            }
        }
    }
}
