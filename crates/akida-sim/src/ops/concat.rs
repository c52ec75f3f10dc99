//! Joined maps: rule C8.

use crate::model::Shape;
use alloc::vec::Vec;

/// Maps of equal height and width joined on the channel axis, in the given order (C8).
pub(super) fn concat(maps: &[(Vec<i64>, Shape)]) -> Vec<i64> {
    let positions = maps.first().map_or(0, |(_, shape)| shape.positions());
    let mut joined = Vec::new();
    for position in 0..positions {
        for (map, shape) in maps {
            joined.extend_from_slice(&map[position * shape.c..][..shape.c]);
        }
    }
    joined
}
