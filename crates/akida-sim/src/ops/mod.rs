//! The definition: scalar, slow, obvious. Each file follows `docs/arithmetic.md` rule by rule.
//!
//! Every kernel is compared with these functions for equality. Sums have 64 bits, so that nothing here relies on the bound
//! of rule B5. Results are narrowed to 32 bits where rule B5 guarantees that they fit.

mod activation;
mod cells;
mod concat;
mod definition;
mod pooling;
mod windows;

pub use activation::{boundaries, level, prediction};
pub use definition::run;
