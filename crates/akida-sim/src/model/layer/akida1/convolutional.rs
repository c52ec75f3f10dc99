//! Convolutional: a convolution of levels.

use super::conv_params::ConvParams;
use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::WeightOrder;

/// A true convolution of levels: the kernel is flipped on both spatial axes (`docs/arithmetic.md`, C4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convolutional {
    /// Kernel, pooling and activation.
    pub conv: ConvParams,
}

impl LayerKind for Convolutional {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let conv = ConvParams::of(parameters)?;
        Ok(Self { conv })
    }

    fn parameters(&self) -> Parameters {
        self.conv.add_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "Convolutional"
    }

    fn default_name(&self) -> &'static str {
        "conv"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V1)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        self.conv.connect(single(inputs)?, 0, WeightOrder::Flipped)
    }
}
