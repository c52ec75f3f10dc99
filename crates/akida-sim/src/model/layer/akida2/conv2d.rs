//! Conv2D: a convolution of maps.

use super::conv::Conv2DParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::{Channels, WeightOrder};

/// A true convolution of maps: the kernel is flipped on both spatial axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2D {
    /// Output channels.
    pub filters: usize,
    /// Kernel, pooling and what follows the sums.
    pub conv: Conv2DParams,
}

impl LayerKind for Conv2D {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            filters: parameters.size("filters")?,
            conv: Conv2DParams::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new().with("filters", self.filters);
        self.conv.add_to(parameters)
    }

    fn type_name(&self) -> &'static str {
        "Conv2D"
    }

    fn default_name(&self) -> &'static str {
        "conv2d"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let windows = (WeightOrder::Flipped, Channels::All);
        self.conv
            .connect(single(inputs)?, false, windows, self.filters)
    }
}
