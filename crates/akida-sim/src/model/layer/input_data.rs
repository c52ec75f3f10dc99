//! InputData: the entry of maps.

use super::akida2::same_input;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::format::{Format, check_bits};
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Operation;
use crate::model::shape::Shape;

/// The entry of a model whose inputs are maps. It passes them on unchanged. Both generations have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputData {
    /// Shape of one input: (height, width, channels).
    pub input_shape: Shape,
    /// Width of the input values: 1, 2 or 4 without a sign, 8 or 16 with one.
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

    /// Whether inputs have a sign: inputs of 8 and 16 bits, which Akida 2.0 has, have one.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.input_bits >= 8
    }
}

impl LayerKind for InputData {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let data = Self {
            input_shape: parameters.shape("input_shape")?,
            input_bits: parameters.number("input_bits")?,
        };
        // Inputs of 8 and 16 bits are signed where the parameter keeps its default, too.
        if parameters.flag("input_signed")? && !data.is_signed() {
            let error = ModelError::parameter("input_signed", "False", "True");
            return Err(error.with_remedy("inputs of 8 and 16 bits are signed"));
        }
        Ok(data)
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("input_shape", self.input_shape)
            .with("input_bits", self.input_bits)
            .with("input_signed", self.is_signed())
    }

    fn type_name(&self) -> &'static str {
        "InputData"
    }

    fn default_name(&self) -> &'static str {
        "input_data"
    }

    fn generation(&self) -> Option<IpVersion> {
        self.is_signed().then_some(IpVersion::V2)
    }

    fn is_input(&self) -> bool {
        true
    }

    fn reads_quantizer(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        check_bits("input_bits", self.input_bits, &[1, 2, 4, 8, 16])
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = Signal {
            shape: self.input_shape,
            format: Format {
                bits: self.input_bits,
                signed: self.is_signed(),
            },
        };
        if !inputs.is_empty() {
            same_input(single(inputs)?, input)?;
        }
        Ok(Connection::without_weights(Operation::Pass, input))
    }
}
