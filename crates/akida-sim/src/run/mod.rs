//! What goes into a run and what comes out: values and errors.

mod element;
mod error;
mod values;

pub use element::ElementType;
pub use error::RunError;
pub use values::{Values, ValuesRef};
pub(crate) use values::{ValuesMut, check_values};
