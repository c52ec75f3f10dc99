use super::super::bits;
use super::{Connection, LayerSpec, Signal};
use crate::model::error::ModelError;
use crate::model::shape::Shape;

/// The entry of a model whose inputs are maps of 1, 2 or 4 bits; passes them on unchanged.
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

    pub(super) fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        bits::check("input_bits", self.input_bits, bits::LEVEL_BITS)
    }

    pub(super) fn connect(&self) -> Connection {
        Connection::pass_through(Signal {
            shape: self.input_shape,
            bits: self.input_bits,
        })
    }
}

impl From<InputData> for LayerSpec {
    fn from(layer: InputData) -> Self {
        Self::InputData(layer)
    }
}
