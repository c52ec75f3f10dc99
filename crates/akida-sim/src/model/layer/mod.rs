//! The layers: one folder per generation, one file per type. `docs/adding-a-layer.md` says how to add one.

pub(super) mod akida1;
pub(super) mod akida2;
mod input_data;
mod kind;
mod parameters;
mod spec;

pub use input_data::InputData;
pub(super) use kind::LayerKind;
pub use parameters::{Parameter, Parameters};
pub use spec::LayerSpec;
