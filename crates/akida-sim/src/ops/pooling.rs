//! Pooling of potentials: section D.

use super::cells::{cell, origins};
use crate::model::{Padding, Pair, Shape};
use alloc::vec;
use alloc::vec::Vec;

/// The largest potential of each window. Cells outside the map are left out (D1).
pub(super) fn max_pool(
    map: &[i64],
    shape: Shape,
    size: Pair,
    stride: Pair,
    padding: Padding,
) -> Vec<i64> {
    let mut pooled = Vec::new();
    for (top, left) in origins(shape, padding, size, stride) {
        for c in 0..shape.c {
            let rows = top..top + size.x as isize;
            let cells = rows.flat_map(|row| {
                (left..left + size.y as isize)
                    .filter_map(move |column| cell(map, shape, row, column, c))
            });
            pooled.extend(cells.max());
        }
    }
    pooled
}

/// The sum of each channel over the whole map (D2).
pub(super) fn global_sum(map: &[i64], shape: Shape) -> Vec<i64> {
    let mut sums = vec![0; shape.c];
    for position in map.chunks_exact(shape.c) {
        for (sum, potential) in sums.iter_mut().zip(position) {
            *sum += potential;
        }
    }
    sums
}
