//! Transposed convolutions (`docs/arithmetic-akida2.md`, section C).

use super::cells::cell;
use crate::model::{Channels, Shape, Weights, Windows};
use alloc::vec::Vec;

/// The sums of a transposed convolution, which doubles height and width.
///
/// Output o along an axis adds up the products of input i and weight a wherever 2i + a − ⌊(k − 2) / 2⌋ = o.
pub(super) fn transposed(
    map: &[i64],
    shape: Shape,
    weights: &Weights,
    windows: &Windows,
) -> Vec<i64> {
    let [rows, columns, channels, _] = weights.shape();
    let (stride, before) = (windows.stride, |size: usize| size.saturating_sub(2) / 2);
    let filters = match windows.channels {
        Channels::Each => channels,
        Channels::All | Channels::EachThenAll => weights.shape()[3],
    };
    // The input that meets weight `a` in output `o`, if there is one.
    let input = |o: usize, a: usize, size: usize, stride: usize| {
        let distance = (o + before(size)).checked_sub(a)?;
        distance.is_multiple_of(stride).then_some(distance / stride)
    };
    let mut sums = Vec::new();
    for (o, p) in (0..shape.x * stride.x).flat_map(|o| (0..shape.y * stride.y).map(move |p| (o, p)))
    {
        for f in 0..filters {
            let mut sum = 0;
            for (a, b) in (0..rows).flat_map(|a| (0..columns).map(move |b| (a, b))) {
                let (Some(i), Some(j)) =
                    (input(o, a, rows, stride.x), input(p, b, columns, stride.y))
                else {
                    continue;
                };
                let of_filter = match windows.channels {
                    Channels::Each => f..f + 1,
                    Channels::All | Channels::EachThenAll => 0..channels,
                };
                for c in of_filter {
                    let x = cell(map, shape, i as isize, j as isize, c).unwrap_or(0);
                    let row = windows.weight_row(channels, a, b, c);
                    let f = if windows.channels == Channels::Each {
                        0
                    } else {
                        f
                    };
                    sum += x * i64::from(weights.at(row, f));
                }
            }
            sums.push(sum);
        }
    }
    sums
}
