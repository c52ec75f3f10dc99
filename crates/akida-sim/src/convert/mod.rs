//! The numeric part of conversion: from ideal boundaries to thresholds and steps that an Akida layer can hold.
//!
//! Implements rules H5 to H9 of `docs/arithmetic.md`.

mod certificate;
mod fit;
mod setting;
mod widths;

pub use certificate::{Certificate, Difference, certify, certify_unless};
pub use fit::{Fit, FitError, fit_boundaries, fit_boundaries_unless, fit_output};
pub use setting::{SetError, set_fitted, set_fitted_unless};
pub use widths::Widths;
