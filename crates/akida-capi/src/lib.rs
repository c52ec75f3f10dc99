//! The C interface of `include/akida_sim.h`: a model is loaded from memory, asked for shapes and types, and run; streams go
//! through sessions; errors have texts.
//!
//! This crate turns pointers into slices and errors into codes. Everything else is in `akida-sim` and `akida-fbz`.
#![allow(
    unsafe_code,
    reason = "a C interface: what callers promise is in the header"
)]

mod arrays;
mod model;
mod run;
mod session;
mod status;

pub use arrays::{CShape, Type};
pub use model::{
    Model, akida_free, akida_has_state, akida_input_bits, akida_input_shape, akida_input_type,
    akida_load, akida_output_bits, akida_output_shape, akida_output_type, akida_stop,
    akida_version,
};
pub use run::{
    akida_classes, akida_classes_of, akida_dequantize, akida_forward, akida_forward_typed,
    akida_predict, akida_predict_typed,
};
pub use session::{
    Session, akida_session_free, akida_session_new, akida_session_reset, akida_session_restore,
    akida_session_run, akida_session_save, akida_session_size, akida_session_streams,
};
pub use status::{Status, akida_error};
