//! How integer inputs follow from real inputs.

use super::error::{ModelError, ModelErrorKind};
use alloc::format;

/// How the integer inputs of a model follow from real inputs: scale · x + shift (`docs/arithmetic.md`, H1).
///
/// The network that the model was made from reads the real inputs x.
///
/// The scaling describes a model. It changes no result.
///
/// # Examples
///
/// ```
/// use akida_sim::InputScaling;
///
/// let scaling = InputScaling::new(127.5, 127.5)?; // from inputs in -1 … 1
/// assert_eq!((scaling.scale(), scaling.shift()), (127.5, 127.5));
/// assert!(InputScaling::new(0.0, 0.0).is_err());
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputScaling {
    scale: f64,
    shift: f64,
}

impl InputScaling {
    /// A scaling by a finite `scale` greater than zero and a finite `shift`.
    ///
    /// # Errors
    ///
    /// The scale or the shift is another number.
    pub fn new(scale: f64, shift: f64) -> Result<Self, ModelError> {
        if scale.is_finite() && scale > 0.0 && shift.is_finite() {
            // A shift of -0.0 becomes 0.0, so that equal scalings have equal bits.
            let shift = shift + 0.0;
            return Ok(Self { scale, shift });
        }
        Err(ModelError::new(
            ModelErrorKind::Parameter,
            "input_scaling",
            "a finite scale greater than zero and a finite shift",
            format!("({scale}, {shift})"),
        ))
    }

    /// The factor of real inputs, greater than zero.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// What is added to the scaled inputs.
    #[must_use]
    pub fn shift(&self) -> f64 {
        self.shift
    }
}
