//! Portable kernels. The compiler turns their loops into vector instructions. `docs/engine.md` defines the words.

use super::{
    BySum, DenseCall, DenseElements, DenseKernel, DenseRoutines, DenseShape, DepthwiseCall,
    DepthwiseKernel, DepthwiseShape, DepthwiseSink, Weight, sum_bytes::BLOCK,
};
use crate::memory::{self, OutOfMemory};
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
    pack: unpacked,
    routine: BySum::I16(depthwise_i16),
};

pub(super) const DEPTHWISE_I32: DepthwiseKernel = DepthwiseKernel {
    name: "generic-depthwise-i32",
    is_available: || true,
    pack: unpacked,
    routine: BySum::I32(depthwise_i32),
};

/// The filters of a panel.
const PANEL: usize = 16;
/// The positions of a tile.
const TILE: usize = 2;

/// Packs weights into panels of `PANEL` filters, in the order `[panel][run][group][filter][GROUP]`.
///
/// So the weights of the `GROUP` inputs of a group lie side by side, filter after filter. Zeros fill up a run that is no
/// multiple of `GROUP`, and a last panel with fewer filters.
///
/// # Example
///
/// Panels of 2 filters and groups of 2 inputs: inputs 0 to 2 have the weights 1, 2, 3 of filter 0 and 4, 5, 6 of filter 1.
/// They are packed as 1, 2, 4, 5 (group 0), then 3, 0, 6, 0 (group 1).
pub(super) fn pack_panels<T: Copy + Default + From<i8>, const PANEL: usize, const GROUP: usize>(
    shape: DenseShape,
    weight: Weight<'_>,
) -> Result<Vec<T>, OutOfMemory> {
    let groups = shape.run.div_ceil(GROUP);
    let panels = shape.filters.div_ceil(PANEL);
    let mut packed = memory::filled(T::default(), panels * shape.rows * groups * PANEL * GROUP)?;
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
    Ok(packed)
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

/// Goes through tiles of positions and panels of filters. `add` adds the products of a group of inputs.
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
                // A last tile may lack positions. In their place it computes the window at element 0, which nobody stores.
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

pub(super) fn unpacked(_: DepthwiseShape, weights: Vec<i8>) -> Result<Vec<i8>, OutOfMemory> {
    Ok(weights)
}

/// Products and sums in 16 bits: exact where no partial sum exceeds 16 bits.
#[inline(always)]
pub(super) fn depthwise_i16(call: DepthwiseCall<'_, i16>) {
    depthwise(call, DepthwiseSink::<i16>::store);
}

/// Products and sums in 32 bits: exact, as no partial sum exceeds the bound on them.
fn depthwise_i32(call: DepthwiseCall<'_, i32>) {
    depthwise(call, DepthwiseSink::<i32>::store);
}

/// Goes through positions and blocks of channels.
#[inline(always)]
fn depthwise<'a, T>(
    call: DepthwiseCall<'a, T>,
    store: impl Fn(&mut DepthwiseSink<'a, T>, usize, usize, usize, &[T]),
) where
    T: Copy + Default + From<u8> + From<i8> + core::ops::AddAssign + core::ops::Mul<Output = T>,
{
    let DepthwiseShape {
        rows,
        columns,
        channels,
    } = call.shape;
    let mut sink = call.sink;
    for (position, start) in call.positions.starts().enumerate() {
        for (block, first) in (0..channels).step_by(BLOCK).enumerate() {
            let width = BLOCK.min(channels - first);
            let mut sums = [T::default(); BLOCK];
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let input = start + row * call.run_step + column * channels + first;
                let weights = (row * columns + column) * channels + first;
                let cells = call.input[input..][..width].iter();
                let cells = cells.zip(&call.weights[weights..][..width]);
                for (sum, (&x, &w)) in sums.iter_mut().zip(cells) {
                    *sum += T::from(x) * T::from(w);
                }
            }
            store(&mut sink, position, channels, block, &sums[..width]);
        }
    }
}
