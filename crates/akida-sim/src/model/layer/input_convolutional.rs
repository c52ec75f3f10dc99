use super::{Connection, ConvParams, LayerSpec, Signal};
use crate::model::error::ModelError;
use crate::model::shape::Shape;
use alloc::format;

/// The entry of a model whose inputs are 8-bit images: a cross-correlation (`docs/arithmetic.md`, C3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputConvolutional {
    /// Shape of one image: (height, width, channels), with 1 or 3 channels.
    pub input_shape: Shape,
    /// The value outside the image with padding `Same`, the same for every channel.
    pub padding_value: u8,
    /// Kernel, pooling and activation.
    pub conv: ConvParams,
}

impl InputConvolutional {
    /// Images take 8 bits.
    pub const INPUT_BITS: u8 = 8;

    /// A convolution of images of `input_shape`, padded with 0.
    #[must_use]
    pub const fn new(input_shape: Shape, conv: ConvParams) -> Self {
        Self {
            input_shape,
            padding_value: 0,
            conv,
        }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        if !matches!(self.input_shape.c, 1 | 3) {
            return Err(ModelError::parameter(
                "the number of input channels",
                "1 or 3",
                format!("{} (input_shape {})", self.input_shape.c, self.input_shape),
            )
            .remedy("for other inputs use InputData, with values of at most 4 bits"));
        }
        self.conv.check()
    }

    pub(super) fn connect(&self) -> Result<Connection, ModelError> {
        self.conv.connect(Signal {
            shape: self.input_shape,
            bits: Self::INPUT_BITS,
        })
    }
}

impl From<InputConvolutional> for LayerSpec {
    fn from(layer: InputConvolutional) -> Self {
        Self::InputConvolutional(layer)
    }
}
