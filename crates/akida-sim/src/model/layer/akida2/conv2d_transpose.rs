//! Conv2DTranspose: a convolution that doubles height and width.

use super::transposed::TransposedParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Channels;

/// A transposed convolution with a stride of 2: height and width are doubled. The kernel is not flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2DTranspose {
    /// Output channels.
    pub filters: usize,
    /// Kernel and what follows the sums.
    pub conv: TransposedParams,
}

impl LayerKind for Conv2DTranspose {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            filters: parameters.size("filters")?,
            conv: TransposedParams::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new().with("filters", self.filters);
        self.conv.add_to(parameters)
    }

    fn type_name(&self) -> &'static str {
        "Conv2DTranspose"
    }

    fn default_name(&self) -> &'static str {
        "conv2d_transpose"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        self.conv
            .connect(single(inputs)?, Channels::All, self.filters)
    }
}
