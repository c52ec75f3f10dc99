//! The native module `cnn2snn._akida`: akida-sim and akida-fbz as seen from Python.
//!
//! The module has no rule of its own. `cnn2snn.akida` has checked the Python types of arguments. This crate turns arrays
//! into slices and errors into exceptions, and releases the interpreter during long calls.

mod arrays;
mod convert;
mod device;
mod enter;
mod error;
mod inputs;
mod layers;
mod mapping;
mod model;
mod results;
mod session;
mod state;
mod variables;

/// The native part of `cnn2snn.akida`, not for direct use.
// The module has no global state, and its classes are immutable or guarded by a lock. So it does not ask for the global
// interpreter lock on interpreters that can do without.
#[pyo3::pymodule]
mod _akida {
    #[pymodule_export]
    use super::convert::{fit_boundaries, fit_output};
    #[pymodule_export]
    use super::device::Device;
    #[pymodule_export]
    use super::layers::{Layer, Spec};
    #[pymodule_export]
    use super::mapping::Mapping;
    #[pymodule_export]
    use super::results::{
        Certificates, Choice, NativeSequence, NativeWidths, Statistics, VariableSummary,
    };
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::state::Model;
}
