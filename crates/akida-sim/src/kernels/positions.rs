//! Where the windows of output positions begin.

use core::ops::Range;

/// Rows of `columns` positions, some of which the first may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Positions {
    /// The first element of the first row's first window.
    pub(crate) first: usize,
    /// Positions that the first row lacks at its beginning: fewer than `columns`.
    pub(crate) skipped: usize,
    pub(crate) count: usize,
    /// Positions per row.
    pub(crate) columns: usize,
    /// Elements between the first windows of neighbouring rows.
    pub(crate) row_step: usize,
    /// Elements between windows of neighbouring positions of a row.
    pub(crate) step: usize,
}

impl Positions {
    /// The first element of each window.
    pub(crate) fn starts(self) -> impl Iterator<Item = usize> {
        let (mut row, mut column) = (self.first, self.skipped);
        (0..self.count).map(move |_| {
            if column == self.columns {
                (row, column) = (row + self.row_step, 0);
            }
            let start = row + column * self.step;
            column += 1;
            start
        })
    }

    /// Where the first window of each row begins, and which of all positions the row has.
    pub(crate) fn rows(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut begin = 0;
        let mut row = self.first;
        let mut skipped = self.skipped;
        core::iter::from_fn(move || {
            let end = self.count.min(begin + self.columns - skipped);
            let places = begin..end;
            let start = row + skipped * self.step;
            (begin, row, skipped) = (end, row + self.row_step, 0);
            (!places.is_empty()).then_some((start, places))
        })
    }

    /// One more than the largest element that a window begins with, 0 without positions.
    pub(crate) fn end(self) -> usize {
        if self.count == 0 {
            return 0;
        }
        let last = self.skipped + self.count - 1;
        let (row, column) = (last / self.columns, last % self.columns);
        let in_last = row * self.row_step + column * self.step;
        // The row before may reach further than a last row that is not full.
        let before = row.checked_sub(1).map_or(0, |row| {
            row * self.row_step + (self.columns - 1) * self.step
        });
        self.first + in_last.max(before) + 1
    }
}
