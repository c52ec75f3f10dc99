//! DepthwiseConv2DTranspose: a convolution of each channel alone that doubles height and width.

use super::transposed::TransposedParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Channels;

/// A transposed convolution of each channel alone, with a stride of 2. The kernel is not flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthwiseConv2DTranspose {
    /// Kernel and what follows the sums.
    pub conv: TransposedParams,
}

impl LayerKind for DepthwiseConv2DTranspose {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let conv = TransposedParams::of(parameters)?;
        Ok(Self { conv })
    }

    fn parameters(&self) -> Parameters {
        self.conv.add_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "DepthwiseConv2DTranspose"
    }

    fn default_name(&self) -> &'static str {
        "depthwise_conv2d_transpose"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        self.conv.connect(input, Channels::Each, input.shape.c)
    }
}
