//! Where the windows of positions begin. `docs/engine.md` defines the words.

use core::ops::Range;

/// Rows of `columns` positions. The first row may lack some at its beginning, the last row some at its end.
///
/// # Example
///
/// Rows have 4 columns. Neighbouring windows lie 2 elements apart, and rows 20. Of five positions from the third of the first
/// row on, the windows begin at 4, 6, 20, 22, 24: `skipped` is 2 and `count` is 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Positions {
    /// Where the first window of the first row begins, also if that position is skipped.
    pub(crate) first: usize,
    /// How many positions the first row lacks at its beginning: fewer than `columns`.
    pub(crate) skipped: usize,
    pub(crate) count: usize,
    /// The number of positions of a whole row.
    pub(crate) columns: usize,
    /// The distance between the first windows of neighbouring rows, in elements.
    pub(crate) row_step: usize,
    /// The distance between neighbouring windows of a row, in elements.
    pub(crate) step: usize,
}

impl Positions {
    /// Where the window of each position begins.
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

    /// One more than the last element at which a window begins; 0 without positions.
    pub(crate) fn end(self) -> usize {
        if self.count == 0 {
            return 0;
        }
        let last = self.skipped + self.count - 1;
        let (row, column) = (last / self.columns, last % self.columns);
        let in_last = row * self.row_step + column * self.step;
        // A last row may lack positions. Then the row before it may reach further.
        let before = row.checked_sub(1).map_or(0, |row| {
            row * self.row_step + (self.columns - 1) * self.step
        });
        self.first + in_last.max(before) + 1
    }
}
