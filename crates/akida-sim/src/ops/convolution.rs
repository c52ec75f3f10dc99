//! Rules C1 to C5.

use super::{cell, window_origin};
use crate::model::{ConvParams, Shape, Weights};
use alloc::vec::Vec;

/// The windows of a convolution: for each output position, where its window begins.
fn origins(shape: Shape, conv: &ConvParams) -> Vec<(isize, isize)> {
    let (size, stride) = (conv.kernel_size, conv.kernel_stride);
    let count = |input, size, stride| {
        conv.padding
            .windows(input, size, stride)
            .map_or(0, |w| w.out)
    };
    let mut origins = Vec::new();
    for i in 0..count(shape.x, size.x, stride.x) {
        for j in 0..count(shape.y, size.y, stride.y) {
            origins.push(window_origin(conv.padding, shape, size, stride, (i, j)));
        }
    }
    origins
}

/// Potentials of a convolution over all channels: `flip` for the true convolution (C4), without it the
/// cross-correlation (C3). Cells outside the map are `border`.
pub(super) fn convolution(
    map: &[u8],
    shape: Shape,
    weights: &Weights,
    conv: &ConvParams,
    border: u8,
    flip: bool,
) -> Vec<i64> {
    let [kh, kw, channels, filters] = weights.shape();
    let mut potentials = Vec::new();
    for (top, left) in origins(shape, conv) {
        for f in 0..filters {
            let mut sum = 0i64;
            for u in 0..kh {
                for v in 0..kw {
                    let (wu, wv) = if flip {
                        (kh - 1 - u, kw - 1 - v)
                    } else {
                        (u, v)
                    };
                    for c in 0..channels {
                        let x = cell(map, shape, top + u as isize, left + v as isize, c);
                        sum += i64::from(x.unwrap_or(border)) * i64::from(weights.at(wu, wv, c, f));
                    }
                }
            }
            potentials.push(sum);
        }
    }
    potentials
}

/// Depthwise sums of a separable layer: the true convolution on each channel alone (C5).
pub(super) fn depthwise(
    map: &[u8],
    shape: Shape,
    weights: &Weights,
    conv: &ConvParams,
) -> Vec<i64> {
    let [kh, kw, channels, _] = weights.shape();
    let mut sums = Vec::new();
    for (top, left) in origins(shape, conv) {
        for c in 0..channels {
            let mut sum = 0i64;
            for u in 0..kh {
                for v in 0..kw {
                    let x = cell(map, shape, top + u as isize, left + v as isize, c).unwrap_or(0);
                    sum += i64::from(x) * i64::from(weights.at(kh - 1 - u, kw - 1 - v, c, 0));
                }
            }
            sums.push(sum);
        }
    }
    sums
}

/// Potentials of a separable layer from its depthwise sums (C5).
pub(super) fn pointwise(sums: &[i64], weights: &Weights) -> Vec<i64> {
    let [_, _, channels, filters] = weights.shape();
    let mut potentials = Vec::new();
    for position in sums.chunks_exact(channels) {
        for f in 0..filters {
            let products = position
                .iter()
                .enumerate()
                .map(|(c, d)| d * i64::from(weights.at(0, 0, c, f)));
            potentials.push(products.sum());
        }
    }
    potentials
}
