//! InputConv2D: a convolution of 8-bit images.

use super::conv::{Conv2DParams, same_input};
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::{Channels, WeightOrder};
use crate::model::shape::Shape;

/// A cross-correlation of images: the kernel is not flipped. Border cells have a value per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputConv2D {
    /// Shape of one image: (height, width, channels).
    pub input_shape: Shape,
    /// Output channels.
    pub filters: usize,
    /// Kernel, pooling and what follows the sums.
    pub conv: Conv2DParams,
}

impl LayerKind for InputConv2D {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            input_shape: parameters.shape("input_shape")?,
            filters: parameters.size("filters")?,
            conv: Conv2DParams::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new()
            .with("input_shape", self.input_shape)
            .with("filters", self.filters);
        self.conv.add_to(parameters)
    }

    fn type_name(&self) -> &'static str {
        "InputConv2D"
    }

    fn default_name(&self) -> &'static str {
        "input_conv2d"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn is_input(&self) -> bool {
        true
    }

    fn reads_quantizer(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        if ![1, 3].contains(&self.input_shape.c) {
            let allowed = "with 1 or 3 channels";
            return Err(
                ModelError::parameter("input_shape", allowed, self.input_shape)
                    .with_remedy("use InputData and Conv2D for other inputs"),
            );
        }
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let image = Signal {
            shape: self.input_shape,
            format: Format::unsigned(8),
        };
        let input = match inputs {
            [] => image,
            _ => same_input(single(inputs)?, image)?,
        };
        let windows = (WeightOrder::Straight, Channels::All);
        self.conv.connect(input, true, windows, self.filters)
    }
}
