use crate::model::{Pair, Shape, Windows};
use core::ops::Range;

/// An input laid out with its border, and the windows on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputWindows {
    input: Shape,
    /// Border cells above and to the left.
    before: Pair,
    /// Height and width with the border.
    bordered: Pair,
    /// Rows of a window.
    height: usize,
    stride: Pair,
    /// The value of the border.
    border: u8,
}

impl InputWindows {
    /// Windows on a map of shape `input`; they fit, as the model's builder has checked.
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
            // Maps hold unsigned bytes, and so does their border.
            border: windows.border as u8,
        }
    }

    /// Elements of the input with its border.
    pub(super) fn len(&self) -> usize {
        self.bordered.cells() * self.input.c
    }

    /// Whether the input has no border, so that it need not be laid out.
    pub(super) fn is_plain(&self) -> bool {
        self.bordered == Pair::new(self.input.x, self.input.y)
    }

    /// Elements between rows.
    pub(super) fn row_step(&self) -> usize {
        self.bordered.y * self.input.c
    }

    /// Elements between the windows of neighbouring positions of a row.
    pub(super) fn position_step(&self) -> usize {
        self.stride.y * self.input.c
    }

    /// Where the first window of output row `i` begins.
    pub(super) fn row_start(&self, i: usize) -> usize {
        i * self.stride.x * self.row_step()
    }

    /// The rows of the input with its border that the windows of output rows lie on.
    pub(super) fn under(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.stride.x..(rows.end - 1) * self.stride.x + self.height
    }

    /// Copies rows of a map with its border into `bordered`. Maps without a border may follow each other.
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
