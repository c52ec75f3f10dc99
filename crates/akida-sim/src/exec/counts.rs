//! Counting of values that are not zero, layer by layer as they are made.

use alloc::vec;
use alloc::vec::Vec;

/// How many values were not zero, over all samples of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Of the model's inputs.
    pub inputs: u64,
    /// Of the outputs of each layer, in layer order: levels, or potentials without activation.
    pub outputs: Vec<u64>,
}

#[cfg(feature = "std")]
type Shared = std::sync::Mutex<Vec<u64>>;
#[cfg(not(feature = "std"))]
type Shared = core::cell::RefCell<Vec<u64>>;

/// Where the counts of all threads come together: of the outputs of each layer, then of the inputs.
pub(super) struct Total(Shared);

impl Total {
    pub(super) fn new(layers: usize) -> Self {
        Self(Shared::new(vec![0; layers + 1]))
    }

    /// Takes over what was counted.
    pub(super) fn add(&self, counts: &mut [u64]) {
        #[cfg(feature = "std")]
        let mut total = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let mut total = self.0.borrow_mut();
        for (total, count) in total.iter_mut().zip(counts) {
            *total += core::mem::take(count);
        }
    }

    pub(super) fn counts(self) -> Counts {
        #[cfg(feature = "std")]
        let mut outputs = self
            .0
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let mut outputs = self.0.into_inner();
        let inputs = outputs.pop().unwrap_or_default();
        Counts { inputs, outputs }
    }
}
