use crate::model::{Model, Windows};

/// The most inputs that share one reading of weights.
const INPUTS: usize = 16;

/// The fully connected layers at the end of a model, each reading the one before it.
///
/// They take several inputs of a batch at once: their weights are used once for each input, and reading them takes longer
/// than multiplying.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// The first of these layers, or the number of all layers where there are none.
    pub(crate) first: usize,
    /// Inputs taken at once.
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

    /// Inputs that layer `index` takes at once.
    pub(super) fn taken(self, index: usize) -> usize {
        if index < self.first { 1 } else { self.inputs }
    }

    /// Inputs whose outputs of layer `index` are kept at once.
    pub(super) fn kept(self, index: usize) -> usize {
        self.taken(index + 1)
    }
}
