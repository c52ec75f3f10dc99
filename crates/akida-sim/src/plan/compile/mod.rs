//! From a model to the steps of a plan: kernels are chosen, weights are packed. `docs/engine.md` defines the words.

mod akida2;
mod chooser;
mod dense;
mod model;
mod neural;
mod separable;

pub(super) use model::{Compiled, compile};
