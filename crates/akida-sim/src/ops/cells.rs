//! Where windows lie on a map (rules C1 and C2).

use crate::model::{Padding, Pair, Shape};
use alloc::vec::Vec;

/// The value of a map at (row, column, channel); `None` outside the map.
pub(super) fn cell<T: Copy>(map: &[T], shape: Shape, i: isize, j: isize, c: usize) -> Option<T> {
    let i = usize::try_from(i).ok().filter(|&i| i < shape.x)?;
    let j = usize::try_from(j).ok().filter(|&j| j < shape.y)?;
    map.get((i * shape.y + j) * shape.c + c).copied()
}

/// Where each window on a map of `shape` begins, row by row. Indices inside the border are negative.
pub(super) fn origins(
    shape: Shape,
    padding: Padding,
    size: Pair,
    stride: Pair,
) -> Vec<(isize, isize)> {
    let axis = |input, size, stride| {
        let windows = padding.windows(input, size, stride);
        let (count, before) = windows.map_or((0, 0), |w| (w.out, w.before));
        (0..count).map(move |i| (i * stride) as isize - before as isize)
    };
    let mut origins = Vec::new();
    for top in axis(shape.x, size.x, stride.x) {
        for left in axis(shape.y, size.y, stride.y) {
            origins.push((top, left));
        }
    }
    origins
}
