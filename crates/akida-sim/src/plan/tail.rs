//! The tail of a model. `docs/engine.md` defines the words.

use crate::model::{Model, Operation, Windows};

/// The most inputs that share one reading of weights.
const INPUTS: usize = 16;

/// The fully connected layers at the end of a model, each reading the one before it. A dequantizer may follow.
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
        let operation = |index: usize| &layers[index].connection().operation;
        let is_fully = |index| {
            let windows = operation(index).windows();
            windows.is_some_and(Windows::is_fully_connected)
        };
        let is_in_tail = |&index: &usize| {
            (is_fully(index) || *operation(index) == Operation::Dequantize)
                && layers[index].inbounds().first().map(|source| source + 1) == Some(index)
        };
        let count = (0..layers.len()).rev().take_while(is_in_tail).count();
        let begin = layers.len() - count;
        let count = if (begin..layers.len()).any(is_fully) {
            count
        } else {
            0
        };
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
