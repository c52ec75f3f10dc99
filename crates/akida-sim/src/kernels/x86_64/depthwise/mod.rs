//! Depthwise sums of 3x3 windows, in registers of any width. `docs/engine.md` defines the words.
//!
//! An instruction multiplies pairs of bytes by pairs of weights, and adds the two products in 16 bits. The nine cells of a
//! window make five pairs:
//!
//! - each of the three columns makes a pair of its upper two cells;
//! - the left and the middle cell of the lower row make a pair;
//! - the right cell of the lower row makes a pair with a weight of zero.
//!
//! Neighbouring windows see the same columns, so that a tile makes the pairs of a column once for all its windows.
#![allow(unsafe_code)]

mod avx2;
mod avx512;

use crate::kernels::{Bytes, DepthwiseCall, DepthwiseShape, DepthwiseSink, Positions};
use crate::memory::{self, OutOfMemory};
use alloc::vec::Vec;

/// A register of unsigned bytes, of weights, or of 16-bit sums.
///
/// A register of bytes needs two registers of sums. They hold the sums in the order in which
/// [`interleave`](Self::interleave) leaves the bytes.
///
/// # Safety
///
/// Methods need the instructions of the register. Pointers must be valid for all that a method reads or writes there.
pub(super) trait Register: Copy {
    /// The bytes of a register.
    const LANES: usize;
    /// How the sums of a register of channels are split into [`Bytes`] and where these are stored.
    type Split;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const u8) -> Self;
    /// The bytes of both registers in turns.
    unsafe fn interleave(self, other: Self) -> [Self; 2];
    /// Adds the products of pairs of bytes and pairs of weights.
    unsafe fn add_products(self, bytes: Self, weights: Self) -> Self;
    unsafe fn subtract(self, words: Self) -> Self;
    /// Loads sums that lie in the order of channels.
    unsafe fn load_sums(from: *const i16) -> [Self; 2];
    /// Stores sums in the order of channels.
    unsafe fn store_sums(sums: [Self; 2], to: *mut i16);
    /// The split of the channels from `first` on.
    unsafe fn split(bytes: &Bytes, first: usize) -> Self::Split;
    /// Stores bytes of one position, whose bytes begin at `to`.
    unsafe fn store_bytes(sums: [Self; 2], split: &Self::Split, to: *mut u8);
    /// Stores the bytes of several positions, whose channels a register holds side by side.
    unsafe fn store_bytes_of_several(
        sums: [Self; 2],
        split: &Self::Split,
        positions: usize,
        to: *mut u8,
    );
}

/// The pairs of a window.
const PAIRS: usize = 5;
/// The cells of each pair. Cells are numbered row by row.
const CELLS: [[Option<usize>; 2]; PAIRS] = [
    [Some(0), Some(3)],
    [Some(1), Some(4)],
    [Some(2), Some(5)],
    [Some(6), Some(7)],
    [Some(8), None],
];

/// Packs weights in the order of the registers that they meet: `[register of channels][pair][half][channel][2]`.
///
/// After the last channel the first one follows again, as a register may hold the channels of several positions.
pub(super) fn pack<const LANES: usize>(
    shape: DepthwiseShape,
    weights: Vec<i8>,
) -> Result<Vec<i8>, OutOfMemory> {
    if !is_covered(shape) {
        return Ok(weights);
    }
    let channels = shape.channels;
    let mut packed = memory::with_capacity(channels.next_multiple_of(LANES) * PAIRS * 2)?;
    for first in (0..channels).step_by(LANES) {
        for pair in CELLS {
            // Interleaving takes the lower half of each 16 bytes, then the upper half of each.
            for half in [0, 8] {
                for lane in (0..LANES).step_by(16).flat_map(|l| l..l + 8) {
                    let channel = (first + half + lane) % channels;
                    let weight = |cell: usize| weights[cell * channels + channel];
                    packed.extend(pair.map(|cell| cell.map_or(0, weight)));
                }
            }
        }
    }
    Ok(packed)
}

/// Whether [`run`] computes windows of this shape.
pub(super) fn is_covered(shape: DepthwiseShape) -> bool {
    (shape.rows, shape.columns) == (3, 3)
}

/// A call whose buffers are known to be large enough.
struct Windows<'a> {
    input: *const u8,
    channels: usize,
    run_step: usize,
    positions: Positions,
    weights: *const i8,
    sink: DepthwiseSink<'a, i16>,
    /// The number of positions whose channels a register holds side by side.
    together: usize,
}

/// Computes the sums of 3x3 windows.
///
/// It is exact where no sum exceeds 16 bits. Then no pair of products and no sum on the way exceeds them either. That holds
/// for sums that start from zero, and for sums that start from minus the lowest sum.
///
/// # Safety
///
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn run<R: Register>(call: DepthwiseCall<'_, i16>) {
    let DepthwiseCall {
        shape,
        input,
        run_step,
        positions,
        weights,
        sink,
    } = call;
    let channels = shape.channels;
    let lanes = R::LANES;
    let groups = channels.div_ceil(lanes);
    let Some(last) = positions.end().checked_sub(1) else {
        return;
    };
    assert!(
        last + 2 * run_step + 2 * channels + groups * lanes <= input.len(),
        "inputs"
    );
    assert!(groups * lanes * PAIRS * 2 <= weights.len(), "weights");
    match &sink {
        DepthwiseSink::Sums(sums) => assert!(positions.count * channels <= sums.len(), "sums"),
        DepthwiseSink::Bytes(bytes, out) => {
            assert!(bytes.room(positions.count) <= out.len(), "bytes");
            assert!(groups * lanes <= bytes.lowest().len(), "lowest sums");
        }
    }
    // Neighbouring positions read inputs side by side, so that a register may hold several positions.
    let flat = positions.step == channels && channels >= 16 && lanes.is_multiple_of(channels);
    let mut windows = Windows {
        input: input.as_ptr(),
        channels,
        run_step,
        positions,
        weights: weights.as_ptr(),
        sink,
        together: if flat { lanes / channels } else { 1 },
    };
    for group in 0..groups {
        // SAFETY: as this function's; the buffers have just been checked.
        unsafe { windows.group::<R>(group) };
    }
}

impl Windows<'_> {
    /// Computes all positions for a register of channels.
    ///
    /// # Safety
    ///
    /// As for [`run`], which has checked the buffers.
    #[inline(always)]
    unsafe fn group<R: Register>(&mut self, group: usize) {
        let first = group * R::LANES;
        // SAFETY: as this function's.
        let (start, split) = unsafe {
            match &self.sink {
                DepthwiseSink::Sums(_) => ([R::zero(); 2], None),
                DepthwiseSink::Bytes(bytes, _) => {
                    let [low, high] = R::load_sums(bytes.lowest()[first..].as_ptr());
                    let start = [R::zero().subtract(low), R::zero().subtract(high)];
                    (start, Some(R::split(bytes, first)))
                }
            }
        };
        let mut to = Target {
            start,
            split,
            first,
        };
        let step = self.positions.step;
        let together = self.together;
        // The number of columns between the windows of a register and the windows of the next register.
        let advance = (together * step).checked_div(self.channels);
        for (row, places) in self.positions.rows() {
            let (mut done, end) = (places.start, places.end);
            while done < end {
                let input = row + first + (done - places.start) * step;
                let full = (end - done) / together;
                // SAFETY: as this function's; the windows of so many positions have been checked.
                done += unsafe {
                    match advance {
                        Some(1) if full >= 4 => {
                            self.tile::<R, 4, 1>(&mut to, input, done, 4 * together)
                        }
                        Some(2) if full >= 3 => {
                            self.tile::<R, 3, 2>(&mut to, input, done, 3 * together)
                        }
                        _ => self.tile::<R, 1, 2>(&mut to, input, done, together.min(end - done)),
                    }
                };
            }
        }
    }

    /// Computes a tile: `P` registers of sums for `positions` positions from `position` on; gives `positions`.
    ///
    /// The first window begins at `input`. The windows of a register begin `S` columns behind the windows of the one before.
    ///
    /// # Safety
    ///
    /// As for [`run`], which has checked the buffers.
    #[inline(always)]
    unsafe fn tile<R: Register, const P: usize, const S: usize>(
        &mut self,
        target: &mut Target<R>,
        input: usize,
        position: usize,
        positions: usize,
    ) -> usize {
        let mut sums = [target.start; P];
        let columns = S * (P - 1) + 3;
        // SAFETY: as this function's: all columns of the windows can be read, and all weights of the group.
        unsafe {
            let weights = self.weights.add(target.first * PAIRS * 2).cast::<u8>();
            let weights =
                |pair: usize, half: usize| R::load(weights.add((2 * pair + half) * R::LANES));
            let upper = self.input.add(input);
            let lower = upper.add(2 * self.run_step);
            unrolled!(c < columns => {
                let cell = upper.add(c * self.channels);
                let pair = R::load(cell).interleave(R::load(cell.add(self.run_step)));
                unrolled!(p < P => {
                    if c >= S * p && c < S * p + 3 {
                        let column = c - S * p;
                        sums[p][0] = sums[p][0].add_products(pair[0], weights(column, 0));
                        sums[p][1] = sums[p][1].add_products(pair[1], weights(column, 1));
                    }
                });
            });
            unrolled!(c < columns => {
                if c % S == 0 {
                    let cell = lower.add(c * self.channels);
                    // Nothing follows the last column. What stands in for it meets a weight of zero.
                    let next = if c + 1 < columns { cell.add(self.channels) } else { cell };
                    let pair = R::load(cell).interleave(R::load(next));
                    unrolled!(p < P => {
                        if c == S * p || c == S * p + 2 {
                            let number = 3 + (c - S * p) / 2;
                            sums[p][0] = sums[p][0].add_products(pair[0], weights(number, 0));
                            sums[p][1] = sums[p][1].add_products(pair[1], weights(number, 1));
                        }
                    });
                }
            });
            unrolled!(p < P => {
                let first = p * self.together;
                self.store(target, sums[p], position + first, self.together.min(positions - first));
            });
        }
        positions
    }

    /// Stores the sums of a register, which holds `positions` positions from `position` on.
    ///
    /// # Safety
    ///
    /// As for [`run`], which has checked the buffers.
    #[inline(always)]
    unsafe fn store<R: Register>(
        &mut self,
        target: &Target<R>,
        sums: [R; 2],
        position: usize,
        positions: usize,
    ) {
        match (&mut self.sink, &target.split) {
            (DepthwiseSink::Bytes(bytes, out), Some(split)) => {
                // SAFETY: as this function's: `out` has room for the bytes of all positions.
                unsafe {
                    let to = out.as_mut_ptr().add(position * bytes.step());
                    if self.together > 1 {
                        R::store_bytes_of_several(sums, split, positions, to);
                    } else {
                        R::store_bytes(sums, split, to);
                    }
                }
            }
            (DepthwiseSink::Sums(out), _) => {
                let width = R::LANES.min(positions * self.channels - target.first);
                let out = &mut out[position * self.channels + target.first..][..width];
                if width == R::LANES {
                    // SAFETY: as this function's; `out` has as many values as a register of bytes has.
                    unsafe { R::store_sums(sums, out.as_mut_ptr()) };
                } else {
                    let mut all = [0; 64];
                    // SAFETY: as this function's; no register has more than 64 bytes.
                    unsafe { R::store_sums(sums, all.as_mut_ptr()) };
                    out.copy_from_slice(&all[..width]);
                }
            }
            (DepthwiseSink::Bytes(..), None) => {}
        }
    }
}

/// What the sums of a register of channels start from, and what becomes of them.
struct Target<R: Register> {
    /// What the sums start from: zero, or minus the lowest sums.
    start: [R; 2],
    /// How sums are split into bytes; `None` where they are stored as sums.
    split: Option<R::Split>,
    /// The first channel of the register.
    first: usize,
}
