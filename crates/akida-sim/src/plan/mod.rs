//! Plans: models made ready for one host. `docs/engine.md` defines the words.

mod add;
mod added_inputs;
mod average;
mod choice;
mod compile;
mod depthwise;
mod deviation;
mod error;
mod flip;
mod neural;
#[expect(clippy::module_inception, reason = "the file of the type Plan")]
mod plan;
mod pool;
mod pooled;
mod product;
mod quantize;
mod recurrence;
mod scratch;
#[cfg(feature = "std")]
mod scratch_pool;
mod state;
mod step;
mod tail;
mod wide;
mod windows;

pub use choice::KernelChoice;
pub use error::PlanError;
pub use plan::Plan;
pub use scratch::Scratch;
pub(crate) use state::StreamState;
