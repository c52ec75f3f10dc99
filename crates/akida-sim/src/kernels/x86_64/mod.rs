//! Kernels for instruction sets of x86-64. `docs/engine.md` defines the words.

mod active;
#[cfg(all(feature = "std", target_os = "linux"))]
mod amx;
mod avx2;
mod avx512;
mod depthwise;
mod depthwise_u8;

mod group;
mod list;
mod stretches;

pub(super) use active::active_levels;
pub(super) use list::*;
