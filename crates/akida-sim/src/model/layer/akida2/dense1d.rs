//! Dense1D: every input to every unit.

use super::conv::{Kernel, WEIGHT_BITS, WITHOUT_TABLE};
use super::post_ops::PostOps;
use crate::model::connection::{Activation, Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::format::check_bits;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::{WeightOrder, Windows};
use crate::model::shape::Shape;

/// Every input connected to every unit. The input is flattened, and its last axis runs fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense1D {
    /// Output channels.
    pub units: usize,
    /// What follows the sums.
    pub post_ops: PostOps,
    /// Width of the weights: 2, 4 or 8.
    pub weights_bits: u8,
}

impl Dense1D {
    /// `units` units, with the documented defaults: no activation, 8 bits.
    #[must_use]
    pub const fn new(units: usize) -> Self {
        Self {
            units,
            post_ops: PostOps::new(Activation::NoActivation),
            weights_bits: 8,
        }
    }
}

impl LayerKind for Dense1D {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            units: parameters.size("units")?,
            post_ops: PostOps::of(parameters)?,
            weights_bits: parameters.number("weights_bits")?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new().with("units", self.units);
        self.post_ops
            .add_to(parameters)
            .with("weights_bits", self.weights_bits)
    }

    fn type_name(&self) -> &'static str {
        "Dense1D"
    }

    fn default_name(&self) -> &'static str {
        "dense1d"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        self.post_ops.check(&WITHOUT_TABLE)
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        let output = Shape::new(1, 1, self.units);
        output.check("the output shape")?;
        let windows = Windows::whole(input.shape, WeightOrder::LastAxisFastest);
        let kernel = Kernel {
            is_image: false,
            has_queue: false,
            weights_bits: self.weights_bits,
            post_ops: self.post_ops,
        };
        kernel.connect(input, windows, output, output)
    }
}
