//! Layers whose sums may leave 32 bits, or that no kernel computes: one sum after the other, in 64 bits.

use super::scratch::Work;
use super::windows::Border;
use crate::interrupt::{Interrupted, Watch, pieces};
use crate::memory::{self, OutOfMemory};
use crate::model::names::{INPUT_SHIFT, PADDING_VALUE};
use crate::model::{Channels, Layer, Padding, Pooling, Rescale, Shape, Windows};
use crate::ops::{saturate, shift_left};
use crate::output::Rescaler;
use crate::run::{ValuesMut, ValuesRef};
use alloc::vec::Vec;

/// A layer of windows, computed in 64 bits.
pub(super) struct Wide {
    /// The index of the layer that is read; `None` for the model's input.
    pub(super) source: Option<usize>,
    input: Shape,
    pub(super) windows: Windows,
    shape: Shape,
    weights: Vec<i8>,
    filters: usize,
    shifts: Vec<i32>,
    border: Border,
    buffer_bits: u8,
    rescaler: Rescaler,
}

/// The work of a product and of a sum beside its products, in the units of [`Watch::worked`].
const WORK_PER_PRODUCT: u64 = 8;
const WORK_PER_SUM: u64 = 32;

impl Wide {
    pub(super) fn new(
        layer: &Layer,
        windows: Windows,
        stage: Rescale,
        rescaler: Rescaler,
    ) -> Result<Self, OutOfMemory> {
        let connection = layer.connection();
        let weights = match layer.weights() {
            Some(weights) => weights.try_values()?,
            None => Vec::new(),
        };
        let border = Border::of(layer.integers(PADDING_VALUE))?;
        Ok(Self {
            source: layer.inbounds().first().copied(),
            input: connection.input.shape,
            windows,
            shape: connection.potential_shape,
            filters: layer.weights().map_or(1, |w| w.shape()[3]),
            weights,
            shifts: memory::copied(layer.integers(INPUT_SHIFT))?,
            border,
            buffer_bits: stage.buffer_bits,
            rescaler,
        })
    }

    /// The number of accumulators that a run needs.
    pub(super) fn accumulators(&self) -> usize {
        self.shape.len() + self.shape.c
    }

    /// The bytes of all parameters.
    pub(super) fn bytes(&self) -> usize {
        self.weights.len() + 4 * self.shifts.len() + self.rescaler.bytes()
    }

    /// Computes the outputs of several inputs, one after the other.
    pub(super) fn run(
        &self,
        map: ValuesRef<'_>,
        work: &mut Work,
        mut outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let maps = map.chunks(self.windows.frames * self.input.len());
        let count = outputs.len() / maps.len().max(1);
        for map in maps {
            self.run_one(map, work, outputs.take(count), watch)?;
        }
        Ok(())
    }

    fn run_one(
        &self,
        map: ValuesRef<'_>,
        work: &mut Work,
        mut outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let (accumulators, pooled) = work.wide.split_at_mut(self.shape.len());
        let pooled = &mut pooled[..self.shape.c];
        let places = (0..self.shape.x).flat_map(|i| (0..self.shape.y).map(move |j| (i, j)));
        for ((i, j), sums) in places.zip(accumulators.chunks_exact_mut(self.shape.c)) {
            for (f, sum) in sums.iter_mut().enumerate() {
                let total = self.sum(map, (i, j), f, watch)?;
                *sum = self.rescaler.accumulator(f, total);
            }
        }
        match self.windows.pooling {
            Pooling::None => {
                for sums in accumulators.chunks_exact(self.shape.c) {
                    let outputs = outputs.take(sums.len());
                    self.rescaler.apply_accumulators(sums, outputs);
                    watch.worked(WORK_PER_SUM * sums.len() as u64)?;
                }
            }
            Pooling::Max { size, stride } => {
                let padding = self.windows.padding;
                let rows = axis(padding, self.shape.x, size.x, stride.x);
                for rows in rows {
                    let columns = axis(padding, self.shape.y, size.y, stride.y);
                    for columns in columns {
                        pooled.fill(i64::MIN);
                        let cells = rows.clone();
                        let cells = cells.flat_map(|i| columns.clone().map(move |j| (i, j)));
                        for (i, j) in cells {
                            let cell = (i * self.shape.y + j) * self.shape.c;
                            for (most, &sum) in pooled.iter_mut().zip(&accumulators[cell..]) {
                                *most = sum.max(*most);
                            }
                            watch.worked(2 * self.shape.c as u64)?;
                        }
                        let outputs = outputs.take(pooled.len());
                        self.rescaler.apply_accumulators(pooled, outputs);
                    }
                }
            }
            Pooling::GlobalAverage => {
                pooled.fill(0);
                for sums in accumulators.chunks_exact(self.shape.c) {
                    for (f, (total, &sum)) in pooled.iter_mut().zip(sums).enumerate() {
                        *total += self.rescaler.active(f, sum);
                    }
                    watch.worked(WORK_PER_SUM * sums.len() as u64)?;
                }
                self.rescaler.apply_active(pooled, outputs);
            }
        }
        Ok(())
    }

    /// The sum of filter `f` at a position.
    fn sum(
        &self,
        map: ValuesRef<'_>,
        (i, j): (usize, usize),
        f: usize,
        watch: &mut Watch<'_>,
    ) -> Result<i64, Interrupted> {
        let size = self.windows.size;
        let channels = match self.windows.channels {
            Channels::Each => f..f + 1,
            Channels::All | Channels::EachThenAll => 0..self.input.c,
        };
        let mut sum = 0;
        for t in 0..self.windows.frames {
            for u in 0..size.x {
                for v in 0..size.y {
                    let cell = self
                        .cell(i, u, Axis::Rows)
                        .zip(self.cell(j, v, Axis::Columns));
                    let Some(cell) = cell else {
                        continue;
                    };
                    let first = match cell {
                        (Cell::Inside(row), Cell::Inside(column)) => {
                            let row = t * self.input.x + row;
                            Some((row * self.input.y + column) * self.input.c)
                        }
                        _ => None,
                    };
                    for channels in pieces(channels.clone(), WORK_PER_PRODUCT) {
                        let work = WORK_PER_PRODUCT * channels.len() as u64;
                        for c in channels {
                            let x = match first {
                                Some(first) => self.value(map.at(first + c), c),
                                None => self.border.at(c).into(),
                            };
                            sum += x * i64::from(self.weight(t, (u, v), c, f));
                        }
                        watch.worked(work)?;
                    }
                }
            }
        }
        watch.worked(WORK_PER_SUM)?;
        Ok(sum)
    }

    /// A value of channel `c`, shifted to the left.
    fn value(&self, x: i32, c: usize) -> i64 {
        match self.shifts.get(c) {
            Some(&shift) => saturate(shift_left(x.into(), shift), self.buffer_bits),
            None => x.into(),
        }
    }

    fn weight(&self, t: usize, (u, v): (usize, usize), c: usize, f: usize) -> i8 {
        let channels = self.input.c;
        let row = t * channels + self.windows.weight_row(channels, u, v, c);
        match self.windows.channels {
            // A weight for each row. In a queue, a window has one cell.
            Channels::Each => self.weights[row],
            Channels::All | Channels::EachThenAll => self.weights[row * self.filters + f],
        }
    }

    /// The cell that place `a` of a kernel meets along an axis in output `o`; `None` where a transposed kernel meets none.
    fn cell(&self, o: usize, a: usize, axis: Axis) -> Option<Cell> {
        let (cells, size, stride) = match axis {
            Axis::Rows => (self.input.x, self.windows.size.x, self.windows.stride.x),
            Axis::Columns => (self.input.y, self.windows.size.y, self.windows.stride.y),
        };
        let inside = |cell: Option<usize>| match cell {
            Some(cell) if cell < cells => Cell::Inside(cell),
            _ => Cell::Border,
        };
        if self.windows.transposed {
            let distance = (o + (size - 2) / 2).checked_sub(a);
            let distance = distance.filter(|d| d.is_multiple_of(stride))?;
            return Some(inside(Some(distance / stride)));
        }
        let windows = self.windows.padding.windows(cells, size, stride);
        let before = windows.map_or(0, |w| w.before);
        Some(inside((o * stride + a).checked_sub(before)))
    }
}

/// One of the axes of a map.
#[derive(Clone, Copy)]
enum Axis {
    Rows,
    Columns,
}

/// A cell that a window meets along one axis.
#[derive(Clone, Copy)]
enum Cell {
    Inside(usize),
    Border,
}

/// The cells of the pooling windows along one axis.
fn axis(
    padding: Padding,
    input: usize,
    size: usize,
    stride: usize,
) -> impl Iterator<Item = core::ops::Range<usize>> {
    let windows = padding.windows(input, size, stride);
    let (out, before) = windows.map_or((0, 0), |w| (w.out, w.before));
    (0..out).map(move |i| {
        let first = i * stride;
        first.saturating_sub(before)..(first + size - before).min(input)
    })
}
