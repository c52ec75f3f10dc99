use super::conv_params::{check_act_bits, check_filters, output, saturating_macs};
use super::{Connection, LayerSpec, Signal, check_bound};
use crate::model::bits;
use crate::model::error::ModelError;
use crate::model::shape::{Shape, product};
use crate::model::tensor::check_elements;

/// Every input connected to every unit; the input is flattened with the first axis fastest
/// (`docs/arithmetic.md`, C6).
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
    /// `units` with the documented defaults: 1-bit weights, 1-bit activation.
    #[must_use]
    pub const fn new(units: usize) -> Self {
        Self {
            units,
            weights_bits: 1,
            act_bits: Some(1),
        }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        check_filters("units", self.units)?;
        bits::check("weights_bits", self.weights_bits, bits::WEIGHT_BITS)?;
        check_act_bits(self.act_bits)
    }

    pub(super) fn connect(&self, input: Signal) -> Result<Connection, ModelError> {
        let inputs = input.shape.len();
        let weights = [1, 1, inputs, self.units];
        check_elements("weights", weights)?;
        let weight_bound = bits::weight_range(self.weights_bits).1.unsigned_abs();
        let bound = product([
            inputs,
            usize::from(bits::max_level(input.bits)),
            usize::from(weight_bound),
        ]);
        let output_shape = Shape::new(1, 1, self.units);
        Ok(Connection {
            input_shape: input.shape,
            input_bits: input.bits,
            potential_shape: output_shape,
            output_shape,
            output: output(self.act_bits),
            weights: Some(weights),
            weights_pw: None,
            depthwise_bound: 0,
            potential_bound: check_bound("the largest possible potential", bound)?,
            macs: saturating_macs([inputs, self.units]),
        })
    }
}

impl From<FullyConnected> for LayerSpec {
    fn from(layer: FullyConnected) -> Self {
        Self::FullyConnected(layer)
    }
}
