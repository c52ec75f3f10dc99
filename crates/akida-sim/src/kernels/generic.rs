//! Portable kernels, shaped so that the compiler vectorizes them.

use super::{
    ByElement, DenseCall, DenseKernel, DenseRoutines, DenseShape, DepthwiseCall, DepthwiseKernel,
    LevelsKernel, Weight,
};
use alloc::vec;
use alloc::vec::Vec;

pub(super) const DENSE_I16: DenseKernel = DenseKernel {
    name: "generic-dense-i16",
    is_available: || true,
    routines: ByElement::I16(DenseRoutines {
        pack: pack_pairs::<PANEL>,
        run: dense_i16,
    }),
};

pub(super) const DENSE_I32: DenseKernel = DenseKernel {
    name: "generic-dense-i32",
    is_available: || true,
    routines: ByElement::I32(DenseRoutines {
        pack: pack_i32,
        run: dense_i32,
    }),
};

pub(super) const DEPTHWISE_I16: DepthwiseKernel = DepthwiseKernel {
    name: "generic-depthwise-i16",
    is_available: || true,
    routine: ByElement::I16(depthwise::<i16>),
};

pub(super) const DEPTHWISE_I32: DepthwiseKernel = DepthwiseKernel {
    name: "generic-depthwise-i32",
    is_available: || true,
    routine: ByElement::I32(depthwise::<i32>),
};

pub(super) const LEVELS: LevelsKernel = LevelsKernel {
    name: "generic-levels",
    is_available: || true,
    run: levels,
};

/// Filters per panel of packed weights.
const PANEL: usize = 8;
/// Positions computed together.
const TILE: usize = 4;

/// Panels of `PANEL` filters; in each, for every row, the weights of two consecutive inputs side by side:
/// `[row][pair][filter][2]`. An odd run and a last panel that is not full end in zeros.
pub(super) fn pack_pairs<const PANEL: usize>(shape: DenseShape, weight: Weight<'_>) -> Vec<i16> {
    let pairs = shape.run.div_ceil(2);
    let panels = shape.filters.div_ceil(PANEL);
    let mut packed = vec![0; panels * shape.rows * pairs * PANEL * 2];
    for (f, row) in (0..shape.filters).flat_map(|f| (0..shape.rows).map(move |row| (f, row))) {
        let panel = (f / PANEL * shape.rows + row) * pairs;
        for index in 0..shape.run {
            let place = ((panel + index / 2) * PANEL + f % PANEL) * 2 + index % 2;
            packed[place] = i16::from(weight(row, index, f));
        }
    }
    packed
}

/// Products of 16-bit pairs, summed in 32 bits: exact, as |input| < 2^15 and |weight| < 2^7.
fn dense_i16(call: DenseCall<'_, i16>) {
    let filters = call.shape.filters;
    let step = call.position_step;
    let tiles = call.potentials.chunks_mut(TILE * filters);
    for (tile, potentials) in tiles.enumerate() {
        let input = &call.input[tile * TILE * step..];
        if potentials.len() == TILE * filters {
            tile_i16::<TILE>(
                &call.shape,
                input,
                call.row_step,
                step,
                call.weights,
                potentials,
            );
        } else {
            for (position, potentials) in potentials.chunks_exact_mut(filters).enumerate() {
                let input = &input[position * step..];
                tile_i16::<1>(
                    &call.shape,
                    input,
                    call.row_step,
                    step,
                    call.weights,
                    potentials,
                );
            }
        }
    }
}

/// The potentials of `N` neighbouring positions.
fn tile_i16<const N: usize>(
    shape: &DenseShape,
    input: &[i16],
    row_step: usize,
    position_step: usize,
    weights: &[i16],
    potentials: &mut [i32],
) {
    let length = shape.run.next_multiple_of(2);
    let panel_size = shape.rows * length * PANEL;
    for (panel, weights) in weights.chunks_exact(panel_size).enumerate() {
        let mut sums = [[0i32; PANEL]; N];
        for (row, weights) in weights.chunks_exact(length * PANEL).enumerate() {
            let runs: [&[i16]; N] =
                core::array::from_fn(|p| &input[row * row_step + p * position_step..][..length]);
            for (pair, weights) in weights.chunks_exact(2 * PANEL).enumerate() {
                for (sums, run) in sums.iter_mut().zip(&runs) {
                    let (a, b) = (i32::from(run[2 * pair]), i32::from(run[2 * pair + 1]));
                    for (sum, w) in sums.iter_mut().zip(weights.chunks_exact(2)) {
                        *sum += a * i32::from(w[0]) + b * i32::from(w[1]);
                    }
                }
            }
        }
        let first = panel * PANEL;
        let count = PANEL.min(shape.filters - first);
        for (p, sums) in sums.iter().enumerate() {
            potentials[p * shape.filters + first..][..count].copy_from_slice(&sums[..count]);
        }
    }
}

/// `[row][index][filter]`.
fn pack_i32(shape: DenseShape, weight: Weight<'_>) -> Vec<i32> {
    let mut packed = Vec::with_capacity(shape.rows * shape.run * shape.filters);
    for (row, index) in (0..shape.rows).flat_map(|row| (0..shape.run).map(move |i| (row, i))) {
        packed.extend((0..shape.filters).map(|f| i32::from(weight(row, index, f))));
    }
    packed
}

/// Products and sums in 32 bits: exact, as no partial sum exceeds the bound on potentials.
fn dense_i32(call: DenseCall<'_, i32>) {
    let DenseShape { rows, run, filters } = call.shape;
    for (position, sums) in call.potentials.chunks_exact_mut(filters).enumerate() {
        sums.fill(0);
        for row in 0..rows {
            let start = position * call.position_step + row * call.row_step;
            let weights = &call.weights[row * run * filters..][..run * filters];
            for (&x, weights) in call.input[start..][..run]
                .iter()
                .zip(weights.chunks_exact(filters))
            {
                if x != 0 {
                    for (sum, &w) in sums.iter_mut().zip(weights) {
                        *sum += x * w;
                    }
                }
            }
        }
    }
}

/// Products and sums in `T`: exact where no partial sum exceeds `T`.
#[inline(always)]
pub(super) fn depthwise<T>(call: DepthwiseCall<'_, T>)
where
    T: Copy + Default + core::ops::AddAssign + core::ops::Mul<Output = T>,
{
    let channels = call.shape.channels;
    for (position, sums) in call.sums.chunks_exact_mut(channels).enumerate() {
        sums.fill(T::default());
        for (row, weights) in call
            .weights
            .chunks_exact(call.shape.columns * channels)
            .enumerate()
        {
            let start = position * call.position_step + row * call.row_step;
            for (x, weights) in call.input[start..]
                .chunks_exact(channels)
                .zip(weights.chunks_exact(channels))
            {
                for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(weights) {
                    *sum += x * w;
                }
            }
        }
    }
}

/// Channels compared together; a multiple of every vector width worth using.
const LANES: usize = 16;

/// Counts the boundaries that each potential exceeds (E3).
#[inline(always)]
pub(super) fn levels(boundaries: &[i32], filters: usize, potentials: &[i32], levels: &mut [u8]) {
    for (p, y) in potentials
        .chunks_exact(filters)
        .zip(levels.chunks_exact_mut(filters))
    {
        let split = filters - filters % LANES;
        for start in (0..split).step_by(LANES) {
            count_exceeded::<LANES>(boundaries, start, p, y);
        }
        for start in split..filters {
            count_exceeded::<1>(boundaries, start, p, y);
        }
    }
}

/// The levels of `N` neighbouring channels of one position.
#[inline(always)]
fn count_exceeded<const N: usize>(boundaries: &[i32], start: usize, p: &[i32], levels: &mut [u8]) {
    let filters = p.len();
    let mut potentials = [0i32; N];
    potentials.copy_from_slice(&p[start..start + N]);
    let mut count = [0i32; N];
    for row in boundaries.chunks_exact(filters) {
        for ((count, p), b) in count
            .iter_mut()
            .zip(&potentials)
            .zip(&row[start..start + N])
        {
            *count += i32::from(p > b);
        }
    }
    for (y, count) in levels[start..start + N].iter_mut().zip(count) {
        *y = count as u8;
    }
}
