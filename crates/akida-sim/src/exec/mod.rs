//! Running a plan: single inputs, batches over threads, the outputs of every layer. `docs/engine.md` defines the words.

mod batch;
mod classes;
mod counts;
mod forward;
mod options;
#[cfg(feature = "std")]
mod profile;
mod session;
#[cfg(feature = "threads")]
mod spread;
#[cfg(all(test, feature = "threads"))]
mod tests;

pub use counts::Counts;
pub use options::RunOptions;
pub use session::Session;
