//! The kernel for AMX: products of sixteen positions and sixteen filters at once. `docs/engine.md` defines the words.
//!
//! AMX has tile registers of 16 rows of 64 bytes. One holds the same step of sixteen windows, another the weights that meet
//! this step, and a third one the sums. An instruction multiplies two of them and adds to the third.
//!
//! Two registers of windows are multiplied crosswise by two of weights: four multiplications follow four loads.
#![allow(unsafe_code)]

mod tiles;
mod windows;

pub(super) use tiles::is_available;

use super::avx512;
use super::group::Product;
use crate::kernels::generic::pack_panels;
use crate::kernels::{DenseCall, DenseShape, Weight};
use crate::memory::{self, OutOfMemory};
use crate::output::PANEL;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::arch::x86_64::*;
use core::cell::Cell;
use core::mem::MaybeUninit;
use tiles::Tiles;
use windows::{Place, ROWS, STAGED, STEP, STRIDE, Staging, Steps, Windows};

/// The bytes of a tile register.
const TILE: usize = ROWS * STEP;
/// With fewer positions, the AVX-512 kernel multiplies.
///
/// Most of a tile register would be empty then, and both kernels take the time of reading all weights once.
const FEW: usize = 4;

/// Packs weights into panels of tile registers: groups of four weights of sixteen filters.
///
/// Zeros meet the bytes of a last step that lie behind its run.
pub(super) fn pack(shape: DenseShape, weight: Weight<'_>) -> Result<Vec<i8>, OutOfMemory> {
    let steps = Steps::of(shape);
    let none = memory::filled(0, shape.filters)?;
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
    // Joined runs may have fewer groups than the product counts, which fills up each run to whole groups.
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

/// Loads a tile register from rows that are `$stride` bytes apart.
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

/// Stores a tile register to rows that are `$stride` bytes apart.
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

/// An instruction on tile registers alone.
macro_rules! on_tiles {
    ($instruction:literal) => {
        asm!($instruction, options(nomem, nostack, preserves_flags))
    };
}

/// The sums of two registers of windows and two panels, in the order `[register][row][panel]`.
#[repr(C, align(64))]
struct Sums(MaybeUninit<[[i32; PANEL]; 4 * ROWS]>);

std::thread_local! {
    /// Memory for staged windows, kept for the next product of the same thread.
    ///
    /// The stack of a thread of another program may be too small for it.
    static STAGING: Cell<Option<Box<MaybeUninit<Staging>>>> = const { Cell::new(None) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn multiply(mut product: Product<'_>, windows: Windows<'_>) {
    let _tiles = Tiles::new();
    // A thread that is about to end has no kept memory any more.
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

/// Computes the positions from `position` on, whose windows begin at `starts`, for all panels.
///
/// The windows fill `A` tile registers.
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

/// Adds the products of `A` registers of windows and `B` registers of weights to the tile registers 0 to 3.
///
/// # Safety
///
/// All bytes of the windows' and weights' registers can be read.
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

/// Stores the results of the tile registers 0 to 3, for `count` positions from `position` on and `B` panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn end<const A: usize, const B: usize>(
    product: &mut Product<'_>,
    panel: usize,
    position: usize,
    count: usize,
    sums: &mut Sums,
) {
    /// The positions whose results are stored together.
    const TOGETHER: usize = 4;
    let sums: *mut [i32; PANEL] = sums.0.as_mut_ptr().cast();
    // SAFETY: `A * B` tile registers, at most four, fit the memory of the sums.
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
    // SAFETY: the panels are some of the product's.
    let start = unsafe { avx512::start::<B>(product, first) };
    let of = |p: usize| -> [__m512i; B] {
        core::array::from_fn(|b| {
            // SAFETY: the tile registers have been stored to `A * ROWS` rows of `B` panels of sums, and `p` is below `count`,
            // which is at most `A * ROWS`.
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
