//! Portable kernels, shaped so that the compiler vectorizes them.

use super::{
    BySum, DenseCall, DenseElements, DenseKernel, DenseRoutines, DenseShape, DepthwiseCall,
    DepthwiseKernel, SplitKernel, Weight, split,
};
use alloc::vec;
use alloc::vec::Vec;

pub(super) const DENSE_I16: DenseKernel = DenseKernel {
    name: "generic-dense-i16",
    is_available: || true,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: dense_i16,
    }),
};

pub(super) const DENSE_I32: DenseKernel = DenseKernel {
    name: "generic-dense-i32",
    is_available: || true,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I32(DenseRoutines {
        pack: pack_panels::<i32, PANEL, 1>,
        run: dense_i32,
    }),
};

pub(super) const DEPTHWISE_I16: DepthwiseKernel = DepthwiseKernel {
    name: "generic-depthwise-i16",
    is_available: || true,
    routine: BySum::I16(depthwise::<i16>),
};

pub(super) const DEPTHWISE_I32: DepthwiseKernel = DepthwiseKernel {
    name: "generic-depthwise-i32",
    is_available: || true,
    routine: BySum::I32(depthwise::<i32>),
};

pub(super) const SPLIT: SplitKernel = SplitKernel {
    name: "generic-split",
    is_available: || true,
    run: split::split,
};

/// Filters per panel of packed weights.
const PANEL: usize = 16;
/// Positions computed together.
const TILE: usize = 2;

/// Panels of `PANEL` filters; in each, for every run, the weights of `GROUP` consecutive inputs side by side:
/// `[panel][run][group][filter][GROUP]`. A run that is no multiple of `GROUP` and a last panel that is not full end in zeros.
pub(super) fn pack_panels<T: Copy + Default + From<i8>, const PANEL: usize, const GROUP: usize>(
    shape: DenseShape,
    weight: Weight<'_>,
) -> Vec<T> {
    let groups = shape.run.div_ceil(GROUP);
    let panels = shape.filters.div_ceil(PANEL);
    let mut packed = vec![T::default(); panels * shape.rows * groups * PANEL * GROUP];
    let runs = packed.chunks_exact_mut(groups * PANEL * GROUP);
    for (place, packed) in runs.enumerate() {
        let (first, row) = (place / shape.rows * PANEL, place % shape.rows);
        let filters = PANEL.min(shape.filters - first);
        for (group, packed) in packed.chunks_exact_mut(PANEL * GROUP).enumerate() {
            let mut weights = [[0; PANEL]; GROUP];
            for (index, weights) in (group * GROUP..shape.run).zip(&mut weights) {
                weights[..filters].copy_from_slice(&weight(row, index)[first..first + filters]);
            }
            for (filter, packed) in packed.as_chunks_mut().0.iter_mut().enumerate() {
                *packed = weights.map(|weights| T::from(weights[filter]));
            }
        }
    }
    packed
}

/// Products of 16-bit pairs, summed in 32 bits: exact, as |input| < 2^15 and |weight| < 2^7.
fn dense_i16(call: DenseCall<'_, i16, i16>) {
    dense::<_, 2>(call, |sums, x, weights| {
        let (a, b) = (i32::from(x[0]), i32::from(x[1]));
        for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<2>().0) {
            *sum += a * i32::from(w[0]) + b * i32::from(w[1]);
        }
    });
}

/// Products and sums in 32 bits: exact, as no partial sum exceeds the bound on potentials.
fn dense_i32(call: DenseCall<'_, i32, i32>) {
    dense::<_, 1>(call, |sums, x, weights| {
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum += x[0] * w;
        }
    });
}

/// Goes through tiles of positions and panels of filters; `add` adds the products of a group of inputs.
#[inline(always)]
fn dense<T: Copy, const GROUP: usize>(
    call: DenseCall<'_, T, T>,
    add: impl Fn(&mut [i32; PANEL], &[T; GROUP], &[T]),
) {
    let DenseShape {
        rows, run, filters, ..
    } = call.shape;
    let length = run.next_multiple_of(GROUP);
    let mut sink = call.sink;
    let mut starts = call.positions.starts();
    for done in (0..call.positions.count).step_by(TILE) {
        let mut tile = [0; TILE];
        let mut count = 0;
        for (start, next) in tile.iter_mut().zip(&mut starts) {
            (*start, count) = (next, count + 1);
        }
        for (panel, weights) in call.weights.chunks_exact(rows * length * PANEL).enumerate() {
            let mut start = [0; PANEL];
            start.copy_from_slice(&call.start[panel * PANEL..][..PANEL]);
            let mut sums = [start; TILE];
            for (row, weights) in weights.chunks_exact(length * PANEL).enumerate() {
                // Positions that a last tile lacks take the first window of all.
                let inputs = tile.map(|start| &call.input[start + row * call.run_step..][..length]);
                for (group, weights) in weights.chunks_exact(GROUP * PANEL).enumerate() {
                    for (sums, input) in sums.iter_mut().zip(&inputs) {
                        if let Some(x) = input.as_chunks::<GROUP>().0.get(group) {
                            add(sums, x, weights);
                        }
                    }
                }
            }
            let first = panel * PANEL;
            let width = PANEL.min(filters - first);
            for (p, sums) in sums.iter().take(count).enumerate() {
                sink.store((done + p) * filters + first, first, &sums[..width]);
            }
        }
    }
}

/// Products and sums in `T`: exact where no partial sum exceeds `T`.
#[inline(always)]
pub(super) fn depthwise<T>(call: DepthwiseCall<'_, T>)
where
    T: Copy + Default + From<u8> + core::ops::AddAssign + core::ops::Mul<Output = T>,
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
                    *sum += T::from(x) * w;
                }
            }
        }
    }
}
