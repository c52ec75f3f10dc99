//! The chips as data: units, memories, limits, speed. Every value has its source and its standing.
//!
//! Each generation of chips has a folder, which holds one file per chip and one file per layer type with limits. No number
//! of a chip is written anywhere else. The files beside the folders hold the types that generations share.

pub mod akida1;
pub mod akida2;
mod chip;
mod chips;
#[expect(clippy::module_inception, reason = "the file of the type Device")]
mod device;
mod fact;
mod limit;
mod limits;
mod mesh;
mod program;
mod sources;
mod timing;
mod version;

pub use chip::{Chip, NpMemory};
pub use chips::CHIPS;
pub use device::Device;
pub use fact::{Fact, Standing};
pub use limit::{Allowed, FilterLimit, Limit};
pub use limits::Limits;
pub use mesh::{Mesh, Np, NpIdent, NpType, SramSize};
pub use program::ProgramSize;
pub use timing::{EstimateError, Timing};
pub use version::HwVersion;
