//! Input windows: where windows begin in a bordered map. `docs/engine.md` defines the words.

use crate::model::{Pair, Shape, Windows};
use core::ops::Range;

/// The bordered map of a layer, and where its windows begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputWindows {
    input: Shape,
    /// How many border cells are above the map, and to its left.
    before: Pair,
    /// Height and width of the bordered map.
    bordered: Pair,
    /// How many rows a window has.
    height: usize,
    stride: Pair,
    /// The value of border cells.
    border: u8,
}

impl InputWindows {
    /// The input windows of an operation on a map of shape `input`. They fit, as the model's builder has checked.
    pub(super) fn new(input: Shape, windows: &Windows) -> Self {
        let (size, stride, padding) = (windows.size, windows.stride, windows.padding);
        let axis = |input, size, stride| match padding.windows(input, size, stride) {
            Some(w) => (w.before, w.before + input + w.after),
            None => (0, input),
        };
        let x = axis(input.x, size.x, stride.x);
        let y = axis(input.y, size.y, stride.y);
        Self {
            input,
            before: Pair::new(x.0, y.0),
            bordered: Pair::new(x.1, y.1),
            height: size.x,
            stride,
            // The maps of windows hold unsigned bytes, and so does their border.
            border: windows.border as u8,
        }
    }

    /// The number of elements of the bordered map.
    pub(super) fn len(&self) -> usize {
        self.bordered.cells() * self.input.c
    }

    /// Whether there is no border, so that the map itself is the bordered map.
    pub(super) fn is_plain(&self) -> bool {
        self.bordered == Pair::new(self.input.x, self.input.y)
    }

    /// The distance between rows of the bordered map, in elements: the run step.
    pub(super) fn row_step(&self) -> usize {
        self.bordered.y * self.input.c
    }

    /// The distance between neighbouring windows of a row, in elements.
    pub(super) fn position_step(&self) -> usize {
        self.stride.y * self.input.c
    }

    /// Where the first window of row `i` of positions begins.
    pub(super) fn row_start(&self, i: usize) -> usize {
        i * self.stride.x * self.row_step()
    }

    /// The rows of the bordered map under some rows of positions.
    pub(super) fn under(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.stride.x..(rows.end - 1) * self.stride.x + self.height
    }

    /// Copies `rows` of the bordered map into `bordered`. Where there is no border, `map` may hold several maps that follow
    /// each other.
    pub(super) fn lay_out<T: Copy + From<u8>>(
        &self,
        map: &[u8],
        rows: Range<usize>,
        bordered: &mut [T],
    ) {
        let border = T::from(self.border);
        let row_len = self.input.y * self.input.c;
        let left = self.before.y * self.input.c;
        let bordered = bordered.chunks_exact_mut(self.row_step());
        for (index, row) in rows.zip(bordered) {
            let inside = index.checked_sub(self.before.x).map(|i| i * row_len);
            let Some(start) = inside.filter(|&start| start < map.len()) else {
                row.fill(border);
                continue;
            };
            row[..left].fill(border);
            let values = &map[start..start + row_len];
            for (cell, &value) in row[left..left + row_len].iter_mut().zip(values) {
                *cell = T::from(value);
            }
            row[left + row_len..].fill(border);
        }
    }
}
