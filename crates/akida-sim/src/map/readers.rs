//! Who reads which layer.

use crate::{Layer, Model};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// For each layer, the layers that read it, in order. A layer that reads another several times counts once.
pub(super) fn readers(model: &Model) -> Vec<Vec<&Arc<Layer>>> {
    let layers = model.layers();
    let mut readers = vec![Vec::new(); layers.len()];
    for layer in layers {
        for &inbound in layer.inbounds() {
            let known: &mut Vec<&Arc<Layer>> = &mut readers[inbound];
            if known.last().is_none_or(|last| !Arc::ptr_eq(last, layer)) {
                known.push(layer);
            }
        }
    }
    readers
}
