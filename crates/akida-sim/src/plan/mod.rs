//! Plans: models made ready for one host. `docs/engine.md` defines the words.

mod average;
mod choice;
mod compile;
mod error;
mod neural;
#[expect(clippy::module_inception, reason = "the file of the type Plan")]
mod plan;
mod pool;
mod product;
mod scratch;
#[cfg(feature = "std")]
mod scratch_pool;
mod step;
mod tail;
mod windows;

pub use choice::KernelChoice;
pub use error::PlanError;
pub use plan::Plan;
pub use scratch::Scratch;
