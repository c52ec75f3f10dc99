//! BufferTempConv: a convolution along time.

use super::temporal::TemporalParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Channels;

/// A convolution along time, over all channels of the last maps of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferTempConv {
    /// Output channels.
    pub filters: usize,
    /// Queue and what follows the sums.
    pub temporal: TemporalParams,
}

impl LayerKind for BufferTempConv {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            filters: parameters.size("filters")?,
            temporal: TemporalParams::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new().with("filters", self.filters);
        self.temporal.add_to(parameters)
    }

    fn type_name(&self) -> &'static str {
        "BufferTempConv"
    }

    fn default_name(&self) -> &'static str {
        "buffer_temp_conv"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.temporal.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        self.temporal
            .connect(single(inputs)?, Channels::All, self.filters)
    }
}
