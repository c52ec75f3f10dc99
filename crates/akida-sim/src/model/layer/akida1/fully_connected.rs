//! FullyConnected: every input to every unit.

use super::activation::{self, check_act_bits, check_filters, stage};
use crate::model::connection::{Connection, Signal, check_bound, saturating_macs, single};
use crate::model::error::ModelError;
use crate::model::format::check_bits;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::WEIGHTS;
use crate::model::operation::{Operation, WeightOrder, Windows};
use crate::model::shape::Shape;
use crate::model::tensor::{WEIGHT_BITS, check_elements, weight_range};
use crate::model::variables::VariableSpec;
use alloc::vec;

/// Every input connected to every unit. The input is flattened, and its first axis runs fastest (`docs/arithmetic.md`, C6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullyConnected {
    /// Output channels.
    pub units: usize,
    /// Width of the weights: 1, 2, 4 or 8.
    pub weights_bits: u8,
    /// Width of the activation: 1, 2 or 4; `None` for a layer without activation.
    pub act_bits: Option<u8>,
}

impl FullyConnected {
    /// `units` units, with the documented defaults: weights of 1 bit, an activation of 1 bit.
    #[must_use]
    pub const fn new(units: usize) -> Self {
        Self {
            units,
            weights_bits: 1,
            act_bits: Some(1),
        }
    }
}

impl LayerKind for FullyConnected {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            units: parameters.number("units")?,
            weights_bits: parameters.number("weights_bits")?,
            act_bits: activation::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new()
            .with("units", self.units)
            .with("weights_bits", self.weights_bits);
        activation::add_to(parameters, self.act_bits)
    }

    fn type_name(&self) -> &'static str {
        "FullyConnected"
    }

    fn default_name(&self) -> &'static str {
        "fully_connected"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V1)
    }

    fn check(&self) -> Result<(), ModelError> {
        check_filters("units", self.units)?;
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        check_act_bits(self.act_bits)
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        let count = input.shape.len();
        let weights = [1, 1, count, self.units];
        check_elements(WEIGHTS, weights)?;
        let weight_bound = weight_range(self.weights_bits).1.unsigned_abs();
        let bound = (count as u128)
            .saturating_mul(input.format.magnitude().into())
            .saturating_mul(weight_bound.into());
        let shape = Shape::new(1, 1, self.units);
        let (stage, format) = stage(self.act_bits);
        let mut variables = vec![VariableSpec::weights(WEIGHTS, weights, self.weights_bits)];
        variables.extend(VariableSpec::thresholds(self.units));
        Ok(Connection {
            input,
            operation: Operation::Windows(Windows::whole(
                input.shape,
                WeightOrder::FirstAxisFastest,
            )),
            potential_shape: shape,
            stage,
            output: Signal { shape, format },
            variables,
            depthwise_bound: 0,
            potential_bound: check_bound("the largest possible potential", bound)?,
            macs: saturating_macs([count, self.units]),
        })
    }
}
