use super::product::{Dense, DenseRoutine, Depthwise, DepthwiseInput};
use super::scratch::{ByElement, Sizes, Sums, Work};
use super::windows::Windows;
use crate::exec::side_by_side;
use crate::kernels::{BySum, GRAIN, Positions, Sink};
use crate::model::{Padding, Pair, Pooling, Shape};
use crate::output::Levels;
use alloc::vec::Vec;
use core::ops::Range;

/// A layer with weights: products that end in levels or potentials, then pooling.
pub(super) struct Neural {
    /// The layer that is read; `None` for the model's input.
    pub(super) source: Option<usize>,
    pub(super) windows: Windows,
    pub(super) depthwise: Option<Depthwise>,
    pub(super) dense: Dense,
    pub(super) potential_shape: Shape,
    pub(super) pooling: Pooling,
    pub(super) padding: Padding,
    /// Multiply-accumulates for one input.
    pub(super) macs: u64,
    /// `None` for a layer without activation.
    pub(super) levels: Option<Levels>,
}

impl core::fmt::Debug for Neural {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Neural")
            .field("source", &self.source)
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

/// Bytes of depthwise sums that are made before their product, so that they stay in a core's cache.
const STRIP: usize = 1 << 16;
/// Multiply-accumulates that are worth another thread.
const MACS_PER_PART: u64 = 1 << 19;

impl Neural {
    /// What it needs for so many inputs at once.
    pub(super) fn sizes(&self, inputs: usize) -> Sizes {
        let shape = self.potential_shape;
        let when = |condition, size| if condition { size } else { 0 };
        let bordered = |condition| {
            when(
                condition && !self.reads_map(),
                inputs.saturating_mul(self.windows.len()),
            )
        };
        let pooled = matches!(self.pooling, Pooling::Max { .. });
        let averaged = matches!(self.pooling, Pooling::GlobalAverage);
        let with_activation = self.levels.is_some();
        let (mut sums_u8, mut sums, mut sums_are_i32, mut added) = (0, 0, false, shape.y);
        if let Some(depthwise) = &self.depthwise {
            let channels = depthwise.shape.channels;
            sums = self.strip_rows(depthwise) * shape.y * channels;
            if let Some(bytes) = &depthwise.bytes {
                sums_u8 = bytes.room(self.strip_rows(depthwise) * shape.y);
                sums = 0;
            }
            sums_are_i32 = matches!(depthwise.routine, BySum::I32(_));
            if averaged {
                added = depthwise.groups(shape.x * shape.y, &self.dense);
                sums = (shape.y + added) * channels;
            }
        }
        let separable = self.depthwise.is_some();
        let routine = &self.dense.routine;
        let takes_i16 = matches!(routine, DenseRoutine::I16(..));
        let takes_i32 = matches!(routine, DenseRoutine::I32(..));
        Sizes {
            bordered: ByElement {
                u8: bordered(separable || matches!(routine, DenseRoutine::U8(..))),
                i16: bordered(!separable && takes_i16),
                i32: bordered(!separable && takes_i32),
            },
            sums_u8,
            sums_i16: when(!sums_are_i32 || takes_i16, sums),
            sums_i32: when(sums_are_i32 || takes_i32, sums),
            row: when(averaged, added * shape.c),
            unpooled: when(pooled && with_activation, shape.len()),
            unpooled_potentials: when(pooled && !with_activation, shape.len()),
            totals: when(averaged, shape.c),
        }
    }

    /// Bytes of packed weights and parameters.
    pub(super) fn bytes(&self) -> usize {
        self.dense.bytes()
            + self.depthwise.as_ref().map_or(0, |d| d.weights.len())
            + self.levels.as_ref().map_or(0, Levels::bytes)
    }

    /// Computes the layer's `levels`, or `potentials` without activation, from `map`.
    ///
    /// The maps of several inputs follow each other; only fully connected layers take more than one, as rows of positions.
    pub(super) fn run(
        &self,
        inputs: usize,
        map: &[u8],
        work: &mut Work,
        levels: &mut [u8],
        potentials: &mut [i32],
    ) {
        let input = self.lay_out(inputs, map, &mut work.bordered);
        let shape = self.potential_shape;
        let rows = inputs * shape.x;
        let sums = work.sums.as_mut_slice();
        match (self.pooling, &self.levels) {
            (Pooling::None, Some(activation)) => {
                self.products(rows, input, sums, Sink::Levels(activation, levels));
            }
            (Pooling::None, None) => {
                self.products(rows, input, sums, Sink::Potentials(potentials));
            }
            // Levels rise with potentials, so the level of the largest is the largest level.
            (Pooling::Max { size, stride }, Some(activation)) => {
                let map = &mut work.unpooled[..shape.len()];
                self.products(rows, input, sums, Sink::Levels(activation, map));
                max_pool(map, shape, size, stride, self.padding, levels);
            }
            (Pooling::Max { size, stride }, None) => {
                let map = &mut work.unpooled_potentials[..shape.len()];
                self.products(rows, input, sums, Sink::Potentials(map));
                max_pool(map, shape, size, stride, self.padding, potentials);
            }
            (Pooling::GlobalAverage, activation) => {
                let totals = &mut work.totals[..shape.c];
                self.total(input, sums, &mut work.row, totals);
                match activation {
                    Some(activation) => activation.apply(shape.c, totals, levels),
                    None => potentials.copy_from_slice(totals),
                }
            }
        }
    }

    /// Whether the routine reads the layer's input where it lies: without a border, and without reading beyond it.
    fn reads_map(&self) -> bool {
        self.windows.is_plain()
            && self.depthwise.is_none()
            && matches!(self.dense.routine, DenseRoutine::U8(..))
            && self.dense.shape.run.is_multiple_of(GRAIN)
    }

    /// The input as the first routine takes it.
    fn lay_out<'a>(
        &self,
        inputs: usize,
        map: &'a [u8],
        bordered: &'a mut ByElement<Vec<u8>, Vec<i16>, Vec<i32>>,
    ) -> ByElement<&'a [u8], &'a [i16], &'a [i32]> {
        let len = inputs * self.windows.len();
        if self.reads_map() {
            return ByElement {
                u8: map,
                ..ByElement::default()
            };
        }
        match (&self.depthwise, &self.dense.routine) {
            (Some(_), _) | (_, DenseRoutine::U8(..)) => {
                self.windows.lay_out(map, &mut bordered.u8[..len])
            }
            (_, DenseRoutine::I16(..)) => self.windows.lay_out(map, &mut bordered.i16[..len]),
            (_, DenseRoutine::I32(..)) => self.windows.lay_out(map, &mut bordered.i32[..len]),
        }
        ByElement {
            u8: &bordered.u8,
            i16: &bordered.i16,
            i32: &bordered.i32,
        }
    }

    /// Rows of positions whose depthwise sums are made before their product.
    fn strip_rows(&self, depthwise: &Depthwise) -> usize {
        let position = match &depthwise.bytes {
            Some(bytes) => bytes.step(),
            None => depthwise.shape.channels * size_of::<i16>(),
        };
        let row = self.potential_shape.y * position;
        (STRIP / row).clamp(1, self.potential_shape.x)
    }

    /// The windows of `rows` rows from `first` on.
    fn positions(&self, first: usize, rows: usize) -> Positions {
        Positions {
            first: self.windows.row_start(first),
            count: rows * self.potential_shape.y,
            columns: self.potential_shape.y,
            row_step: self.windows.row_start(1),
            step: self.windows.position_step(),
        }
    }

    /// The windows of `rows` rows from `first` on, for depthwise sums.
    fn depthwise_input<'a>(
        &self,
        values: &'a [u8],
        first: usize,
        rows: usize,
    ) -> DepthwiseInput<'a> {
        DepthwiseInput {
            values,
            run_step: self.windows.row_step(),
            positions: self.positions(first, rows),
        }
    }

    /// The results of `rows` rows of positions, by as many threads as there are `sums`.
    fn products(
        &self,
        rows: usize,
        input: ByElement<&[u8], &[i16], &[i32]>,
        sums: &mut [Sums],
        mut sink: Sink<'_>,
    ) {
        let shape = self.potential_shape;
        let most = usize::try_from(self.macs / MACS_PER_PART).unwrap_or(usize::MAX);
        let parts = sums.len().min(rows).min(most);
        if parts < 2 {
            self.rows(input, 0..rows, &mut sums[0], sink);
            return;
        }
        let mut shares = Vec::with_capacity(parts);
        for (part, sums) in sums[..parts].iter_mut().enumerate() {
            let rows = part * rows / parts..(part + 1) * rows / parts;
            let (mine, rest) = sink.split_at(rows.len() * shape.y * shape.c);
            sink = rest;
            shares.push((rows, sums, mine));
        }
        side_by_side(shares, |(rows, sums, sink)| {
            self.rows(input, rows, sums, sink)
        });
    }

    /// The results of some rows of positions.
    fn rows(
        &self,
        input: ByElement<&[u8], &[i16], &[i32]>,
        rows: Range<usize>,
        sums: &mut Sums,
        mut sink: Sink<'_>,
    ) {
        let shape = self.potential_shape;
        let Some(depthwise) = &self.depthwise else {
            let positions = self.positions(rows.start, rows.len());
            self.dense
                .run(input, self.windows.row_step(), positions, sink);
            return;
        };
        let strip = self.strip_rows(depthwise);
        for first in rows.clone().step_by(strip) {
            let count = strip.min(rows.end - first);
            let input = self.depthwise_input(input.u8, first, count);
            let step = depthwise.run(input, &self.dense, sums);
            let (results, rest) = sink.split_at(count * shape.y * shape.c);
            sink = rest;
            self.dense.run_on_sums(sums, count * shape.y, step, results);
        }
    }

    /// The potentials of all positions, added up.
    fn total(
        &self,
        input: ByElement<&[u8], &[i16], &[i32]>,
        sums: &mut [Sums],
        row: &mut [i32],
        totals: &mut [i32],
    ) {
        let shape = self.potential_shape;
        totals.fill(0);
        let mut add = |row: &[i32]| {
            for position in row.chunks_exact(shape.c) {
                for (total, p) in totals.iter_mut().zip(position) {
                    *total += p;
                }
            }
        };
        if let Some(depthwise) = &self.depthwise {
            // The pointwise product is linear: sums of positions are added before it as far as they fit.
            let sums = &mut sums[0];
            let input = self.depthwise_input(input.u8, 0, shape.x);
            depthwise.run_added(input, &self.dense, sums);
            let groups = depthwise.groups(shape.x * shape.y, &self.dense);
            let row = &mut row[..groups * shape.c];
            let step = depthwise.shape.channels;
            self.dense
                .run_on_sums(sums, groups, step, Sink::Potentials(row));
            add(row);
            return;
        }
        let row = &mut row[..shape.y * shape.c];
        for i in 0..shape.x {
            let sink = Sink::Potentials(row);
            self.dense
                .run(input, self.windows.row_step(), self.positions(i, 1), sink);
            add(row);
        }
    }
}

/// The largest value of each window, cells outside the map left out.
fn max_pool<T: Copy + Ord>(
    map: &[T],
    shape: Shape,
    size: Pair,
    stride: Pair,
    padding: Padding,
    pooled: &mut [T],
) {
    let axis = |input, size, stride| {
        padding
            .windows(input, size, stride)
            .map_or((0, 0), |w| (w.out, w.before))
    };
    let (_, top) = axis(shape.x, size.x, stride.x);
    let (columns, left) = axis(shape.y, size.y, stride.y);
    for (index, out) in pooled.chunks_exact_mut(shape.c).enumerate() {
        let (i, j) = (index / columns, index % columns);
        let inside = |window: usize, stride: usize, before: usize, size: usize, end: usize| {
            (window * stride).saturating_sub(before)..(window * stride + size - before).min(end)
        };
        let mut first = true;
        for row in inside(i, stride.x, top, size.x, shape.x) {
            for column in inside(j, stride.y, left, size.y, shape.y) {
                let cell = &map[(row * shape.y + column) * shape.c..][..shape.c];
                if first {
                    out.copy_from_slice(cell);
                    first = false;
                } else {
                    for (largest, &value) in out.iter_mut().zip(cell) {
                        *largest = value.max(*largest);
                    }
                }
            }
        }
    }
}
