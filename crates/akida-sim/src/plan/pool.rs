//! Max pooling. `docs/engine.md` defines the words.

use crate::interrupt::{Interrupted, Watch, pieces};
use crate::model::{Padding, Pair, Shape};
use core::ops::Range;

/// The pooling windows on a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxPool {
    /// The map that is pooled.
    shape: Shape,
    size: Pair,
    stride: Pair,
    /// How many cells the first windows reach beyond the map: above, and to the left.
    before: Pair,
    /// The number of rows of windows, and of columns.
    windows: Pair,
}

impl MaxPool {
    /// Windows on a map of `shape`. They fit, as the model's builder has checked.
    pub(super) fn new(shape: Shape, size: Pair, stride: Pair, padding: Padding) -> Self {
        let axis = |input, size, stride| {
            let windows = padding.windows(input, size, stride);
            windows.map_or((0, 0), |w| (w.out, w.before))
        };
        let (rows, top) = axis(shape.x, size.x, stride.x);
        let (columns, left) = axis(shape.y, size.y, stride.y);
        Self {
            shape,
            size,
            stride,
            before: Pair::new(top, left),
            windows: Pair::new(rows, columns),
        }
    }

    /// The number of rows of windows.
    pub(super) fn rows(&self) -> usize {
        self.windows.x
    }

    /// The number of windows of a row.
    pub(super) fn columns(&self) -> usize {
        self.windows.y
    }

    /// The rows of the map under some rows of windows. There is at least one row.
    pub(super) fn under(&self, windows: &Range<usize>) -> Range<usize> {
        self.row(windows.start).start..self.row(windows.end - 1).end
    }

    /// The rows of the map under a row of windows.
    fn row(&self, window: usize) -> Range<usize> {
        inside(
            window,
            self.stride.x,
            self.before.x,
            self.size.x,
            self.shape.x,
        )
    }

    /// The columns of the map under a column of windows.
    fn column(&self, window: usize) -> Range<usize> {
        inside(
            window,
            self.stride.y,
            self.before.y,
            self.size.y,
            self.shape.y,
        )
    }

    /// Writes the largest value of each window of some rows of windows. `map` holds only `rows` of the map.
    pub(super) fn run<T: Copy + Ord>(
        &self,
        map: &[T],
        rows: Range<usize>,
        windows: Range<usize>,
        pooled: &mut [T],
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let channels = self.shape.c;
        let work_per_cell = (8 + channels * size_of::<T>() / 4) as u64;
        let places = windows.flat_map(|i| (0..self.windows.y).map(move |j| (i, j)));
        for ((i, j), out) in places.zip(pooled.chunks_exact_mut(channels)) {
            let columns = self.column(j);
            let cells_of = |row: usize| {
                let first = ((row - rows.start) * self.shape.y + columns.start) * channels;
                map[first..][..columns.len() * channels].chunks_exact(channels)
            };
            let window = self.row(i);
            let work = columns.len() as u64 * work_per_cell;
            for rows in pieces(window.clone(), work) {
                let count = rows.len() as u64;
                let mut cells = rows.clone().flat_map(cells_of);
                if rows.start == window.start
                    && let Some(cell) = cells.next()
                {
                    out.copy_from_slice(cell);
                }
                for cell in cells {
                    for (largest, &value) in out.iter_mut().zip(cell) {
                        *largest = value.max(*largest);
                    }
                }
                watch.worked(count * work)?;
            }
        }
        Ok(())
    }
}

/// The cells under a window along one axis. Cells outside of the map are left out.
fn inside(window: usize, stride: usize, before: usize, size: usize, end: usize) -> Range<usize> {
    (window * stride).saturating_sub(before)..(window * stride + size - before).min(end)
}
