//! Rust errors as the exceptions of `cnn2snn.errors`.

use akida_fbz::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, ReadError, WriteError,
};
use akida_sim::memory::OutOfMemory;
use akida_sim::{ModelError, ModelErrorKind, RunError};
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::io;
use std::path::Path;

/// A class of `cnn2snn.errors`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Class {
    /// `InvalidArgumentError`, a `ValueError`.
    InvalidArgument,
    /// `InvalidTypeError`, a `TypeError`.
    InvalidType,
    /// `UnsupportedModelError`, a `RuntimeError`.
    UnsupportedModel,
    /// `FormatError`, a `ValueError`.
    Format,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "InvalidArgumentError",
            Self::InvalidType => "InvalidTypeError",
            Self::UnsupportedModel => "UnsupportedModelError",
            Self::Format => "FormatError",
        }
    }
}

/// An exception to raise: the problem, the remedy, and attributes for programs.
pub(crate) struct Failure<'a> {
    pub(crate) class: Class,
    /// The message without the remedy. The exception adds the remedy.
    pub(crate) problem: String,
    pub(crate) remedy: Option<&'a str>,
    pub(crate) layer: Option<&'a str>,
    pub(crate) kind: &'a str,
    pub(crate) expected: &'a str,
    pub(crate) received: &'a str,
}

impl Failure<'_> {
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        self.exception(py).unwrap_or_else(|error| error)
    }

    fn exception(self, py: Python<'_>) -> PyResult<PyErr> {
        let details = PyDict::new(py);
        details.set_item("layer", self.layer)?;
        details.set_item("kind", self.kind)?;
        details.set_item("expected", Some(self.expected).filter(|s| !s.is_empty()))?;
        details.set_item("received", Some(self.received).filter(|s| !s.is_empty()))?;
        details.set_item("remedy", self.remedy)?;
        let class = py.import("cnn2snn.errors")?.getattr(self.class.name())?;
        let exception = class.call((self.problem,), Some(&details))?;
        Ok(PyErr::from_value(exception))
    }
}

/// The exception for a refused argument, worded as errors of the engine.
pub(crate) fn argument(
    py: Python<'_>,
    layer: Option<&str>,
    subject: &str,
    expected: &str,
    received: &str,
    remedy: Option<&str>,
) -> PyErr {
    let problem = format!("{subject} must be {expected}, received {received}");
    Failure {
        class: Class::InvalidArgument,
        problem: at(layer, &problem),
        remedy,
        layer,
        // The name for programs, such as "variable" of "the variable".
        kind: subject.rsplit(' ').next().unwrap_or(subject),
        expected,
        received,
    }
    .raise(py)
}

/// The exception for something that cannot be done with a model.
pub(crate) fn unsupported(
    py: Python<'_>,
    kind: &str,
    problem: String,
    remedy: Option<&str>,
) -> PyErr {
    Failure {
        class: Class::UnsupportedModel,
        problem,
        remedy,
        layer: None,
        kind,
        expected: "",
        received: "",
    }
    .raise(py)
}

fn at(layer: Option<&str>, message: &str) -> String {
    match layer {
        Some(layer) => format!("layer \"{layer}\": {message}"),
        None => message.to_owned(),
    }
}

/// The exception for a call that was interrupted. `enter` raises the exception of the signal handler instead.
pub(crate) fn interrupted() -> PyErr {
    PyKeyboardInterrupt::new_err("interrupted")
}

/// The exception for memory that the system does not grant.
pub(crate) fn memory_error(error: OutOfMemory) -> PyErr {
    PyMemoryError::new_err(error.to_string())
}

/// `layer` is the name of the layer, for errors that were found before the layer was in a model.
pub(crate) fn model_error(py: Python<'_>, error: &ModelError, layer: Option<&str>) -> PyErr {
    let problem = match error.layer() {
        Some(_) => format!("{error:#}"),
        None => at(layer, &format!("{error:#}")),
    };
    if error.kind() == ModelErrorKind::Memory {
        return PyMemoryError::new_err(problem);
    }
    // The name of a parameter or variable is of more use than the word "parameter".
    let subject = error.subject();
    let is_name = subject
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_');
    Failure {
        class: match error.kind() {
            ModelErrorKind::Structure => Class::UnsupportedModel,
            _ => Class::InvalidArgument,
        },
        problem,
        remedy: error.remedy(),
        layer: error.layer().or(layer),
        kind: if is_name {
            subject
        } else {
            error.kind().name()
        },
        expected: error.allowed(),
        received: error.received(),
    }
    .raise(py)
}

/// The exception for an error of a run over inputs of shape `dims`, the batch axis first.
pub(crate) fn run_error(py: Python<'_>, error: &RunError, dims: &[usize], bits: u8) -> PyErr {
    match error {
        RunError::Value {
            index,
            received,
            min,
            max,
        } => {
            let expected = format!("in {min}..={max} (input_bits {bits})");
            let received = format!("{received} at {:?}", unravel(*index, dims));
            argument(py, None, "inputs", &expected, &received, None)
        }
        RunError::NotANumber { index } => {
            let received = format!("NaN at {:?}", unravel(*index, dims));
            argument(py, None, "inputs", "numbers", &received, None)
        }
        RunError::NotPredictable { layer } => Failure {
            class: Class::UnsupportedModel,
            problem: format!("{error:#}"),
            remedy: error.remedy(),
            layer: Some(layer),
            kind: "predict",
            expected: "a Dequantizer, or a last layer of Akida 1.0 without activation",
            received: "",
        }
        .raise(py),
        RunError::Interrupted => interrupted(),
        RunError::Memory => PyMemoryError::new_err(error.to_string()),
        RunError::SavedSession => Failure {
            class: Class::Format,
            problem: format!("{error:#}"),
            remedy: error.remedy(),
            layer: None,
            kind: "session",
            expected: "",
            received: "",
        }
        .raise(py),
        _ => Failure {
            class: Class::InvalidArgument,
            problem: format!("{error:#}"),
            remedy: error.remedy(),
            layer: None,
            kind: "inputs",
            expected: "",
            received: "",
        }
        .raise(py),
    }
}

/// The index along each axis of the element at `index` in C order.
fn unravel(index: usize, dims: &[usize]) -> Vec<usize> {
    let mut rest = index;
    let mut place = vec![0; dims.len()];
    for (axis, &size) in place.iter_mut().zip(dims).rev() {
        *axis = rest % size.max(1);
        rest /= size.max(1);
    }
    place
}

/// `place` is the file. The message begins with it.
pub(crate) fn decode_error(py: Python<'_>, error: &DecodeError, place: Option<&Path>) -> PyErr {
    let problem = match place {
        Some(path) => format!("{}: {error:#}", path.display()),
        None => format!("{error:#}"),
    };
    if error.kind() == DecodeErrorKind::Memory {
        return PyMemoryError::new_err(problem);
    }
    Failure {
        class: Class::Format,
        problem,
        remedy: error.remedy(),
        layer: error.model_error().and_then(ModelError::layer),
        kind: error.kind().name(),
        expected: error.allowed(),
        received: error.received(),
    }
    .raise(py)
}

pub(crate) fn encode_error(py: Python<'_>, error: &EncodeError) -> PyErr {
    if error.kind() == EncodeErrorKind::Memory {
        return PyMemoryError::new_err(error.to_string());
    }
    Failure {
        class: Class::UnsupportedModel,
        problem: format!("{error:#}"),
        remedy: error.remedy(),
        layer: error.layer(),
        kind: error.kind().name(),
        expected: error.allowed(),
        received: error.received(),
    }
    .raise(py)
}

pub(crate) fn read_error(py: Python<'_>, error: &ReadError, path: &Path) -> PyErr {
    match error {
        ReadError::Io { source, .. } => io_error(py, source, path),
        ReadError::Decode(error) => decode_error(py, error, Some(path)),
        error => PyOSError::new_err(error.to_string()),
    }
}

pub(crate) fn write_error(py: Python<'_>, error: &WriteError, path: &Path) -> PyErr {
    match error {
        WriteError::Io { source, .. } => io_error(py, source, path),
        WriteError::Encode(error) => encode_error(py, error),
        error => PyOSError::new_err(error.to_string()),
    }
}

/// The subclass of `OSError` that Python itself would raise, with `errno`, `strerror` and `filename`.
fn io_error(py: Python<'_>, error: &io::Error, path: &Path) -> PyErr {
    let name = path.display().to_string();
    if error.kind() == io::ErrorKind::OutOfMemory {
        return PyMemoryError::new_err(format!("{name}: {error}"));
    }
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(format!("{name}: {error}"));
    };
    // Windows numbers its errors in its own way. The number is the fourth argument.
    #[cfg(windows)]
    let arguments = (0, error.to_string(), name, number);
    #[cfg(not(windows))]
    let arguments = {
        let words = py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (number,)))
            .map_or_else(|_| error.to_string(), |words| words.to_string());
        (number, words, name)
    };
    // With an error number, the constructor chooses the subclass itself.
    PyOSError::new_err(arguments)
}
