//! Segments: the parts of a model between which a single map passes.

use crate::Model;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// The segments of a model, as ranges of layers, in order.
///
/// A segment begins where all later layers together read one of the earlier layers: the layer before. So a chain has a
/// segment for each layer, and branches are in one segment with the layer that joins them.
pub(super) fn segments(model: &Model) -> Vec<Range<usize>> {
    let count = model.layers().len();
    let mut last_reader: Vec<usize> = (0..count).collect();
    for (index, layer) in model.layers().iter().enumerate() {
        for &inbound in layer.inbounds() {
            last_reader[inbound] = index;
        }
    }
    // How many layers are read for the last time by each layer.
    let mut ended = vec![0; count];
    for (index, &last) in last_reader.iter().enumerate() {
        if last > index {
            ended[last] += 1;
        }
    }
    let mut segments: Vec<Range<usize>> = Vec::new();
    // Earlier layers that this layer or a later one reads.
    let mut alive = 0;
    for index in 0..count {
        match segments.last_mut() {
            Some(segment) if alive != 1 => segment.end = index + 1,
            _ => segments.push(index..index + 1),
        }
        alive -= ended[index];
        alive += usize::from(last_reader[index] > index);
    }
    segments
}
