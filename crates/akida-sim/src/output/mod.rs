//! Output stages: what becomes of a layer's sums, in the fast forms that all kernels share. `docs/engine.md` defines the
//! words.

mod levels;

pub(crate) use levels::{Levels, Line, PANEL};
