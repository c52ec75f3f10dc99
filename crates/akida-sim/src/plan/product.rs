//! Products and depthwise sums, ready to run: routines and packed weights. `docs/engine.md` defines the words.

use super::scratch::{ByElement, Sums};
use crate::interrupt::{Interrupted, Watch, pieces};
use crate::kernels::{
    BySum, Bytes, DenseCall, DenseRun, DenseShape, DepthwiseCall, DepthwiseRun, DepthwiseShape,
    DepthwiseSink, Positions, Sink,
};
use alloc::vec::Vec;
use core::ops::{AddAssign, Range};

/// The work of a position beside its multiplications, in the units of [`Watch::worked`].
pub(super) const WORK_PER_POSITION: usize = 64;

/// A dense product: windows times filters.
pub(super) struct Dense {
    pub(super) shape: DenseShape,
    pub(super) routine: DenseRoutine,
    /// The number of filters of a block of filters. The last block may have fewer.
    pub(super) block: usize,
    /// What the sums of each filter start from. Zeros fill up the last panel.
    pub(super) start: Vec<i32>,
}

/// The routine of a kernel, by the elements that it reads, and its packed weights.
pub(super) enum DenseRoutine {
    U8(DenseRun<u8, i8>, Vec<i8>),
    I16(DenseRun<i16, i16>, Vec<i16>),
    I32(DenseRun<i32, i32>, Vec<i32>),
}

impl Dense {
    /// Multiplies windows by the filters of some blocks. `input` holds the windows in the element type of the routine.
    pub(super) fn run(
        &self,
        blocks: Range<usize>,
        input: ByElement<&[u8], &[i16], &[i32]>,
        run_step: usize,
        positions: Positions,
        sink: Sink<'_>,
    ) {
        fn call<T, W>(
            dense: &Dense,
            blocks: Range<usize>,
            (run, weights): (DenseRun<T, W>, &[W]),
            input: &[T],
            run_step: usize,
            positions: Positions,
            sink: Sink<'_>,
        ) {
            let size = weights.len() / dense.blocks();
            run(DenseCall {
                shape: DenseShape {
                    filters: dense.filters(&blocks),
                    ..dense.shape
                },
                input,
                run_step,
                positions,
                weights: &weights[blocks.start * size..blocks.end * size],
                start: &dense.start[blocks.start * dense.block..],
                sink,
            });
        }
        match &self.routine {
            DenseRoutine::U8(run, w) => {
                call(self, blocks, (*run, w), input.u8, run_step, positions, sink)
            }
            DenseRoutine::I16(run, w) => call(
                self,
                blocks,
                (*run, w),
                input.i16,
                run_step,
                positions,
                sink,
            ),
            DenseRoutine::I32(run, w) => call(
                self,
                blocks,
                (*run, w),
                input.i32,
                run_step,
                positions,
                sink,
            ),
        }
    }

    /// The work of a position with all filters, in the units of [`Watch::worked`].
    pub(super) fn work(&self) -> u64 {
        // Bytes are multiplied by vectors of the greatest number of elements.
        let multiplied = match &self.routine {
            DenseRoutine::U8(_, weights) => weights.len() / 16,
            DenseRoutine::I16(_, weights) => weights.len() / 4,
            DenseRoutine::I32(_, weights) => weights.len(),
        };
        (multiplied + WORK_PER_POSITION) as u64
    }

    /// The number of blocks of filters.
    pub(super) fn blocks(&self) -> usize {
        self.shape.filters.div_ceil(self.block)
    }

    /// The number of filters of some blocks.
    pub(super) fn filters(&self, blocks: &Range<usize>) -> usize {
        (blocks.end * self.block).min(self.shape.filters) - blocks.start * self.block
    }

    /// Multiplies the depthwise sums of `count` positions. The sums of neighbouring positions begin `step` elements apart.
    pub(super) fn run_on_sums(
        &self,
        blocks: Range<usize>,
        sums: &Sums,
        count: usize,
        step: usize,
        mut sink: Sink<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let input = ByElement {
            u8: sums.u8.as_slice(),
            i16: sums.i16.as_slice(),
            i32: sums.i32.as_slice(),
        };
        let filters = self.filters(&blocks);
        for piece in pieces(0..count, self.work()) {
            let positions = Positions {
                first: piece.start * step,
                skipped: 0,
                count: piece.len(),
                columns: piece.len(),
                row_step: 0,
                step,
            };
            let results = sink.take(piece.len() * filters);
            self.run(blocks.clone(), input, 0, positions, results);
            watch.worked(piece.len() as u64 * self.work())?;
        }
        Ok(())
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        let start = size_of_val(self.start.as_slice());
        start
            + match &self.routine {
                DenseRoutine::U8(_, weights) => size_of_val(weights.as_slice()),
                DenseRoutine::I16(_, weights) => size_of_val(weights.as_slice()),
                DenseRoutine::I32(_, weights) => size_of_val(weights.as_slice()),
            }
    }
}

/// Depthwise sums: the sums of a window in each channel alone.
pub(super) struct Depthwise {
    pub(super) shape: DepthwiseShape,
    /// The largest absolute sum.
    pub(super) bound: u32,
    /// How sums are written as bytes; `None` where the product reads sums.
    pub(super) bytes: Option<Bytes>,
    pub(super) routine: BySum<DepthwiseRun<i16>, DepthwiseRun<i32>>,
    /// The weights, packed in the order in which the routine reads them.
    pub(super) weights: Vec<i8>,
}

/// The windows that depthwise sums are made from.
#[derive(Clone, Copy)]
pub(super) struct DepthwiseInput<'a> {
    pub(super) values: &'a [u8],
    /// The distance between the runs of a window, in elements.
    pub(super) run_step: usize,
    pub(super) positions: Positions,
}

impl Depthwise {
    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        self.weights.len() + self.bytes.as_ref().map_or(0, Bytes::size)
    }

    /// Makes the sums of all positions, in the element type that `dense` reads. Gives the distance between positions in
    /// `sums`, in elements.
    pub(super) fn run(&self, input: DepthwiseInput<'_>, dense: &Dense, sums: &mut Sums) -> usize {
        let channels = self.shape.channels;
        let len = input.positions.count * channels;
        match (&self.routine, &self.bytes) {
            (BySum::I16(run), Some(bytes)) => {
                self.call(*run, input, DepthwiseSink::Bytes(bytes, &mut sums.u8));
                return bytes.step();
            }
            (BySum::I16(run), None) => {
                self.call(*run, input, DepthwiseSink::Sums(&mut sums.i16[..len]));
            }
            (BySum::I32(run), _) => {
                self.call(*run, input, DepthwiseSink::Sums(&mut sums.i32[..len]));
            }
        }
        self.convert(dense, len, sums);
        channels
    }

    /// Makes the sums of all positions, and adds up the sums of each group of `per_group` positions. `sums` then begins with
    /// the totals of the `groups` groups.
    pub(super) fn run_added(
        &self,
        input: DepthwiseInput<'_>,
        per_group: usize,
        groups: usize,
        dense: &Dense,
        sums: &mut Sums,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let channels = self.shape.channels;
        let len = groups * channels;
        for (first, row) in input.positions.rows() {
            for places in pieces(row.clone(), self.work()) {
                let positions = Positions {
                    first: first + (places.start - row.start) * input.positions.step,
                    skipped: 0,
                    count: places.len(),
                    ..input.positions
                };
                let input = DepthwiseInput { positions, ..input };
                let piece = ..places.len() * channels;
                match &self.routine {
                    BySum::I16(run) => {
                        let (groups, rest) = sums.i16.split_at_mut(len);
                        self.call(*run, input, DepthwiseSink::Sums(&mut rest[piece]));
                        add_positions(&rest[piece], channels, places.start, per_group, groups);
                    }
                    BySum::I32(run) => {
                        let (groups, rest) = sums.i32.split_at_mut(len);
                        self.call(*run, input, DepthwiseSink::Sums(&mut rest[piece]));
                        add_positions(&rest[piece], channels, places.start, per_group, groups);
                    }
                }
                watch.worked(places.len() as u64 * self.work())?;
            }
        }
        self.convert(dense, len, sums);
        Ok(())
    }

    /// The work of the sums of a position, in the units of [`Watch::worked`].
    pub(super) fn work(&self) -> u64 {
        (self.weights.len() / 2 + WORK_PER_POSITION) as u64
    }

    /// The most positions of a group. Its sums fit every element type that they take on their way through the product.
    pub(super) fn most_per_group(&self, dense: &Dense) -> usize {
        match (&self.routine, &dense.routine) {
            // The sums of all positions fit 32 bits, as the potentials made of them do.
            (BySum::I32(_), DenseRoutine::I32(..)) => usize::MAX,
            _ => (i16::MAX as usize / self.bound.max(1) as usize).max(1),
        }
    }

    fn call<T>(&self, run: DepthwiseRun<T>, input: DepthwiseInput<'_>, sink: DepthwiseSink<'_, T>) {
        run(DepthwiseCall {
            shape: self.shape,
            input: input.values,
            run_step: input.run_step,
            positions: input.positions,
            weights: &self.weights,
            sink,
        });
    }

    /// Converts sums to the element type that `dense` reads, where the routine writes another.
    fn convert(&self, dense: &Dense, len: usize, sums: &mut Sums) {
        match (&self.routine, &dense.routine) {
            (BySum::I32(_), DenseRoutine::I16(..)) => {
                for (narrow, &wide) in sums.i16.iter_mut().zip(&sums.i32[..len]) {
                    // Exact: a product of 16 bits is chosen only where all sums fit 16 bits.
                    *narrow = wide as i16;
                }
            }
            (BySum::I16(_), DenseRoutine::I32(..)) => {
                for (wide, &narrow) in sums.i32.iter_mut().zip(&sums.i16[..len]) {
                    *wide = narrow.into();
                }
            }
            _ => {}
        }
    }
}

/// Adds the sums of positions to the totals of their groups. `first` is the number of the first position.
fn add_positions<T: Copy + Default + AddAssign>(
    row: &[T],
    channels: usize,
    first: usize,
    per_group: usize,
    groups: &mut [T],
) {
    for (p, sums) in row.chunks_exact(channels).enumerate() {
        let position = first + p;
        let group = &mut groups[position / per_group * channels..][..channels];
        if position.is_multiple_of(per_group) {
            group.copy_from_slice(sums);
        } else {
            for (total, &sum) in group.iter_mut().zip(sums) {
                *total += sum;
            }
        }
    }
}
