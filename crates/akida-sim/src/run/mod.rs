//! What goes into a run and comes out of it: values, and errors.

mod error;
mod values;

pub use error::RunError;
pub use values::{ElementType, Values, ValuesRef};
pub(crate) use values::{ValuesMut, check_values};
