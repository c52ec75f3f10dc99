//! The outcomes of calls, and the texts of errors.

use akida_sim::RunError;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

/// The outcome of a call: `akida_status`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// A pointer is null that must not be null.
    Null = 1,
    /// The bytes are no model, or no session of the model.
    Format = 2,
    /// The length of an array does not fit the shapes.
    Length = 3,
    /// An input value is beyond the width of inputs, or is no number.
    Value = 4,
    /// Float outputs were asked for, but the last layer has none.
    Output = 5,
    /// The memory does not suffice.
    Memory = 6,
    /// An array is of another type than the model's values, or is not aligned for its type.
    Type = 7,
    /// A model with state was run without a session.
    State = 8,
    /// `akida_stop` was called during the run.
    Stopped = 9,
}

/// A status that is not `Ok`, and the text of the error.
pub(crate) type Failure = (Status, String);

thread_local! {
    static ERROR: RefCell<CString> = RefCell::new(CString::default());
}

/// The status of a call. The text of an error is kept for `akida_error`.
pub(crate) fn status(result: Result<(), Failure>) -> Status {
    let Err((status, message)) = result else {
        return Status::Ok;
    };
    let text = message.replace('\0', " ");
    ERROR.with_borrow_mut(|error| *error = CString::new(text).unwrap_or_default());
    status
}

pub(crate) fn null(name: &str) -> Failure {
    let message = format!("{name} must be a valid pointer, received null");
    (Status::Null, message)
}

/// An error of a run, as a status.
pub(crate) fn run_failure(error: &RunError) -> Failure {
    let status = match error {
        RunError::Value { .. } | RunError::NotANumber { .. } => Status::Value,
        RunError::NotPredictable { .. } | RunError::NoClasses { .. } => Status::Output,
        RunError::Memory => Status::Memory,
        RunError::Type { .. } | RunError::Floats { .. } => Status::Type,
        RunError::SavedSession => Status::Format,
        RunError::Interrupted => Status::Stopped,
        RunError::Session => {
            let message = "a model with state must be run by a session; call akida_session_new";
            return (Status::State, message.into());
        }
        _ => Status::Length,
    };
    (status, error.to_string())
}

/// Why the last call of this thread failed.
#[unsafe(no_mangle)]
pub extern "C" fn akida_error() -> *const c_char {
    ERROR.with_borrow(|error| CStr::as_ptr(error))
}
