//! Sums over windows: rules C3 to C6.

use super::cells::{cell, origins};
use crate::model::{Shape, Weights, Windows};
use alloc::vec::Vec;

/// A map with the values of the cells around it, one per channel.
#[derive(Clone, Copy)]
pub(super) struct Bordered<'a> {
    pub(super) map: &'a [i64],
    pub(super) shape: Shape,
    /// The border of each channel. Channels beyond them have the border of the windows.
    pub(super) border: &'a [i32],
}

/// Sums over all channels of each window, for each filter (C3, C4, C6).
pub(super) fn sums(map: Bordered<'_>, weights: &Weights, windows: &Windows) -> Vec<i64> {
    let [_, _, _, filters] = weights.shape();
    let mut sums = Vec::new();
    for origin in origins(map.shape, windows.padding, windows.size, windows.stride) {
        for f in 0..filters {
            let channels = 0..map.shape.c;
            let products = channels.map(|c| {
                let weight = |row| weights.at(row, f);
                channel(map, weight, windows, origin, c)
            });
            sums.push(products.sum());
        }
    }
    sums
}

/// Sums over each channel of each window alone (the first half of C5).
pub(super) fn depthwise(map: Bordered<'_>, weights: &Weights, windows: &Windows) -> Vec<i64> {
    let mut sums = Vec::new();
    for origin in origins(map.shape, windows.padding, windows.size, windows.stride) {
        for c in 0..map.shape.c {
            // A weight for each row, in the shape of a kernel or of a queue.
            sums.push(channel(map, |row| weights.element(row), windows, origin, c));
        }
    }
    sums
}

/// The sum over channel `c` of the window that begins at (`top`, `left`). `weight` gives the weight of a row.
fn channel(
    bordered: Bordered<'_>,
    weight: impl Fn(usize) -> i8,
    windows: &Windows,
    (top, left): (isize, isize),
    c: usize,
) -> i64 {
    let Bordered { map, shape, border } = bordered;
    let border = *border.get(c).unwrap_or(&windows.border);
    let mut sum = 0;
    for u in 0..windows.size.x {
        for v in 0..windows.size.y {
            let x = cell(map, shape, top + u as isize, left + v as isize, c);
            let row = windows.weight_row(shape.c, u, v, c);
            sum += x.unwrap_or(border.into()) * i64::from(weight(row));
        }
    }
    sum
}

/// Sums over all channels of each position, for each filter (the second half of C5).
pub(super) fn pointwise(sums: &[i64], weights: &Weights) -> Vec<i64> {
    let [_, _, channels, filters] = weights.shape();
    let mut potentials = Vec::new();
    for position in sums.chunks_exact(channels) {
        for f in 0..filters {
            let products = position
                .iter()
                .enumerate()
                .map(|(c, d)| d * i64::from(weights.at(c, f)));
            potentials.push(products.sum());
        }
    }
    potentials
}
