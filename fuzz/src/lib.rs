//! The targets of the programs in `fuzz_targets`.

#[path = "../../crates/akida-fbz/tests/common/mod.rs"]
mod common;
#[path = "../../crates/akida-fbz/tests/targets/mod.rs"]
mod targets;

pub use targets::build::build_model;
pub use targets::{decode, decode_encode, decode_payload, map_model, run_model};
