//! The windows of a product as AMX reads them: cut into steps, in place or staged. `docs/engine.md` defines the words.
//!
//! A *step* is the part of a window that an instruction multiplies: 64 bytes of a run. Zeros fill up the last step of a run.
//! *Staged* windows are copied side by side, with zeros behind their runs.
//!
//! # Example
//!
//! A window has 5 runs of 25 bytes. Each run makes a step that is mostly zeros: 5 steps. The runs joined are 125 bytes, which
//! make 2 steps. So the runs are joined, and the windows are staged.

use crate::kernels::DenseShape;
use core::arch::x86_64::*;
use core::ops::Range;

/// The rows of a tile register: one of sixteen windows, or the weights of four inputs.
pub(super) const ROWS: usize = 16;
/// The bytes of a step: a row of a tile register.
pub(super) const STEP: usize = 64;
/// The steps of a window that are staged at a time.
pub(super) const STAGED: usize = 64;
/// The distance between staged windows in bytes. It is no power of two, so that windows do not fall into one set of a cache.
pub(super) const STRIDE: usize = (STAGED + 1) * STEP;

/// How windows are cut into steps.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// The number of runs that are cut: the runs of a window, or 1 where the runs are joined.
    pub(super) runs: usize,
    pub(super) per_run: usize,
}

impl Steps {
    /// Joins runs where that saves more than a third of the steps: copying the runs together takes time.
    pub(super) fn of(shape: DenseShape) -> Self {
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

    pub(super) fn count(self) -> usize {
        self.runs * self.per_run
    }

    pub(super) fn join_runs_of(self, shape: DenseShape) -> bool {
        self.runs != shape.rows
    }
}

/// The windows of a product.
pub(super) struct Windows<'a> {
    pub(super) input: &'a [u8],
    /// The number of runs of a window.
    pub(super) rows: usize,
    /// The bytes of a run.
    pub(super) run: usize,
    /// The distance between the runs of a window in bytes.
    pub(super) run_step: usize,
    /// Whether the runs of a window are joined.
    pub(super) joined: bool,
    pub(super) steps: Steps,
}

/// Memory for the staged windows of two tile registers. Rows without a window may hold anything.
#[repr(C, align(64))]
pub(super) struct Staging([[u8; STRIDE]; 2 * ROWS]);

/// Where a tile register of windows is loaded from.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first step of the first window.
    pub(super) first: *const u8,
    /// The distance between windows in bytes.
    pub(super) stride: usize,
    /// The distance from the end of a run's last step to the next run in bytes. It may be negative, wrapped.
    pub(super) jump: usize,
    pub(super) is_staged: bool,
}

impl Windows<'_> {
    /// Where a tile register of windows is loaded from: the windows' own place, or `staged`.
    ///
    /// Windows are read in their own place where the distances between them are equal and all their steps can be read.
    pub(super) fn place(&self, starts: &[usize], staged: *const u8) -> Place {
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

    /// Copies some steps of the window that begins at `start`, with zeros behind the window's runs.
    ///
    /// # Safety
    ///
    /// `STRIDE` bytes can be written.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    pub(super) unsafe fn stage(&self, start: usize, steps: Range<usize>, to: *mut u8) {
        let copy = |row: usize, place: usize, to: *mut u8| {
            let mask = u64::MAX >> (STEP - STEP.min(self.run - place));
            // SAFETY: no more than the rest of a run is read, which `Product::packed` has checked. The caller lets 64 bytes
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
