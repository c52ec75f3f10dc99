//! The definition: scalar, slow, obvious. Each file follows `docs/arithmetic.md` or `docs/arithmetic-akida2.md` rule by
//! rule.
//!
//! Every kernel is compared with these functions for equality. Sums have 64 bits, so that nothing here relies on the bound
//! of rule B5. Results are narrowed to 32 bits where rule B5 guarantees that they fit.

mod activation;
mod add;
mod cells;
mod concat;
mod definition;
mod deviation;
mod pooling;
mod quantize;
mod queue;
mod recurrence;
mod rescale;
mod transposed;
mod windows;

pub use crate::model::shifts::{clip, saturate, shift_left, shift_rounding};
pub use activation::{boundaries, level, prediction};
pub use definition::{Stream, run};
pub(crate) use deviation::deviates;
pub use quantize::{dequantized, quantized};
pub(crate) use recurrence::StateStep;
pub(crate) use rescale::Rescaling;
