//! InputData: the entry of maps.

use crate::model::connection::{Connection, LEVEL_BITS, Signal};
use crate::model::error::ModelError;
use crate::model::format::{Format, check_bits};
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Operation;
use crate::model::shape::Shape;

/// The entry of a model whose inputs are maps of 1, 2 or 4 bits. It passes them on unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputData {
    /// Shape of one input: (height, width, channels).
    pub input_shape: Shape,
    /// Width of the unsigned input values: 1, 2 or 4.
    pub input_bits: u8,
}

impl InputData {
    /// Inputs of `input_shape` and `input_bits`.
    #[must_use]
    pub const fn new(input_shape: Shape, input_bits: u8) -> Self {
        Self {
            input_shape,
            input_bits,
        }
    }
}

impl LayerKind for InputData {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        if parameters.flag("input_signed")? {
            return Err(ModelError::parameter("input_signed", "False", "True")
                .with_remedy("signed inputs exist from Akida 2.0 on"));
        }
        Ok(Self {
            input_shape: parameters.shape("input_shape")?,
            input_bits: parameters.number("input_bits")?,
        })
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("input_shape", self.input_shape)
            .with("input_bits", self.input_bits)
            .with("input_signed", false)
    }

    fn type_name(&self) -> &'static str {
        "InputData"
    }

    fn default_name(&self) -> &'static str {
        "input_data"
    }

    fn generation(&self) -> IpVersion {
        IpVersion::V1
    }

    fn is_input(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        check_bits("input_bits", self.input_bits, LEVEL_BITS)
    }

    fn connect(&self, _inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = Signal {
            shape: self.input_shape,
            format: Format::unsigned(self.input_bits),
        };
        Ok(Connection::without_weights(Operation::Pass, input))
    }
}
