//! The native module `cnn2snn._akida`: akida-sim and akida-fbz as seen from Python.
//!
//! It holds no rule of its own. Arguments arrive with the right Python types (`cnn2snn.akida` sees to that); this crate
//! turns arrays into slices, errors into exceptions, and lets the interpreter go during long calls.

mod arrays;
mod convert;
mod device;
mod enter;
mod error;
mod layers;
mod mapping;
mod model;
mod results;
mod state;
mod variables;

/// Native part of `cnn2snn.akida`; not for direct use.
// It is free of global state, and its classes are immutable or guarded by a lock, so it does not ask for the global
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
    use super::state::Model;
}
