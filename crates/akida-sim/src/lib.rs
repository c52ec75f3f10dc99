#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
// Tests need the standard library, also those of the engine without it.
#[cfg(all(test, not(feature = "std")))]
#[macro_use]
extern crate std;
// Tests inside the crate and tests beside it share networks.
#[cfg(test)]
extern crate self as akida_sim;

pub mod convert;
pub mod device;
mod exec;
mod interrupt;
mod kernels;
pub mod map;
pub mod memory;
mod model;
pub mod ops;
mod output;
mod plan;
mod run;
mod stats;
mod threads;

pub use exec::{Counts, RunOptions, Session};
pub use interrupt::Interrupted;
pub use kernels::{PlanOptions, available_kernels};
pub use model::*;
pub use plan::{KernelChoice, Plan, PlanError, Scratch};
pub use run::{ElementType, Inputs, RunError, Values, ValuesRef};
pub use stats::{LayerStatistics, Statistics};
