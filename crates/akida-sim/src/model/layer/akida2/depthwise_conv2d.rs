//! DepthwiseConv2D: a convolution of each channel alone.

use super::conv::Conv2DParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::{Channels, WeightOrder};

/// A true convolution of each channel alone. There are as many filters as channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthwiseConv2D {
    /// Kernel, pooling and what follows the sums.
    pub conv: Conv2DParams,
}

impl LayerKind for DepthwiseConv2D {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let conv = Conv2DParams::of(parameters)?;
        Ok(Self { conv })
    }

    fn parameters(&self) -> Parameters {
        self.conv.add_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "DepthwiseConv2D"
    }

    fn default_name(&self) -> &'static str {
        "depthwise_conv2d"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        let windows = (WeightOrder::Flipped, Channels::Each);
        self.conv.connect(input, false, windows, input.shape.c)
    }
}
