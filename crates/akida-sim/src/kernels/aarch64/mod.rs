//! Kernels for NEON, which every AArch64 processor has, and for its extensions for products of bytes.
//!
//! `docs/engine.md` defines the words.

mod dense;
mod depthwise;
mod multiply;

mod list;

pub(super) use list::*;
