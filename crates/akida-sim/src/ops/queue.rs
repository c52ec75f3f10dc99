//! Sums over the last maps of a stream (`docs/arithmetic-akida2.md`, section H).

use crate::model::{Channels, Shape, Weights, Windows};
use alloc::vec::Vec;

/// The sums of a layer that reads the last maps of a stream, the oldest first, at each position alone.
pub(super) fn queue(
    frames: &[Vec<i64>],
    shape: Shape,
    weights: &Weights,
    windows: &Windows,
) -> Vec<i64> {
    let [_, _, _, filters] = weights.shape();
    let mut sums = Vec::new();
    for position in 0..shape.positions() {
        for f in 0..filters {
            let of_filter = match windows.channels {
                Channels::Each => f..f + 1,
                Channels::All | Channels::EachThenAll => 0..shape.c,
            };
            let mut sum = 0;
            for (t, frame) in frames.iter().enumerate() {
                for c in of_filter.clone() {
                    let row = match windows.channels {
                        Channels::Each => t,
                        Channels::All | Channels::EachThenAll => t * shape.c + c,
                    };
                    sum += frame[position * shape.c + c] * i64::from(weights.at(row, f));
                }
            }
            sums.push(sum);
        }
    }
    sums
}
