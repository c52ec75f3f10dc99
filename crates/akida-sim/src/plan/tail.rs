//! The tail of a model. `docs/engine.md` defines the words.

use crate::model::{Model, Windows};

/// The most inputs that share one reading of weights.
const INPUTS: usize = 16;

/// The fully connected layers at the end of a model, each reading the one before it.
///
/// The tail takes several inputs of a batch at once. Each weight is multiplied once for each input, and to read weights
/// takes longer than to multiply them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// The index of the first layer of the tail. Without a tail it is the number of layers.
    pub(crate) first: usize,
    /// The most inputs that the tail takes at once.
    pub(crate) inputs: usize,
}

impl Tail {
    pub(super) fn of(model: &Model) -> Self {
        let layers = model.layers();
        let is_in_tail = |&index: &usize| {
            let windows = layers[index].connection().operation.windows();
            windows.is_some_and(Windows::is_fully_connected)
                && layers[index].inbounds().first().map(|source| source + 1) == Some(index)
        };
        let count = (0..layers.len()).rev().take_while(is_in_tail).count();
        Self {
            first: layers.len() - count,
            inputs: if count == 0 { 1 } else { INPUTS },
        }
    }

    /// The most inputs that layer `index` takes at once.
    pub(super) fn taken(self, index: usize) -> usize {
        if index < self.first { 1 } else { self.inputs }
    }

    /// How many inputs layer `index` keeps the outputs of: as many as the next layer takes at once.
    pub(super) fn kept(self, index: usize) -> usize {
        self.taken(index + 1)
    }
}
