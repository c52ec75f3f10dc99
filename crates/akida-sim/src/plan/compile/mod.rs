//! From a model to the steps of a plan: which kernels, and their weights packed.

mod chooser;
mod dense;
mod model;
mod neural;
mod separable;

pub(super) use model::{Compiled, compile};
