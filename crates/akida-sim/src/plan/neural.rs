//! The step of a layer with weights, and how threads share it. `docs/engine.md` defines the words.

use super::pool::MaxPool;
use super::product::{Dense, DenseRoutine, Depthwise, DepthwiseInput};
use super::scratch::{ByElement, Sizes, Sums, Work};
use super::windows::InputWindows;
use crate::interrupt::{Interrupted, WORK_PER_QUESTION, Watch, pieces};
use crate::kernels::{BySum, GRAIN, Positions, Sink};
use crate::model::{Padding, Pooling, Shape};
use crate::output::OutputStage;
use crate::run::{ElementType, ValuesMut, ValuesRef};
use crate::threads::{Crew, PARTS_PER_THREAD};
use alloc::vec::Vec;
use core::ops::Range;

/// A layer with weights: its products give outputs or potentials, and pooling follows.
pub(super) struct Neural {
    /// The index of the layer that is read; `None` for the model's input.
    pub(super) source: Option<usize>,
    /// Whether the layer reads the last maps of a stream.
    pub(super) in_time: bool,
    /// The base of the totals of inputs, where inputs are added up before the product; else `None`.
    pub(super) added_inputs: Option<i32>,
    pub(super) windows: InputWindows,
    pub(super) depthwise: Option<Depthwise>,
    pub(super) dense: Dense,
    pub(super) potential_shape: Shape,
    pub(super) pooling: Pooling,
    pub(super) padding: Padding,
    /// The multiply-accumulates for one input.
    pub(super) macs: u64,
    pub(super) stage: OutputStage,
    /// The type of the outputs.
    pub(super) element: ElementType,
}

impl core::fmt::Debug for Neural {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Neural")
            .field("source", &self.source)
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

/// The most bytes of depthwise sums of a strip: so few that they stay in a core's cache.
const STRIP: usize = 1 << 16;
/// The multiply-accumulates that a part has at least. They take less than a microsecond.
const MACS_PER_PART: u64 = 1 << 16;
/// A layer with so many multiply-accumulates per thread has more parts than threads. A thread that other programs delay then
/// does fewer parts.
const MACS_TO_EVEN_OUT: u64 = 1 << 22;

/// Windows as the first routine of a layer reads them.
#[derive(Clone, Copy)]
pub(super) struct LaidOut<'a> {
    values: ByElement<&'a [u8], &'a [i16], &'a [i32]>,
    /// The row of positions whose windows begin at the first value.
    first_row: usize,
}

impl Neural {
    /// The sizes of the buffers that the layer uses for so many inputs at once.
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
        let pools_outputs = self.pools_outputs();
        if self.added_inputs.is_some() {
            return self.sizes_of_added_inputs();
        }
        let (mut sums_u8, mut sums, mut sums_are_i32, mut added) = (0, 0, false, 1);
        if let Some(depthwise) = &self.depthwise {
            let channels = depthwise.shape.channels;
            sums = self.strip_rows(depthwise) * shape.y * channels;
            if let Some(bytes) = &depthwise.bytes {
                sums_u8 = bytes.room(self.strip_rows(depthwise) * shape.y);
                sums = 0;
            }
            sums_are_i32 = matches!(depthwise.routine, BySum::I32(_));
            if averaged {
                added = self.most_groups(depthwise);
                sums = (shape.y + added) * channels;
            }
        } else if averaged {
            added = shape.y;
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
            row: when(averaged, added * shape.c)
                .max(when(self.is_one_window(), inputs.saturating_mul(shape.c)))
                .max(when(pooled && !pools_outputs, shape.y * shape.c)),
            unpooled: when(pooled && pools_outputs, shape.len()),
            unpooled_potentials: when(pooled && !pools_outputs, shape.len()),
            totals: when(averaged, shape.c),
            wide: 0,
        }
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        self.dense.bytes()
            + self.depthwise.as_ref().map_or(0, Depthwise::bytes)
            + self.stage.bytes()
    }

    /// Computes the layer's outputs from `map`. A part of the layer is some rows of pooled positions, some positions, or
    /// some blocks of filters of the only position.
    ///
    /// The maps of several inputs follow each other. Only fully connected layers take several: each input is one position.
    pub(super) fn run(
        &self,
        inputs: usize,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        outputs: ValuesMut<'_>,
    ) -> Result<(), Interrupted> {
        let mut sink = match (&self.stage, outputs) {
            (OutputStage::Levels(levels), ValuesMut::U8(outputs)) => Sink::Levels(levels, outputs),
            (OutputStage::Raw, ValuesMut::I32(potentials)) => Sink::Potentials(potentials),
            (OutputStage::Rescaled(rescaler), outputs) => Sink::Rescaled(rescaler, outputs),
            // Never: outputs have the type of the layer's format, and the output stage determines the format.
            (OutputStage::Levels(_) | OutputStage::Raw, _) => return Ok(()),
        };
        let shape = self.potential_shape;
        let most = self.most_parts(crew, works);
        match self.pooling {
            Pooling::GlobalAverage => self.average(map, works, crew, sink),
            Pooling::Max { size, stride } => {
                let pool = MaxPool::new(shape, size, stride, self.padding);
                let shares = shares(pool.rows(), most).zip(works).map(|(rows, work)| {
                    let results = rows.len() * pool.columns() * shape.c;
                    (rows, work, sink.take(results))
                });
                crew.each(shares, |(rows, work, sink), watch| {
                    self.pooled(map, &pool, rows.clone(), work, sink.reborrow(), watch)
                })
            }
            Pooling::None if self.goes_by_blocks(inputs, most) => {
                // The results of several inputs for some blocks do not lie side by side.
                let most = if inputs == 1 { most } else { 1 };
                let blocks = shares(self.dense.blocks(), most);
                let shares = blocks.zip(works).map(|(blocks, work)| {
                    let results = inputs * self.dense.filters(&blocks);
                    (blocks, work, sink.take(results))
                });
                crew.each(shares, |(blocks, work, sink), watch| {
                    self.blocks(inputs, map, blocks.clone(), work, sink.reborrow(), watch)
                })
            }
            Pooling::None => {
                let positions = shares(inputs * shape.x * shape.y, most);
                let shares = positions.zip(works).map(|(positions, work)| {
                    let results = positions.len() * shape.c;
                    (positions, work, sink.take(results))
                });
                crew.each(shares, |(positions, work, sink), watch| {
                    let rows = self.rows(positions);
                    let input = self.lay_out(map, rows, &mut work.bordered, watch)?;
                    let (positions, sink) = (positions.clone(), sink.reborrow());
                    self.products(input, positions, &mut work.sums, sink, watch)
                })
            }
        }
    }

    /// How many parts the layer is computed in. Each part uses one of `works`.
    pub(super) fn most_parts(&self, crew: &Crew<'_>, works: &[Work]) -> usize {
        let worth = |macs| usize::try_from(self.macs / macs).unwrap_or(usize::MAX);
        let threads = crew.threads();
        let parts = if crew.is_whole() && worth(MACS_TO_EVEN_OUT) >= threads {
            threads * PARTS_PER_THREAD
        } else {
            threads
        };
        worth(MACS_PER_PART).clamp(1, parts.min(works.len()))
    }

    /// Whether outputs are those of the positions, one by one.
    pub(super) fn has_no_pooling(&self) -> bool {
        self.pooling == Pooling::None
    }

    /// Whether an input has one position only.
    fn is_one_window(&self) -> bool {
        self.depthwise.is_none() && self.potential_shape.x * self.potential_shape.y == 1
    }

    /// Whether the layer is computed block by block of filters, and not position by position.
    ///
    /// So threads share the filters of the only position. And the many weights of a layer that is left for questions in
    /// between are read once for all inputs.
    fn goes_by_blocks(&self, inputs: usize, most: usize) -> bool {
        self.is_one_window()
            && (inputs == 1 && most > 1 || inputs as u64 * self.dense.work() > WORK_PER_QUESTION)
    }

    /// Computes the results of some blocks of filters, where each input is one position.
    fn blocks(
        &self,
        inputs: usize,
        map: ValuesRef<'_>,
        blocks: Range<usize>,
        work: &mut Work,
        mut sink: Sink<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let input = self.lay_out(map, 0..inputs, &mut work.bordered, watch)?;
        let positions = self.positions(0..inputs, 0);
        let run_step = self.windows.run_step();
        let work_per_block = inputs as u64 * self.dense.work() / self.dense.blocks() as u64;
        let (start, filters) = (blocks.start, self.dense.filters(&blocks));
        for piece in pieces(blocks, work_per_block) {
            let (blocks, count) = (piece.len() as u64, self.dense.filters(&piece));
            let place = (piece.start - start) * self.dense.block;
            let first = piece.start * self.dense.block;
            let row = &mut work.row[..inputs * count];
            let potentials = Sink::Potentials(row);
            self.dense
                .run(piece, input.values, run_step, positions, potentials);
            for (input, potentials) in row.chunks_exact(count).enumerate() {
                let place = input * filters + place..input * filters + place + count;
                // A kernel takes the first filter it computes for the first of a stage. A stage can begin at another.
                match &mut sink {
                    Sink::Potentials(all) => all[place].copy_from_slice(potentials),
                    Sink::Levels(levels, all) => levels.count(first, potentials, &mut all[place]),
                    Sink::Rescaled(rescaler, all) => {
                        rescaler.apply(first, potentials, &mut all.reborrow().slice(place));
                    }
                }
            }
            watch.worked(blocks * work_per_block)?;
        }
        Ok(())
    }

    /// Whether the routine reads the map where it lies. There is no border then, and no group reaches beyond a run. Values
    /// are bytes, as other values are not multiplied as they are.
    fn reads_map(&self) -> bool {
        self.windows.is_plain()
            && self.depthwise.is_none()
            && matches!(self.dense.routine, DenseRoutine::U8(..))
            && self.dense.shape.run.is_multiple_of(GRAIN)
    }

    /// The rows of positions that `positions` lie in.
    pub(super) fn rows(&self, positions: &Range<usize>) -> Range<usize> {
        let columns = self.potential_shape.y;
        positions.start / columns..positions.end.div_ceil(columns)
    }

    /// Lays out the windows of some rows of positions, unless the routine reads the map where it lies.
    pub(super) fn lay_out<'a>(
        &self,
        map: ValuesRef<'a>,
        rows: Range<usize>,
        bordered: &'a mut ByElement<Vec<u8>, Vec<i16>, Vec<i32>>,
        watch: &mut Watch<'_>,
    ) -> Result<LaidOut<'a>, Interrupted> {
        if self.reads_map() {
            let values = ByElement {
                u8: bytes(map),
                ..ByElement::default()
            };
            return Ok(LaidOut {
                values,
                first_row: 0,
            });
        }
        let (under, first_row) = self.windows.under(rows);
        match (&self.depthwise, &self.dense.routine) {
            (Some(_), _) | (_, DenseRoutine::U8(..)) => {
                self.windows.lay_out(map, under, &mut bordered.u8, watch)?;
            }
            (_, DenseRoutine::I16(..)) => {
                self.windows.lay_out(map, under, &mut bordered.i16, watch)?;
            }
            (_, DenseRoutine::I32(..)) => {
                self.windows.lay_out(map, under, &mut bordered.i32, watch)?;
            }
        }
        let values = ByElement {
            u8: bordered.u8.as_slice(),
            i16: bordered.i16.as_slice(),
            i32: bordered.i32.as_slice(),
        };
        Ok(LaidOut { values, first_row })
    }

    /// The number of rows of a strip.
    fn strip_rows(&self, depthwise: &Depthwise) -> usize {
        let position = match &depthwise.bytes {
            Some(bytes) => bytes.step(),
            None => depthwise.shape.channels * size_of::<i16>(),
        };
        let row = self.potential_shape.y * position;
        (STRIP / row).clamp(1, self.potential_shape.x)
    }

    /// Where the windows of positions begin in an input that is laid out from row `first_row` of positions on.
    fn positions(&self, positions: Range<usize>, first_row: usize) -> Positions {
        let columns = self.potential_shape.y;
        Positions {
            first: self
                .windows
                .row_start(positions.start / columns - first_row),
            skipped: positions.start % columns,
            count: positions.len(),
            columns,
            row_step: self.windows.row_start(1),
            step: self.windows.position_step(),
        }
    }

    /// The windows of positions, as depthwise sums take them.
    pub(super) fn depthwise_input<'a>(
        &self,
        input: LaidOut<'a>,
        positions: Range<usize>,
    ) -> DepthwiseInput<'a> {
        DepthwiseInput {
            values: input.values.u8,
            run_step: self.windows.run_step(),
            positions: self.positions(positions, input.first_row),
        }
    }

    /// Computes the results of some positions, before pooling.
    pub(super) fn products(
        &self,
        input: LaidOut<'_>,
        positions: Range<usize>,
        sums: &mut Sums,
        mut sink: Sink<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let shape = self.potential_shape;
        let blocks = 0..self.dense.blocks();
        let Some(depthwise) = &self.depthwise else {
            let (run_step, work) = (self.windows.run_step(), self.dense.work());
            for piece in pieces(positions, work) {
                let count = piece.len();
                let results = sink.take(count * shape.c);
                let positions = self.positions(piece, input.first_row);
                self.dense
                    .run(blocks.clone(), input.values, run_step, positions, results);
                watch.worked(count as u64 * work)?;
            }
            return Ok(());
        };
        let strip = self.strip_rows(depthwise);
        let mut start = positions.start;
        while start < positions.end {
            let end = ((start / shape.y + strip) * shape.y).min(positions.end);
            for piece in pieces(start..end, depthwise.work()) {
                let count = piece.len();
                let step = depthwise.run(self.depthwise_input(input, piece), &self.dense, sums);
                watch.worked(count as u64 * depthwise.work())?;
                let results = sink.take(count * shape.c);
                self.dense
                    .run_on_sums(blocks.clone(), sums, count, step, results, watch)?;
            }
            start = end;
        }
        Ok(())
    }
}

/// Bytes of either sign, as unsigned bytes; none for other values.
fn bytes(map: ValuesRef<'_>) -> &[u8] {
    match map {
        ValuesRef::U8(bytes) => bytes,
        ValuesRef::I8(bytes) => bytemuck::cast_slice(bytes),
        ValuesRef::I16(_) | ValuesRef::I32(_) => &[],
    }
}

/// Cuts 0..`count` into at most `most` ranges of nearly equal length.
///
/// *Example:* 10 in 4 ranges are 0..2, 2..5, 5..7 and 7..10.
pub(super) fn shares(count: usize, most: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let parts = most.min(count);
    (0..parts).map(move |part| part * count / parts..(part + 1) * count / parts)
}
