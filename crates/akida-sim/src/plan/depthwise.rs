//! Depthwise layers of Akida 2.0: sums of each channel alone, with an output stage behind them.

use super::neural::shares;
use super::pool::MaxPool;
use super::product::{Depthwise, DepthwiseInput};
use super::scratch::{ByElement, Sizes, Sums, Work};
use super::windows::InputWindows;
use crate::kernels::{BySum, Positions};
use crate::model::{Padding, Pooling, Shape};
use crate::output::Rescaler;
use crate::run::{ValuesMut, ValuesRef};
use crate::threads::{Crew, PARTS_PER_THREAD};
use alloc::vec::Vec;
use core::ops::Range;

/// A layer of depthwise sums.
pub(super) struct DepthwiseStep {
    /// The index of the layer that is read.
    pub(super) source: usize,
    pub(super) windows: InputWindows,
    pub(super) depthwise: Depthwise,
    /// What the sums of each channel start from.
    pub(super) start: Vec<i32>,
    pub(super) shape: Shape,
    /// The largest value of windows, taken of outputs, which rise with sums; `None` without pooling.
    pub(super) pool: Option<MaxPool>,
    pub(super) rescaler: Rescaler,
    /// The multiply-accumulates for one input.
    pub(super) macs: u64,
    /// Whether the layer reads the last maps of a stream.
    pub(super) in_time: bool,
}

/// The multiply-accumulates that a part has at least.
const MACS_PER_PART: u64 = 1 << 15;

/// The pooling that the step computes; `None` where it cannot.
pub(super) fn pool(shape: Shape, pooling: Pooling, padding: Padding) -> Option<Option<MaxPool>> {
    match pooling {
        Pooling::None => Some(None),
        Pooling::Max { size, stride } => Some(Some(MaxPool::new(shape, size, stride, padding))),
        Pooling::GlobalAverage => None,
    }
}

impl DepthwiseStep {
    /// The sizes of the buffers that the layer uses.
    pub(super) fn sizes(&self) -> Sizes {
        let row = self.shape.y * self.shape.c;
        let when = |condition, size| if condition { size } else { 0 };
        let is_i16 = matches!(self.depthwise.routine, BySum::I16(_));
        Sizes {
            bordered: ByElement {
                u8: self.windows.len(),
                ..ByElement::default()
            },
            sums_i16: when(is_i16, row),
            sums_i32: row,
            unpooled: when(self.pool.is_some(), self.shape.len()),
            ..Sizes::default()
        }
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        self.depthwise.bytes() + size_of_val(self.start.as_slice()) + self.rescaler.bytes()
    }

    /// Computes the layer's outputs from `map`. A part of the layer is some rows.
    pub(super) fn run(
        &self,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        mut outputs: ValuesMut<'_>,
    ) {
        let worth = usize::try_from(self.macs / MACS_PER_PART).unwrap_or(usize::MAX);
        let most = worth.clamp(1, works.len().min(crew.threads() * PARTS_PER_THREAD));
        let (rows, columns) = match &self.pool {
            Some(pool) => (pool.rows(), pool.columns()),
            None => (self.shape.x, self.shape.y),
        };
        let parts = shares(rows, most).zip(works).map(|(rows, work)| {
            let count = rows.len() * columns * self.shape.c;
            (rows, work, outputs.take(count))
        });
        crew.each(parts, |(rows, work, outputs)| {
            let mut outputs = outputs.reborrow();
            let Some(pool) = &self.pool else {
                self.rows(map, rows.clone(), work, &mut outputs);
                return;
            };
            let under = pool.under(rows);
            let count = under.len() * self.shape.y * self.shape.c;
            let mut unpooled = core::mem::take(&mut work.unpooled);
            let bytes = &mut unpooled[..count];
            match outputs {
                ValuesMut::I8(outputs) => {
                    let bytes: &mut [i8] = bytemuck::cast_slice_mut(bytes);
                    self.rows(map, under.clone(), work, &mut ValuesMut::I8(bytes));
                    pool.run(bytes, under, rows.clone(), outputs);
                }
                ValuesMut::U8(outputs) => {
                    self.rows(map, under.clone(), work, &mut ValuesMut::U8(bytes));
                    pool.run(bytes, under, rows.clone(), outputs);
                }
                // Never: only layers with outputs of a byte pool here.
                ValuesMut::I16(_) | ValuesMut::I32(_) => {}
            }
            work.unpooled = unpooled;
        });
    }

    /// Computes some rows of positions, before pooling.
    fn rows(
        &self,
        map: ValuesRef<'_>,
        rows: Range<usize>,
        work: &mut Work,
        outputs: &mut ValuesMut<'_>,
    ) {
        let (under, first_row) = self.windows.under(rows.clone());
        self.windows.lay_out(map, under, &mut work.bordered.u8);
        let row = self.shape.y * self.shape.c;
        for i in rows {
            let positions = Positions {
                first: self.windows.row_start(i - first_row),
                skipped: 0,
                count: self.shape.y,
                columns: self.shape.y,
                row_step: self.windows.row_start(1),
                step: self.windows.position_step(),
            };
            let input = DepthwiseInput {
                values: &work.bordered.u8,
                run_step: self.windows.run_step(),
                positions,
            };
            self.sums(input, row, &mut work.sums);
            let sums = work.sums.i32[..row].chunks_exact_mut(self.shape.c);
            for sums in sums {
                for (sum, start) in sums.iter_mut().zip(&self.start) {
                    *sum = sum.wrapping_add(*start);
                }
                self.rescaler
                    .apply(0, sums, &mut outputs.take(self.shape.c));
            }
        }
    }

    /// Makes the sums of a row in 32 bits.
    fn sums(&self, input: DepthwiseInput<'_>, row: usize, sums: &mut Sums) {
        self.depthwise.run_plain(input, row, sums);
        if let BySum::I16(_) = self.depthwise.routine {
            for (wide, &narrow) in sums.i32[..row].iter_mut().zip(&sums.i16[..row]) {
                *wide = narrow.into();
            }
        }
    }
}
