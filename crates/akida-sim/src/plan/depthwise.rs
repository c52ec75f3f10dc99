//! Depthwise layers of Akida 2.0: sums of each channel alone, with an output stage behind them.

use super::neural::shares;
use super::pool::MaxPool;
use super::product::WORK_PER_POSITION;
use super::scratch::{ByElement, Sizes, Work};
use super::windows::InputWindows;
use crate::interrupt::{Interrupted, Watch, pieces};
use crate::kernels::{
    DepthwiseShape, DepthwiseU8Call, DepthwiseU8Kernel, PackedDepthwise, Positions,
};
use crate::model::{Padding, Pooling, Shape};
use crate::output::Rescaler;
use crate::run::{ValuesMut, ValuesRef};
use crate::threads::{Crew, PARTS_PER_THREAD};
use core::ops::Range;

/// A layer of depthwise sums.
pub(super) struct DepthwiseStep {
    /// The index of the layer that is read.
    pub(super) source: usize,
    pub(super) windows: InputWindows,
    pub(super) kernel: DepthwiseU8Kernel,
    pub(super) kernel_shape: DepthwiseShape,
    pub(super) packed: PackedDepthwise,
    pub(super) shape: Shape,
    /// The largest value of windows, taken of outputs, which rise with sums; `None` without pooling.
    pub(super) pool: Option<MaxPool>,
    pub(super) rescaler: Rescaler,
    /// Whether outputs are signed bytes.
    pub(super) is_signed: bool,
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
        let when = |condition, size| if condition { size } else { 0 };
        Sizes {
            bordered: ByElement {
                u8: self.windows.len(),
                ..ByElement::default()
            },
            unpooled: when(self.pool.is_some(), self.shape.len()),
            ..Sizes::default()
        }
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        self.packed.bytes() + self.rescaler.bytes()
    }

    /// Computes the layer's outputs from `map`. A part of the layer is some rows.
    pub(super) fn run(
        &self,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        mut outputs: ValuesMut<'_>,
    ) -> Result<(), Interrupted> {
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
        crew.each(parts, |(rows, work, outputs), watch| {
            let mut outputs = outputs.reborrow();
            let Some(pool) = &self.pool else {
                return self.rows(map, rows.clone(), work, &mut outputs, watch);
            };
            let under = pool.under(rows);
            let count = under.len() * self.shape.y * self.shape.c;
            let mut unpooled = core::mem::take(&mut work.unpooled);
            let bytes = &mut unpooled[..count];
            let outcome = match outputs {
                ValuesMut::I8(outputs) => {
                    let bytes: &mut [i8] = bytemuck::cast_slice_mut(bytes);
                    let unpooled = &mut ValuesMut::I8(bytes);
                    let sums = self.rows(map, under.clone(), work, unpooled, watch);
                    sums.and_then(|()| pool.run(bytes, under, rows.clone(), outputs, watch))
                }
                ValuesMut::U8(outputs) => {
                    let unpooled = &mut ValuesMut::U8(bytes);
                    let sums = self.rows(map, under.clone(), work, unpooled, watch);
                    sums.and_then(|()| pool.run(bytes, under, rows.clone(), outputs, watch))
                }
                // Never: only layers with outputs of a byte pool here.
                ValuesMut::I16(_) | ValuesMut::I32(_) => Ok(()),
            };
            // The buffer goes back also when the run stops: later runs use it.
            work.unpooled = unpooled;
            outcome
        })
    }

    /// Computes some rows of positions, before pooling.
    fn rows(
        &self,
        map: ValuesRef<'_>,
        rows: Range<usize>,
        work: &mut Work,
        outputs: &mut ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let (under, first_row) = self.windows.under(rows.clone());
        let bordered = &mut work.bordered.u8;
        self.windows.lay_out(map, under, bordered, watch)?;
        let columns = self.shape.y;
        let work = (self.packed.bytes() / 4 + WORK_PER_POSITION) as u64;
        let mut outputs = outputs.reborrow();
        for piece in pieces(rows.start * columns..rows.end * columns, work) {
            let row = piece.start / columns - first_row;
            let positions = Positions {
                first: self.windows.row_start(row),
                skipped: piece.start % columns,
                count: piece.len(),
                columns,
                row_step: self.windows.row_start(1),
                step: self.windows.position_step(),
            };
            (self.kernel.run)(DepthwiseU8Call {
                shape: self.kernel_shape,
                input: bordered,
                run_step: self.windows.run_step(),
                positions,
                packed: &self.packed,
                rescaler: &self.rescaler,
                outputs: outputs.take(piece.len() * self.shape.c),
            });
            watch.worked(piece.len() as u64 * work)?;
        }
        Ok(())
    }
}
