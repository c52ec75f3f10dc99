//! DepthwiseBufferTempConv: a convolution of each channel alone along time.

use super::temporal::TemporalParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Channels;

/// A convolution along time of each channel alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthwiseBufferTempConv {
    /// Queue and what follows the sums.
    pub temporal: TemporalParams,
}

impl LayerKind for DepthwiseBufferTempConv {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let temporal = TemporalParams::of(parameters)?;
        Ok(Self { temporal })
    }

    fn parameters(&self) -> Parameters {
        self.temporal.add_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "DepthwiseBufferTempConv"
    }

    fn default_name(&self) -> &'static str {
        "depthwise_buffer_temp_conv"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.temporal.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        self.temporal.connect(input, Channels::Each, input.shape.c)
    }
}
