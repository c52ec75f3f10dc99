use crate::model::{Padding, Pair, Shape};

/// An input laid out with its border, and the windows on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    input: Shape,
    /// Border cells above and to the left.
    before: Pair,
    /// Height and width with the border.
    bordered: Pair,
    stride: Pair,
    /// The value of the border.
    border: u8,
}

impl Windows {
    /// Windows of `size` at every `stride`; they fit, as the model's builder has checked.
    pub(super) fn new(
        input: Shape,
        padding: Padding,
        size: Pair,
        stride: Pair,
        border: u8,
    ) -> Self {
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
            stride,
            border,
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

    /// Copies maps into `bordered`, one after the other, and fills their borders.
    pub(super) fn lay_out<T: Copy + From<u8>>(&self, maps: &[u8], bordered: &mut [T]) {
        let bordered = bordered.chunks_exact_mut(self.len());
        for (map, bordered) in maps.chunks_exact(self.input.len()).zip(bordered) {
            self.lay_out_one(map, bordered);
        }
    }

    fn lay_out_one<T: Copy + From<u8>>(&self, map: &[u8], bordered: &mut [T]) {
        let border = T::from(self.border);
        let row_len = self.input.y * self.input.c;
        let left = self.before.y * self.input.c;
        let (top, rest) = bordered.split_at_mut(self.before.x * self.row_step());
        top.fill(border);
        let (rows, bottom) = rest.split_at_mut(self.input.x * self.row_step());
        bottom.fill(border);
        let rows = rows.chunks_exact_mut(self.row_step());
        for (row, values) in rows.zip(map.chunks_exact(row_len)) {
            row[..left].fill(border);
            for (cell, &value) in row[left..left + row_len].iter_mut().zip(values) {
                *cell = T::from(value);
            }
            row[left + row_len..].fill(border);
        }
    }
}
