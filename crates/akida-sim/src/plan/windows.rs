//! Input windows: where windows begin in a bordered map. `docs/engine.md` defines the words.

use crate::interrupt::{Interrupted, Watch, pieces};
use crate::memory::{self, OutOfMemory};
use crate::model::{Pair, Shape, Windows};
use crate::run::ValuesRef;
use alloc::vec::Vec;
use core::ops::Range;

/// The bordered map of a layer, and where its windows begin.
#[derive(Debug, Clone)]
pub(super) struct InputWindows {
    input: Shape,
    /// The distance between neighbouring cells of the map in the bordered map: 2 for transposed convolutions, else 1.
    spread: usize,
    /// How many border cells are above the map, and to its left.
    before: Pair,
    /// Height and width of the bordered map.
    bordered: Pair,
    /// How many rows a window has.
    height: usize,
    /// The distance between the runs of a window, in elements.
    run_step: usize,
    stride: Pair,
    /// Whether a window reaches over maps that follow each other in time.
    in_time: bool,
    /// The values of border cells.
    border: Border,
    /// How far each channel is shifted to the left; none where no channel is.
    shifts: Vec<u8>,
    /// What is added to every value, border values included.
    offset: i32,
    /// Whether the values of the map are signed bytes with their sign flipped.
    flipped: bool,
}

/// An element of a bordered map.
pub(super) trait Element: Copy {
    /// The element of a value that fits its type.
    fn of(value: i32) -> Self;
}

impl Element for u8 {
    fn of(value: i32) -> Self {
        value as Self
    }
}

impl Element for i16 {
    fn of(value: i32) -> Self {
        value as Self
    }
}

impl Element for i32 {
    fn of(value: i32) -> Self {
        value
    }
}

/// What is done to values on their way into the bordered map.
pub(super) struct Entry {
    /// The values of border cells.
    pub(super) border: Border,
    /// How far each channel is shifted to the left; none where no channel is.
    pub(super) shifts: Vec<u8>,
    /// What is added to every value, border values included.
    pub(super) offset: i32,
}

impl Entry {
    /// Values as they are, with a border of the same value everywhere.
    pub(super) fn plain(border: i32) -> Self {
        Self {
            border: Border::Same(border),
            shifts: Vec::new(),
            offset: 0,
        }
    }
}

/// The values of border cells.
#[derive(Debug, Clone)]
pub(super) enum Border {
    /// The same in all channels.
    Same(i32),
    /// One for each channel.
    Channels(Vec<i32>),
}

impl Border {
    /// The border of these values, one for each channel.
    pub(super) fn of(values: &[i32]) -> Result<Self, OutOfMemory> {
        match values {
            [] => Ok(Self::Same(0)),
            [first, rest @ ..] if rest.iter().all(|value| value == first) => Ok(Self::Same(*first)),
            _ => memory::copied(values).map(Self::Channels),
        }
    }

    /// The least and the largest value.
    pub(super) fn range(&self) -> (i64, i64) {
        match self {
            Self::Same(value) => (i64::from(*value), i64::from(*value)),
            Self::Channels(values) => {
                let ends = (values.iter().min(), values.iter().max());
                let end = |end: Option<&i32>| end.copied().unwrap_or(0).into();
                (end(ends.0), end(ends.1))
            }
        }
    }

    /// The value of a channel.
    pub(super) fn at(&self, channel: usize) -> i32 {
        match self {
            Self::Same(value) => *value,
            Self::Channels(values) => values[channel],
        }
    }
}

impl InputWindows {
    /// The input windows of an operation on a map of shape `input`. They fit, as the model's builder has checked.
    ///
    /// The maps of windows that reach over time follow each other, the oldest first.
    pub(super) fn new(input: Shape, windows: &Windows, entry: Entry) -> Self {
        let (size, padding) = (windows.size, windows.padding);
        let (stride, spread) = match windows.transposed {
            true => (Pair::square(1), windows.stride.x),
            false => (windows.stride, 1),
        };
        let axis = |input: usize, size: usize, stride: usize| {
            if windows.transposed {
                // Zeros between the cells make a convolution with the flipped kernel of a transposed one. Its windows begin
                // so far before the map that the last weight meets the first cell as the definition asks.
                let before = size - 1 - (size - 2) / 2;
                let cells = (input - 1) * spread + 1;
                return (before, input * spread + size - 1, cells);
            }
            match padding.windows(input, size, stride) {
                Some(w) => (w.before, w.before + input + w.after, input),
                None => (0, input, input),
            }
        };
        let in_time = windows.frames > 1;
        let (rows, height) = match in_time {
            true => (windows.frames * input.x, windows.frames),
            false => (input.x, size.x),
        };
        let x = axis(rows, size.x, stride.x);
        let y = axis(input.y, size.y, stride.y);
        let bordered = Pair::new(x.1, y.1);
        let row = bordered.y * input.c;
        Self {
            input: Shape::new(rows, input.y, input.c),
            spread,
            before: Pair::new(x.0, y.0),
            bordered,
            height,
            run_step: if in_time { input.x * row } else { row },
            stride,
            in_time,
            border: entry.border,
            shifts: entry.shifts,
            offset: entry.offset,
            flipped: false,
        }
    }

    /// Whether values get an offset on their way into the bordered map: they are signed bytes.
    pub(super) fn has_offset(&self) -> bool {
        self.offset != 0
    }

    /// Takes a map whose values have the offset already.
    pub(super) fn take_offset(&mut self) {
        match &mut self.border {
            Border::Same(border) => *border += self.offset,
            Border::Channels(border) => {
                for border in border {
                    *border += self.offset;
                }
            }
        }
        self.offset = 0;
        self.flipped = true;
    }

    /// The number of elements of the bordered map.
    pub(super) fn len(&self) -> usize {
        self.bordered.cells() * self.input.c
    }

    /// Whether the map itself is the bordered map: there is no border, and values stay as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.bordered == Pair::new(self.input.x, self.input.y)
            && self.offset == 0
            && self.shifts.is_empty()
    }

    /// The distance between the runs of a window, in elements.
    pub(super) fn run_step(&self) -> usize {
        self.run_step
    }

    /// The distance between neighbouring windows of a row, in elements.
    pub(super) fn position_step(&self) -> usize {
        self.stride.y * self.input.c
    }

    /// Where the first window of row `i` of positions begins.
    pub(super) fn row_start(&self, i: usize) -> usize {
        i * self.stride.x * self.bordered.y * self.input.c
    }

    /// The rows of the bordered map under some rows of positions, and the row of positions that begins with them.
    pub(super) fn under(&self, rows: Range<usize>) -> (Range<usize>, usize) {
        if self.in_time {
            return (0..self.bordered.x, 0);
        }
        let end = (rows.end - 1) * self.stride.x + self.height;
        (rows.start * self.stride.x..end, rows.start)
    }

    /// Copies `rows` of the bordered map into `bordered`. Where there is no border, `map` may hold several maps that follow
    /// each other.
    pub(super) fn lay_out<T: Element>(
        &self,
        map: ValuesRef<'_>,
        rows: Range<usize>,
        bordered: &mut [T],
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        match map {
            ValuesRef::I8(map) if self.flipped => {
                self.lay_out_typed(bytemuck::cast_slice::<i8, u8>(map), rows, bordered, watch)
            }
            ValuesRef::U8(map) => self.lay_out_typed(map, rows, bordered, watch),
            ValuesRef::I8(map) => self.lay_out_typed(map, rows, bordered, watch),
            ValuesRef::I16(map) => self.lay_out_typed(map, rows, bordered, watch),
            ValuesRef::I32(map) => self.lay_out_typed(map, rows, bordered, watch),
        }
    }

    /// Adds up the values of each channel over the whole map, with the offset of each.
    pub(super) fn add_up(
        &self,
        map: ValuesRef<'_>,
        totals: &mut [i32],
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        match map {
            ValuesRef::U8(map) => self.add_up_typed(map, totals, watch),
            ValuesRef::I8(map) => self.add_up_typed(map, totals, watch),
            ValuesRef::I16(map) => self.add_up_typed(map, totals, watch),
            ValuesRef::I32(map) => self.add_up_typed(map, totals, watch),
        }
    }

    fn add_up_typed<S: Copy + Into<i32>>(
        &self,
        map: &[S],
        totals: &mut [i32],
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let work = 8 + totals.len() as u64 / 4;
        let mut cells = map.chunks_exact(totals.len());
        totals.fill(self.offset * cells.len() as i32);
        for places in pieces(0..cells.len(), work) {
            for cell in cells.by_ref().take(places.len()) {
                for (total, &value) in totals.iter_mut().zip(cell) {
                    *total += value.into();
                }
            }
            watch.worked(places.len() as u64 * work)?;
        }
        Ok(())
    }

    fn lay_out_typed<S: Copy + Into<i32>, T: Element>(
        &self,
        map: &[S],
        rows: Range<usize>,
        bordered: &mut [T],
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        // Values that are shifted or given a border of their own take longer than a copied block.
        let work = 1 + (self.bordered.y * self.input.c) as u64 / 4;
        let channels = self.input.c;
        let row_len = self.input.y * channels;
        let left = self.before.y * channels;
        let right = left + ((self.input.y - 1) * self.spread + 1) * channels;
        let mut bordered = bordered.chunks_exact_mut(self.bordered.y * channels);
        for rows in pieces(rows, work) {
            let count = rows.len() as u64;
            for (index, row) in rows.zip(&mut bordered) {
                let inside = index.checked_sub(self.before.x);
                let inside = inside.filter(|i| i.is_multiple_of(self.spread));
                let start = inside.map(|i| i / self.spread * row_len);
                let Some(start) = start.filter(|&start| start < map.len()) else {
                    self.fill(row);
                    continue;
                };
                let values = &map[start..start + row_len];
                self.fill(&mut row[..left]);
                self.fill(&mut row[right..]);
                if self.spread == 1 {
                    self.copy(values, &mut row[left..right]);
                    continue;
                }
                let cells = row[left..right].chunks_mut(self.spread * channels);
                for (cell, values) in cells.zip(values.chunks_exact(channels)) {
                    let (cell, between) = cell.split_at_mut(channels);
                    self.copy(values, cell);
                    self.fill(between);
                }
            }
            watch.worked(count * work)?;
        }
        Ok(())
    }

    /// Copies values of whole cells.
    fn copy<S: Copy + Into<i32>, T: Element>(&self, values: &[S], cells: &mut [T]) {
        if self.shifts.is_empty() && self.offset == 0 {
            // Bytes that stay bytes are copied as a block.
            for (cell, &value) in cells.iter_mut().zip(values) {
                *cell = T::of(value.into());
            }
            return;
        }
        if self.shifts.is_empty() {
            for (cell, &value) in cells.iter_mut().zip(values) {
                *cell = T::of(value.into() + self.offset);
            }
            return;
        }
        let channels = self.input.c;
        let positions = cells.chunks_exact_mut(channels);
        for (cells, values) in positions.zip(values.chunks_exact(channels)) {
            for ((cell, &value), shift) in cells.iter_mut().zip(values).zip(&self.shifts) {
                *cell = T::of((value.into() << shift) + self.offset);
            }
        }
    }

    /// Fills whole cells with the border.
    fn fill<T: Element>(&self, cells: &mut [T]) {
        match &self.border {
            Border::Same(border) => cells.fill(T::of(border + self.offset)),
            Border::Channels(border) => {
                for cells in cells.chunks_exact_mut(self.input.c) {
                    for (cell, border) in cells.iter_mut().zip(border) {
                        *cell = T::of(border + self.offset);
                    }
                }
            }
        }
    }
}
