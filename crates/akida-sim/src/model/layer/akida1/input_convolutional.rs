//! InputConvolutional: a convolution of images.

use super::conv_params::ConvParams;
use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::WeightOrder;
use crate::model::shape::Shape;
use alloc::format;

/// The entry of a model whose inputs are 8-bit images: a cross-correlation (`docs/arithmetic.md`, C3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputConvolutional {
    /// Shape of one image: (height, width, channels), with 1 or 3 channels.
    pub input_shape: Shape,
    /// The value of all channels outside the image, with padding `Same`.
    pub padding_value: u8,
    /// Kernel, pooling and activation.
    pub conv: ConvParams,
}

impl InputConvolutional {
    /// The width of images: 8 bits.
    pub const INPUT_BITS: u8 = 8;

    /// A convolution of images of `input_shape`. The value outside the image is 0.
    #[must_use]
    pub const fn new(input_shape: Shape, conv: ConvParams) -> Self {
        Self {
            input_shape,
            padding_value: 0,
            conv,
        }
    }
}

impl LayerKind for InputConvolutional {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            input_shape: parameters.shape("input_shape")?,
            padding_value: parameters.number("padding_value")?,
            conv: ConvParams::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let shape = Parameters::new().with("input_shape", self.input_shape);
        self.conv
            .add_to(shape)
            .with("padding_value", self.padding_value)
    }

    fn type_name(&self) -> &'static str {
        "InputConvolutional"
    }

    fn default_name(&self) -> &'static str {
        "input_conv"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V1)
    }

    fn is_input(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        if !matches!(self.input_shape.c, 1 | 3) {
            return Err(ModelError::parameter(
                "the number of input channels",
                "1 or 3",
                format!("{} (input_shape {})", self.input_shape.c, self.input_shape),
            )
            .with_remedy("for other inputs use InputData, with values of at most 4 bits"));
        }
        self.conv.check()
    }

    fn connect(&self, _inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = Signal {
            shape: self.input_shape,
            format: Format::unsigned(Self::INPUT_BITS),
        };
        self.conv
            .connect(input, self.padding_value, WeightOrder::Straight)
    }
}
