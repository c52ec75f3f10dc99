use super::scratch::{Operands, Sizes, Work};
use super::windows::Windows;
use crate::kernels::{
    ByElement, DenseCall, DenseRun, DenseShape, DepthwiseCall, DepthwiseRun, DepthwiseShape,
};
use crate::model::{Padding, Pair, Pooling, Shape};
use crate::output::Levels;
use alloc::vec::Vec;

/// A routine and its packed weights.
type Packed<R, T> = (R, Vec<T>);
type PackedDense<T> = Packed<DenseRun<T>, T>;
type PackedDepthwise<T> = Packed<DepthwiseRun<T>, T>;

/// The product of windows and filters.
pub(super) struct Dense {
    pub(super) shape: DenseShape,
    pub(super) routine: ByElement<PackedDense<i16>, PackedDense<i32>>,
}

/// The convolution of each channel alone.
pub(super) struct Depthwise {
    pub(super) shape: DepthwiseShape,
    pub(super) routine: ByElement<PackedDepthwise<i16>, PackedDepthwise<i32>>,
}

/// A layer with weights: row by row potentials, then pooling and levels.
pub(super) struct Neural {
    /// The layer that is read; `None` for the model's input.
    pub(super) source: Option<usize>,
    pub(super) windows: Windows,
    pub(super) depthwise: Option<Depthwise>,
    pub(super) dense: Dense,
    pub(super) potential_shape: Shape,
    pub(super) pooling: Pooling,
    pub(super) padding: Padding,
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

impl Neural {
    pub(super) fn sizes(&self) -> Sizes {
        let shape = self.potential_shape;
        let bordered = self.windows.len();
        let sums = match &self.depthwise {
            Some(depthwise) => shape.y * depthwise.shape.channels,
            None => 0,
        };
        let takes_i16 = self.takes_i16();
        let pooled = matches!(self.pooling, Pooling::Max { .. });
        let with_activation = self.levels.is_some();
        let when = |condition, size| if condition { size } else { 0 };
        Sizes {
            bordered_i16: when(takes_i16, bordered),
            bordered_i32: when(!takes_i16, bordered),
            // The pointwise product may take another element type than the depthwise sums have.
            sums_i16: sums,
            sums_i32: sums,
            row: shape.y * shape.c,
            unpooled: when(pooled && with_activation, shape.len()),
            unpooled_potentials: when(pooled && !with_activation, shape.len()),
            totals: when(matches!(self.pooling, Pooling::GlobalAverage), shape.c),
        }
    }

    /// Whether the routine that reads the layer's input takes 16-bit values.
    fn takes_i16(&self) -> bool {
        match &self.depthwise {
            Some(depthwise) => matches!(depthwise.routine, ByElement::I16(_)),
            None => matches!(self.dense.routine, ByElement::I16(_)),
        }
    }

    /// Computes the layer's `levels`, or `potentials` without activation, from `map`.
    pub(super) fn run(
        &self,
        map: &[u8],
        work: &mut Work,
        levels: &mut [u8],
        potentials: &mut [i32],
    ) {
        if self.takes_i16() {
            self.windows
                .lay_out(map, &mut work.i16.bordered[..self.windows.len()]);
        } else {
            self.windows
                .lay_out(map, &mut work.i32.bordered[..self.windows.len()]);
        }
        let shape = self.potential_shape;
        let row_len = shape.y * shape.c;
        if matches!(self.pooling, Pooling::GlobalAverage) {
            work.totals[..shape.c].fill(0);
        }
        for i in 0..shape.x {
            self.potential_row(i, work);
            let row = &work.row[..row_len];
            let place = i * row_len..(i + 1) * row_len;
            match (self.pooling, &self.levels) {
                (Pooling::None, Some(activation)) => activation.apply(row, &mut levels[place]),
                (Pooling::None, None) => potentials[place].copy_from_slice(row),
                // Levels rise with potentials, so the level of the largest is the largest level.
                (Pooling::Max { .. }, Some(activation)) => {
                    activation.apply(row, &mut work.unpooled[place]);
                }
                (Pooling::Max { .. }, None) => {
                    work.unpooled_potentials[place].copy_from_slice(row);
                }
                (Pooling::GlobalAverage, _) => {
                    for position in row.chunks_exact(shape.c) {
                        for (total, p) in work.totals.iter_mut().zip(position) {
                            *total += p;
                        }
                    }
                }
            }
        }
        match (self.pooling, &self.levels) {
            (Pooling::None, _) => {}
            (Pooling::Max { size, stride }, Some(_)) => {
                max_pool(&work.unpooled, shape, size, stride, self.padding, levels);
            }
            (Pooling::Max { size, stride }, None) => {
                let map = &work.unpooled_potentials;
                max_pool(map, shape, size, stride, self.padding, potentials);
            }
            (Pooling::GlobalAverage, Some(activation)) => {
                activation.apply(&work.totals[..shape.c], levels);
            }
            (Pooling::GlobalAverage, None) => potentials.copy_from_slice(&work.totals[..shape.c]),
        }
    }

    /// Fills `work.row` with the potentials of row `i`.
    fn potential_row(&self, i: usize, work: &mut Work) {
        let start = self.windows.row_start(i);
        let row_step = self.windows.row_step();
        let position_step = self.windows.position_step();
        let row = &mut work.row[..self.potential_shape.y * self.potential_shape.c];
        let shape = self.dense.shape;
        let Some(depthwise) = &self.depthwise else {
            let steps = (row_step, position_step);
            match &self.dense.routine {
                ByElement::I16(p) => multiply(shape, p, &work.i16.bordered[start..], steps, row),
                ByElement::I32(p) => multiply(shape, p, &work.i32.bordered[start..], steps, row),
            }
            return;
        };
        let channels = depthwise.shape.channels;
        let len = self.potential_shape.y * channels;
        let steps = (row_step, position_step);
        let sums_are_i16 = match &depthwise.routine {
            ByElement::I16(p) => {
                sum_channels(depthwise.shape, p, start, steps, &mut work.i16, len);
                true
            }
            ByElement::I32(p) => {
                sum_channels(depthwise.shape, p, start, steps, &mut work.i32, len);
                false
            }
        };
        let steps = (channels, channels);
        match &self.dense.routine {
            ByElement::I16(p) => {
                if !sums_are_i16 {
                    // Exact: this routine was chosen because the sums fit 16 bits.
                    for (narrow, &wide) in work.i16.sums.iter_mut().zip(&work.i32.sums[..len]) {
                        *narrow = wide as i16;
                    }
                }
                multiply(shape, p, &work.i16.sums, steps, row);
            }
            ByElement::I32(p) => {
                if sums_are_i16 {
                    for (wide, &narrow) in work.i32.sums.iter_mut().zip(&work.i16.sums[..len]) {
                        *wide = narrow.into();
                    }
                }
                multiply(shape, p, &work.i32.sums, steps, row);
            }
        }
    }
}

/// Potentials of one row of positions; `steps` are those between rows and between positions.
fn multiply<T>(
    shape: DenseShape,
    (run, weights): &PackedDense<T>,
    input: &[T],
    (row_step, position_step): (usize, usize),
    potentials: &mut [i32],
) {
    run(DenseCall {
        shape,
        input,
        row_step,
        position_step,
        weights,
        potentials,
    });
}

/// Depthwise sums of one row of positions, `len` in all, of the windows from `start` on.
fn sum_channels<T>(
    shape: DepthwiseShape,
    (run, weights): &PackedDepthwise<T>,
    start: usize,
    (row_step, position_step): (usize, usize),
    operands: &mut Operands<T>,
    len: usize,
) {
    run(DepthwiseCall {
        shape,
        input: &operands.bordered[start..],
        row_step,
        position_step,
        weights,
        sums: &mut operands.sums[..len],
    });
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
