//! What goes into a run and what comes out: values and errors.

mod element;
mod error;
mod inputs;
mod values;

pub use element::ElementType;
pub use error::RunError;
pub use inputs::Inputs;
pub(crate) use inputs::check_inputs;
pub(crate) use values::ValuesMut;
pub use values::{Values, ValuesRef};
