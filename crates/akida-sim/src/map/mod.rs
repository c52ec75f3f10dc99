//! From a model to a chip: what stops it, where its layers go.

mod check;
mod violation;

pub use check::check;
pub use violation::{Effect, Violation};
