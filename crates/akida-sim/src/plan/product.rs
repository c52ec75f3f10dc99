use super::scratch::{ByElement, Sums};
use crate::kernels::{
    BySum, Bytes, DenseCall, DenseRun, DenseShape, DepthwiseCall, DepthwiseRun, DepthwiseShape,
    Positions, Sink, SplitCall, SplitRun,
};
use crate::output::PANEL;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::AddAssign;

/// The product of windows and filters.
pub(super) struct Dense {
    pub(super) shape: DenseShape,
    pub(super) routine: DenseRoutine,
    /// What each filter's sums start from; zeros fill up the last panel.
    pub(super) start: Vec<i32>,
}

/// A routine and its packed weights.
pub(super) enum DenseRoutine {
    U8(DenseRun<u8, i8>, Vec<i8>),
    I16(DenseRun<i16, i16>, Vec<i16>),
    I32(DenseRun<i32, i32>, Vec<i32>),
}

impl Dense {
    /// Multiplies windows of the input held in the element type of the routine.
    pub(super) fn run(
        &self,
        input: ByElement<&[u8], &[i16], &[i32]>,
        run_step: usize,
        positions: Positions,
        sink: Sink<'_>,
    ) {
        fn call<T, W>(
            dense: &Dense,
            (run, weights): (DenseRun<T, W>, &[W]),
            input: &[T],
            run_step: usize,
            positions: Positions,
            sink: Sink<'_>,
        ) {
            run(DenseCall {
                shape: dense.shape,
                input,
                run_step,
                positions,
                weights,
                start: &dense.start,
                sink,
            });
        }
        match &self.routine {
            DenseRoutine::U8(run, w) => call(self, (*run, w), input.u8, run_step, positions, sink),
            DenseRoutine::I16(run, w) => {
                call(self, (*run, w), input.i16, run_step, positions, sink)
            }
            DenseRoutine::I32(run, w) => {
                call(self, (*run, w), input.i32, run_step, positions, sink)
            }
        }
    }

    /// Multiplies depthwise sums of `count` positions.
    pub(super) fn run_on_sums(&self, sums: &Sums, count: usize, sink: Sink<'_>) {
        let input = ByElement {
            u8: sums.u8.as_slice(),
            i16: sums.i16.as_slice(),
            i32: sums.i32.as_slice(),
        };
        let positions = Positions {
            first: 0,
            count,
            columns: count,
            row_step: 0,
            step: self.shape.run,
        };
        self.run(input, 0, positions, sink);
    }

    /// Bytes of packed weights and parameters.
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

/// Instructions of a product that the making of a block of bytes takes as long as.
const COST_OF_BLOCK: usize = 7;

/// A routine and its weights.
type Weighted<R, T> = (R, Vec<T>);

/// The convolution of each channel alone.
pub(super) struct Depthwise {
    pub(super) shape: DepthwiseShape,
    /// The largest absolute sum.
    pub(super) bound: u32,
    /// How sums become bytes, where a product takes such.
    pub(super) split: Option<(SplitRun, Bytes)>,
    pub(super) routine: BySum<Weighted<DepthwiseRun<i16>, i16>, Weighted<DepthwiseRun<i32>, i32>>,
}

/// Where depthwise sums are read.
#[derive(Clone, Copy)]
pub(super) struct DepthwiseInput<'a> {
    /// The windows of the first row.
    pub(super) values: &'a [u8],
    /// Elements between the first windows of neighbouring rows of positions.
    pub(super) stride: usize,
    pub(super) row_step: usize,
    pub(super) position_step: usize,
    /// Positions per row.
    pub(super) columns: usize,
}

impl Depthwise {
    /// Fills `sums` with those of `rows` rows of positions, in the element type that `dense` takes.
    pub(super) fn run(
        &self,
        rows: usize,
        input: DepthwiseInput<'_>,
        dense: &Dense,
        sums: &mut Sums,
    ) {
        let row = input.columns * self.shape.channels;
        for i in 0..rows {
            let input = DepthwiseInput {
                values: &input.values[i * input.stride..],
                ..input
            };
            if let (Some((split, bytes)), BySum::I16(routine)) = (&self.split, &self.routine) {
                let row = &mut sums.i16[..row];
                self.row(routine, input, row);
                let len = input.columns * bytes.len();
                split(SplitCall {
                    bytes,
                    sums: row,
                    out: &mut sums.u8[i * len..][..len],
                });
                continue;
            }
            let place = i * row..(i + 1) * row;
            match &self.routine {
                BySum::I16(routine) => self.row(routine, input, &mut sums.i16[place]),
                BySum::I32(routine) => self.row(routine, input, &mut sums.i32[place]),
            }
        }
        self.convert(dense, rows * row, sums);
    }

    /// Fills `sums` with those of `rows` rows of positions, added up in as many groups as [`Depthwise::groups`] says.
    pub(super) fn run_added(
        &self,
        rows: usize,
        input: DepthwiseInput<'_>,
        dense: &Dense,
        sums: &mut Sums,
    ) {
        let channels = self.shape.channels;
        let row = input.columns * channels;
        let positions = self.positions_per_group(dense);
        let groups = self.groups(rows * input.columns, dense) * channels;
        for i in 0..rows {
            let first = i * input.columns;
            let input = DepthwiseInput {
                values: &input.values[i * input.stride..],
                ..input
            };
            match &self.routine {
                BySum::I16(routine) => {
                    let (groups, rest) = sums.i16.split_at_mut(groups);
                    self.row(routine, input, &mut rest[..row]);
                    add_positions(&rest[..row], channels, first, positions, groups);
                }
                BySum::I32(routine) => {
                    let (groups, rest) = sums.i32.split_at_mut(groups);
                    self.row(routine, input, &mut rest[..row]);
                    add_positions(&rest[..row], channels, first, positions, groups);
                }
            }
        }
        self.convert(dense, groups, sums);
    }

    /// How many sums of groups there are when those of so many positions are added up before the product.
    pub(super) fn groups(&self, positions: usize, dense: &Dense) -> usize {
        positions.div_ceil(self.positions_per_group(dense))
    }

    /// How many sums may be added up without leaving the narrowest element type that they pass.
    fn positions_per_group(&self, dense: &Dense) -> usize {
        match (&self.routine, &dense.routine) {
            // The sums of all positions fit, as the potentials made of them do.
            (BySum::I32(_), DenseRoutine::I32(..)) => usize::MAX,
            _ => (i16::MAX as usize / self.bound.max(1) as usize).max(1),
        }
    }

    fn row<T>(
        &self,
        (run, weights): &Weighted<DepthwiseRun<T>, T>,
        input: DepthwiseInput<'_>,
        sums: &mut [T],
    ) {
        run(DepthwiseCall {
            shape: self.shape,
            input: input.values,
            row_step: input.row_step,
            position_step: input.position_step,
            weights,
            sums,
        });
    }

    /// Brings sums of one element type into that of the product, where they differ; bytes are made row by row.
    fn convert(&self, dense: &Dense, len: usize, sums: &mut Sums) {
        match (&self.routine, &dense.routine) {
            (BySum::I32(_), DenseRoutine::I16(..)) => {
                for (narrow, &wide) in sums.i16.iter_mut().zip(&sums.i32[..len]) {
                    // Exact: the routine was chosen because the sums fit 16 bits.
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

    /// How sums of inputs up to `highest` become bytes.
    pub(super) fn split_into_bytes(&self, highest: u32) -> Option<Bytes> {
        let BySum::I16((_, weights)) = &self.routine else {
            return None;
        };
        let highest = i16::try_from(highest).ok()?;
        let mut reach = vec![(0i16, 0i16); self.shape.channels];
        for cell in weights.chunks_exact(self.shape.channels) {
            for ((low, high), &w) in reach.iter_mut().zip(cell) {
                // No more than the largest absolute sum, which fits.
                *low += w.min(0) * highest;
                *high += w.max(0) * highest;
            }
        }
        Bytes::fit(&reach).then(|| Bytes::new(&reach))
    }

    /// Whether a product with so many filters is spared more by bytes than it takes to make them.
    pub(super) fn is_worth(&self, bytes: &Bytes, filters: usize) -> bool {
        // Groups of four bytes less than of two sums of 16 bits, in panels of filters.
        let fewer = (2 * self.shape.channels).saturating_sub(bytes.len()) / 4;
        fewer * filters / PANEL > COST_OF_BLOCK * bytes.blocks()
    }

    /// Bytes of weights.
    pub(super) fn bytes(&self) -> usize {
        match &self.routine {
            BySum::I16((_, weights)) => size_of_val(weights.as_slice()),
            BySum::I32((_, weights)) => size_of_val(weights.as_slice()),
        }
    }
}

/// Adds the sums of positions from the one numbered `first` on to their groups of `per_group` positions.
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
