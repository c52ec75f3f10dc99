//! Counting of values that are not zero, layer by layer as outputs are made.

use alloc::vec;
use alloc::vec::Vec;

/// How many values were not zero, over all samples of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// How many of the model's inputs.
    pub inputs: u64,
    /// How many of the outputs of each layer, in layer order. Outputs are levels, or potentials without activation.
    pub outputs: Vec<u64>,
}

#[cfg(feature = "std")]
type Shared = std::sync::Mutex<Vec<u64>>;
#[cfg(not(feature = "std"))]
type Shared = core::cell::RefCell<Vec<u64>>;

/// The sums of the counts of all threads: of the outputs of each layer, then of the inputs.
pub(super) struct Total(Shared);

impl Total {
    pub(super) fn new(layers: usize) -> Self {
        Self(Shared::new(vec![0; layers + 1]))
    }

    /// Adds the counts of a thread, and sets them to 0.
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
