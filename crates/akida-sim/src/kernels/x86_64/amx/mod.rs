//! The kernel for AMX: products of sixteen positions and sixteen filters at once.
//!
//! An instruction multiplies a tile of sixteen windows' next 64 bytes by one of the weights that they meet. Two tiles of each are
//! multiplied crosswise, so that four instructions follow four loads. Windows that lie at even distances are loaded from where they
//! are; others are brought side by side first, once for all filters.
#![allow(unsafe_code)]

mod tiles;

pub(super) use tiles::is_available;

use super::{Product, avx512};
use crate::kernels::generic::pack_panels;
use crate::kernels::{DenseCall, DenseShape, Weight};
use crate::output::PANEL;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::arch::asm;
use core::arch::x86_64::*;
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ops::Range;
use tiles::Tiles;

/// Bytes of a window that an instruction multiplies: a row of a tile.
const STEP: usize = 64;
/// Windows of a tile; groups of weights of one.
const ROWS: usize = 16;
/// Bytes of a tile.
const TILE: usize = ROWS * STEP;
/// Steps of windows that are brought side by side at a time.
const STAGED: usize = 64;
/// Bytes between windows that are side by side, not such that all fall into one set of a cache.
const STRIDE: usize = (STAGED + 1) * STEP;
/// Fewer positions are multiplied as vectors, as most of a tile would be empty while all weights are read once either way.
const FEW: usize = 4;

/// How windows are cut into steps.
#[derive(Clone, Copy)]
struct Steps {
    /// Runs that are cut: those of a window, or one that joins them.
    runs: usize,
    per_run: usize,
}

impl Steps {
    /// Runs are joined where that spares a third of the steps, as it takes time to bring them together.
    fn of(shape: DenseShape) -> Self {
        let apart = Self {
            runs: shape.rows,
            per_run: shape.run.div_ceil(STEP),
        };
        let joined = Self {
            runs: 1,
            per_run: (shape.rows * shape.run).div_ceil(STEP),
        };
        let pays = 3 * joined.count() < 2 * apart.count() && joined.count() <= STAGED;
        if pays { joined } else { apart }
    }

    fn count(self) -> usize {
        self.runs * self.per_run
    }

    fn join_runs_of(self, shape: DenseShape) -> bool {
        self.runs != shape.rows
    }
}

/// Panels of tiles: groups of four weights of sixteen filters, zeros where a last step of a run exceeds it.
pub(super) fn pack(shape: DenseShape, weight: Weight<'_>) -> Vec<i8> {
    let steps = Steps::of(shape);
    let none = vec![0; shape.filters];
    let cut = DenseShape {
        rows: steps.runs,
        run: steps.per_run * STEP,
        ..shape
    };
    pack_panels::<i8, PANEL, 4>(cut, &|row, index| {
        let (row, index) = if steps.join_runs_of(shape) {
            (index / shape.run, index % shape.run)
        } else {
            (row, index)
        };
        if row < shape.rows && index < shape.run {
            weight(row, index)
        } else {
            &none
        }
    })
}

/// Exact: four products of 8 bits are added to 32 bits without an intermediate that is narrower.
pub(super) fn dense_u8(call: DenseCall<'_, u8, i8>) {
    let steps = Steps::of(call.shape);
    let (shape, input) = (call.shape, call.input);
    // Joined runs may be fewer groups than runs that are filled up to groups each.
    let mut product = Product::packed(call, |panels, _| panels * steps.count() * TILE);
    product.run_size = steps.per_run * TILE;
    let joined = steps.join_runs_of(shape);
    if product.positions.count < FEW && !joined {
        return avx512::multiply_u8(product);
    }
    let windows = Windows {
        input,
        rows: shape.rows,
        run: shape.run,
        run_step: product.run_step,
        joined,
        steps,
    };
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { multiply(product, windows) }
}

/// Loads rows that are `$stride` bytes apart.
macro_rules! load_tile {
    ($tile:literal, $first:expr, $stride:expr) => {
        asm!(
            concat!("tileloadd ", $tile, ", [{first} + {stride}]"),
            first = in(reg) $first,
            stride = in(reg) $stride,
            options(nostack, readonly, preserves_flags),
        )
    };
}

/// Stores rows `$stride` bytes apart.
macro_rules! store_tile {
    ($tile:literal, $first:expr, $stride:expr) => {
        asm!(
            concat!("tilestored [{first} + {stride}], ", $tile),
            first = in(reg) $first,
            stride = in(reg) $stride,
            options(nostack, preserves_flags),
        )
    };
}

/// An instruction on tiles alone.
macro_rules! on_tiles {
    ($instruction:literal) => {
        asm!($instruction, options(nomem, nostack, preserves_flags))
    };
}

/// The windows of a product.
struct Windows<'a> {
    input: &'a [u8],
    rows: usize,
    /// Bytes of a run.
    run: usize,
    run_step: usize,
    /// Whether the runs of a window are joined.
    joined: bool,
    steps: Steps,
}

/// Windows side by side, for two tiles; those that there are not hold anything.
#[repr(C, align(64))]
struct Staging([[u8; STRIDE]; 2 * ROWS]);

/// Sums of two tiles of windows and two panels: `[tile][row][panel]`.
#[repr(C, align(64))]
struct Sums(MaybeUninit<[[i32; PANEL]; 4 * ROWS]>);

std::thread_local! {
    /// Kept for the next product of the same thread. It is not on the stack, as threads of other programs may have too small a one.
    static STAGING: Cell<Option<Box<MaybeUninit<Staging>>>> = const { Cell::new(None) };
}

/// Where a tile of windows is loaded from.
#[derive(Clone, Copy)]
struct Place {
    first: *const u8,
    stride: usize,
    /// From the end of a run to the next, in addition.
    jump: usize,
    is_staged: bool,
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply(mut product: Product<'_>, windows: Windows<'_>) {
    let _tiles = Tiles::new();
    // A thread that ends keeps nothing.
    let kept = STAGING.try_with(Cell::take).ok().flatten();
    let mut staging = kept.unwrap_or_else(Box::new_uninit);
    let mut sums = Sums(MaybeUninit::uninit());
    let mut starts = product.positions.starts();
    let count = product.positions.count;
    for position in (0..count).step_by(2 * ROWS) {
        let mut block = [0; 2 * ROWS];
        let mut filled = 0;
        for (start, next) in block.iter_mut().zip(&mut starts) {
            (*start, filled) = (next, filled + 1);
        }
        let block = &block[..filled];
        let (product, staging, sums) = (&mut product, &mut *staging, &mut sums);
        if filled <= ROWS {
            multiply_block::<1>(product, &windows, position, block, staging, sums);
        } else {
            multiply_block::<2>(product, &windows, position, block, staging, sums);
        }
    }
    let _ = STAGING.try_with(|kept| kept.set(Some(staging)));
}

/// The positions from `position` on, whose windows start at `starts`, in `A` tiles, for all panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply_block<const A: usize>(
    product: &mut Product<'_>,
    windows: &Windows<'_>,
    position: usize,
    starts: &[usize],
    staging: &mut MaybeUninit<Staging>,
    sums: &mut Sums,
) {
    let staged: *mut u8 = staging.as_mut_ptr().cast();
    let places: [Place; A] = core::array::from_fn(|a| {
        let starts = &starts[a * ROWS..];
        windows.place(
            &starts[..ROWS.min(starts.len())],
            staged.wrapping_add(a * ROWS * STRIDE),
        )
    });
    let mut held = None;
    let mut panel = 0;
    while panel < product.panels {
        let width = 2.min(product.panels - panel);
        // SAFETY: `dense_u8` has checked that all panels of weights can be read, `Windows::place` the windows.
        unsafe {
            on_tiles!("tilezero tmm0");
            on_tiles!("tilezero tmm1");
            on_tiles!("tilezero tmm2");
            on_tiles!("tilezero tmm3");
        }
        let count = windows.steps.count();
        let size = count * TILE;
        let mut inputs = places.map(|place| place.first);
        let mut left = windows.steps.per_run;
        for first in (0..count).step_by(STAGED) {
            let steps = first..count.min(first + STAGED);
            for (a, place) in places.iter().enumerate().filter(|(_, p)| p.is_staged) {
                inputs[a] = place.first;
                if held != Some(first) {
                    let starts = &starts[a * ROWS..];
                    for (row, &start) in starts.iter().take(ROWS).enumerate() {
                        let to = staged.wrapping_add((a * ROWS + row) * STRIDE);
                        // SAFETY: `to` begins a row of the staging memory.
                        unsafe { windows.stage(start, steps.clone(), to) };
                    }
                }
            }
            held = Some(first);
            for step in steps {
                // SAFETY: as above.
                unsafe {
                    let weights = product.weights.add(panel * size + step * TILE);
                    if width == 2 {
                        multiply_step::<A, 2>(inputs, &places, [weights, weights.add(size)]);
                    } else {
                        multiply_step::<A, 1>(inputs, &places, [weights]);
                    }
                }
                left -= 1;
                let mut jumps = [0; A];
                if left == 0 {
                    left = windows.steps.per_run;
                    jumps = places.map(|place| place.jump);
                }
                for (input, jump) in inputs.iter_mut().zip(jumps) {
                    *input = input.wrapping_add(STEP.wrapping_add(jump));
                }
            }
        }
        if width == 2 {
            end::<A, 2>(product, panel, position, starts.len(), sums);
        } else {
            end::<A, 1>(product, panel, position, starts.len(), sums);
        }
        panel += width;
    }
}

/// Adds the products of `A` tiles of windows and `B` of weights to tiles 0 to 3.
///
/// # Safety
///
/// All tiles can be read.
#[inline]
unsafe fn multiply_step<const A: usize, const B: usize>(
    inputs: [*const u8; A],
    places: &[Place; A],
    weights: [*const u8; B],
) {
    // SAFETY: the caller's.
    unsafe {
        load_tile!("tmm4", inputs[0], places[0].stride);
        load_tile!("tmm6", weights[0], STEP);
        on_tiles!("tdpbusd tmm0, tmm4, tmm6");
        if B > 1 {
            load_tile!("tmm7", weights[B - 1], STEP);
            on_tiles!("tdpbusd tmm1, tmm4, tmm7");
        }
        if A > 1 {
            load_tile!("tmm5", inputs[A - 1], places[A - 1].stride);
            on_tiles!("tdpbusd tmm2, tmm5, tmm6");
            if B > 1 {
                on_tiles!("tdpbusd tmm3, tmm5, tmm7");
            }
        }
    }
}

/// Stores the results of tiles 0 to 3 for `count` positions from `position` on and `B` panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn end<const A: usize, const B: usize>(
    product: &mut Product<'_>,
    panel: usize,
    position: usize,
    count: usize,
    sums: &mut Sums,
) {
    /// Positions that are ended together.
    const TOGETHER: usize = 4;
    let sums: *mut [i32; PANEL] = sums.0.as_mut_ptr().cast();
    // SAFETY: `A * B` tiles, at most four, lie inside the sums.
    unsafe {
        let tile = |a: usize, b: usize| sums.add(a * ROWS * B + b);
        let stride = B * size_of::<[i32; PANEL]>();
        store_tile!("tmm0", tile(0, 0), stride);
        if B > 1 {
            store_tile!("tmm1", tile(0, 1), stride);
        }
        if A > 1 {
            store_tile!("tmm2", tile(1, 0), stride);
            if B > 1 {
                store_tile!("tmm3", tile(1, 1), stride);
            }
        }
    }
    let first = panel * PANEL;
    let start = avx512::start::<B>(product, first);
    let of = |p: usize| -> [__m512i; B] {
        core::array::from_fn(|b| {
            // SAFETY: one of `count`, at most `A * ROWS`, rows of `B` sums that the tiles have been stored to.
            unsafe { _mm512_add_epi32(start[b], _mm512_load_si512(sums.add(p * B + b).cast())) }
        })
    };
    let mut done = 0;
    while done < count {
        if count - done >= TOGETHER {
            let sums: [_; TOGETHER] = core::array::from_fn(|p| of(done + p));
            // SAFETY: `is_available` asks for these features.
            unsafe { avx512::end::<B, TOGETHER>(product, first, position + done, &sums) };
            done += TOGETHER;
        } else {
            // SAFETY: as above.
            unsafe { avx512::end::<B, 1>(product, first, position + done, &[of(done)]) };
            done += 1;
        }
    }
}

impl Windows<'_> {
    /// Where a tile of windows is loaded from: their own place if they are at even distances and all their steps can be
    /// read, otherwise `staged`.
    fn place(&self, starts: &[usize], staged: *const u8) -> Place {
        let in_run = self.steps.per_run * STEP;
        if let [first, second, .., last] = *starts
            && starts.len() == ROWS
            && !self.joined
            && first <= second
            && starts
                .windows(2)
                .all(|pair| pair[1].wrapping_sub(pair[0]) == second - first)
            && last + (self.rows - 1) * self.run_step + in_run <= self.input.len()
        {
            return Place {
                first: self.input.as_ptr().wrapping_add(first),
                stride: second - first,
                jump: self.run_step.wrapping_sub(in_run),
                is_staged: false,
            };
        }
        Place {
            first: staged,
            stride: STRIDE,
            jump: 0,
            is_staged: true,
        }
    }

    /// Copies some steps of the window that starts at `start`, and zeros behind its runs.
    ///
    /// # Safety
    ///
    /// `STRIDE` bytes can be written.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    unsafe fn stage(&self, start: usize, steps: Range<usize>, to: *mut u8) {
        let copy = |row: usize, place: usize, to: *mut u8| {
            let mask = u64::MAX >> (STEP - STEP.min(self.run - place));
            // SAFETY: no more than the rest of a run is read, which `Product::new` has checked; the caller lets 64 bytes
            // be written behind the steps.
            unsafe {
                let from = self.input.as_ptr().add(start + row * self.run_step + place);
                _mm512_storeu_si512(to.cast(), _mm512_maskz_loadu_epi8(mask, from.cast()));
            }
        };
        if self.joined {
            for row in 0..self.rows {
                for place in (0..self.run).step_by(STEP) {
                    copy(row, place, to.wrapping_add(row * self.run + place));
                }
            }
            return;
        }
        let per_run = self.steps.per_run;
        let (mut row, mut place) = (steps.start / per_run, steps.start % per_run * STEP);
        for i in 0..steps.len() {
            copy(row, place, to.wrapping_add(i * STEP));
            place += STEP;
            if place >= self.run {
                (row, place) = (row + 1, 0);
            }
        }
    }
}
