//! PicoPostProcessing: how far a prediction is from its target.

use super::post_ops::{MULTIPLIERS, SIGNED_BYTES, check_width, narrow};
use crate::model::connection::{Connection, Signal};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::{INPUT_SCALES, INPUT_SHIFT, THRESHOLD};
use crate::model::operation::{Deviation, Operation};
use crate::model::shape::Shape;
use crate::model::variables::{VariableRule, VariableSpec};
use alloc::format;
use alloc::vec;

/// Whether the mean distance of a prediction from its target reaches a threshold, for each channel.
///
/// The first inbound is the prediction, the second one its target (`docs/arithmetic-akida2.md`, section J).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PicoPostProcessing {
    /// Width of scaled predictions, without their sign: 33 to 48.
    pub buffer_bits: u8,
}

impl Default for PicoPostProcessing {
    fn default() -> Self {
        Self { buffer_bits: 44 }
    }
}

impl LayerKind for PicoPostProcessing {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let buffer_bits = parameters.number("buffer_bits")?;
        Ok(Self { buffer_bits })
    }

    fn parameters(&self) -> Parameters {
        Parameters::new().with("buffer_bits", self.buffer_bits)
    }

    fn type_name(&self) -> &'static str {
        "PicoPostProcessing"
    }

    fn default_name(&self) -> &'static str {
        "pico_post_processing"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        check_width("buffer_bits", self.buffer_bits, 33..=48)
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let &[prediction, target] = inputs else {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the number of inbounds",
                "2: a prediction and its target",
                inputs.len(),
            ));
        };
        let target = narrow(target)?;
        if prediction.shape != target.shape {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the shape of both inbounds",
                format!("equal, {} like the prediction", prediction.shape),
                target.shape,
            ));
        }
        if prediction.shape.x != 1 {
            return Err(ModelError::new(
                ModelErrorKind::Shape,
                "the input's shape",
                "one row of steps",
                prediction.shape,
            )
            .with_remedy("give inputs of shape (1, steps, channels)"));
        }
        let channels = prediction.shape.c;
        let output = Signal {
            shape: Shape::new(1, 1, channels),
            format: Format::unsigned(1),
        };
        let operation = Operation::Deviation(Deviation {
            buffer_bits: self.buffer_bits,
        });
        let thresholds = VariableRule::integers(Format::unsigned(16), 0);
        Ok(Connection {
            output,
            variables: vec![
                VariableSpec::vector(INPUT_SCALES, channels, MULTIPLIERS),
                VariableSpec::vector(INPUT_SHIFT, channels, SIGNED_BYTES),
                VariableSpec::vector(THRESHOLD, channels, thresholds),
            ],
            ..Connection::without_weights(operation, prediction)
        })
    }
}
