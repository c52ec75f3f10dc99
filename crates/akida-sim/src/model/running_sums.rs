//! A kernel, and running sums over its cells.

use super::reach_error::ReachError;
use super::shape::Pair;
use crate::interrupt::Watch;
use crate::memory;
use alloc::vec::Vec;
use core::ops::Range;

/// Weights, and the values that they meet. A sum belongs to a filter, or to a channel of a depthwise kernel.
///
/// All sums fit 32 bits. Their absolute values are at most the bound of rule B5, as border values are among the values of
/// inputs.
pub(super) struct Kernel<'a> {
    /// The weights, of shape (height, width, `channels`, `sums`).
    pub(super) weights: &'a [i8],
    pub(super) size: Pair,
    pub(super) channels: usize,
    pub(super) sums: usize,
    pub(super) flipped: bool,
    pub(super) x_max: i32,
    pub(super) border: i32,
}

/// Running sums over the cells of a kernel, in the order in which a window meets its weights.
///
/// The value of a cell is the sum over the cell and all cells that lie multiples of the steps before it.
///
/// *Example:* in steps of 1, a row of weights 1, 2, 3, 4 has the running sums 1, 3, 6, 10. Cells 1 and 2 add up to 6 − 1 = 5.
pub(super) struct RunningSums {
    /// The values, of shape (height, width, sums). They may wrap at 32 bits. Their differences are right all the same.
    values: Vec<i32>,
    width: usize,
    steps: Pair,
}

impl RunningSums {
    /// Running sums of what `term` makes of each weight, added up over `channels`.
    pub(super) fn new(
        kernel: &Kernel<'_>,
        channels: Range<usize>,
        steps: Pair,
        watch: &mut Watch<'_>,
        term: impl Fn(i8) -> i32,
    ) -> Result<Self, ReachError> {
        let (size, sums) = (kernel.size, kernel.sums);
        let mut running = Self {
            values: memory::with_capacity(size.cells() * sums)?,
            width: size.y,
            steps,
        };
        let mut row = memory::filled(0, sums)?;
        for u in 0..size.x {
            for v in 0..size.y {
                row.fill(0);
                let (wu, wv) = match kernel.flipped {
                    true => (size.x - 1 - u, size.y - 1 - v),
                    false => (u, v),
                };
                for c in channels.clone() {
                    let start = ((wu * size.y + wv) * kernel.channels + c) * sums;
                    let weights = &kernel.weights[start..start + sums];
                    for (sum, &w) in row.iter_mut().zip(weights) {
                        *sum += term(w);
                    }
                    watch.worked(sums as u64)?;
                }
                let (above, left) = (u.checked_sub(steps.x), v.checked_sub(steps.y));
                running.add_at(&mut row, above, Some(v), i32::wrapping_add);
                running.add_at(&mut row, Some(u), left, i32::wrapping_add);
                running.add_at(&mut row, above, left, i32::wrapping_sub);
                running.values.extend_from_slice(&row);
            }
        }
        Ok(running)
    }

    /// Adds to `sums` the sums over the cells from the first to the last row and column, in steps.
    pub(super) fn add_to(&self, sums: &mut [i32], rows: (usize, usize), columns: (usize, usize)) {
        let above = rows.0.checked_sub(self.steps.x);
        let left = columns.0.checked_sub(self.steps.y);
        let (last_row, last_column) = (Some(rows.1), Some(columns.1));
        self.add_at(sums, last_row, last_column, i32::wrapping_add);
        self.add_at(sums, above, last_column, i32::wrapping_sub);
        self.add_at(sums, last_row, left, i32::wrapping_sub);
        self.add_at(sums, above, left, i32::wrapping_add);
    }

    /// Adds the values of a cell to `sums`. Before the first row or column there are no values.
    fn add_at(
        &self,
        sums: &mut [i32],
        row: Option<usize>,
        column: Option<usize>,
        add: fn(i32, i32) -> i32,
    ) {
        let (Some(row), Some(column)) = (row, column) else {
            return;
        };
        let start = (row * self.width + column) * sums.len();
        let values = &self.values[start..start + sums.len()];
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = add(*sum, value);
        }
    }
}
