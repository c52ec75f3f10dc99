use super::conv_params::saturating_macs;
use super::{Connection, ConvParams, LayerSpec, Signal, check_bound};
use crate::model::error::ModelError;
use crate::model::shape::product;
use crate::model::tensor::check_elements;

/// A depthwise convolution followed at once by a pointwise one (`docs/arithmetic.md`, C5).
///
/// Both kernels have the same `weights_bits`; nothing happens to the sums in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeparableConvolutional {
    /// Depthwise kernel size, number of pointwise filters, pooling and activation.
    pub conv: ConvParams,
}

impl SeparableConvolutional {
    pub(super) fn connect(&self, input: Signal) -> Result<Connection, ModelError> {
        let conv = &self.conv;
        let kernel = conv.kernel_size;
        let channels = input.shape.c;
        let (potential_shape, output_shape) = conv.shapes(input.shape)?;
        let weights = [kernel.x, kernel.y, channels, 1];
        let weights_pw = [1, 1, channels, conv.filters];
        check_elements("weights", weights)?;
        check_elements("weights_pw", weights_pw)?;
        let depthwise = product([kernel.x, kernel.y]).saturating_mul(conv.step_bound(input.bits));
        let depthwise_bound = check_bound("the largest possible depthwise sum", depthwise)?;
        let potential_bound = check_bound(
            "the largest possible potential",
            depthwise
                .saturating_mul(channels as u128)
                .saturating_mul(conv.weight_bound())
                .saturating_mul(conv.summed_positions(potential_shape)),
        )?;
        let positions = potential_shape.positions();
        let macs = saturating_macs([positions, kernel.cells(), channels])
            .saturating_add(saturating_macs([positions, channels, conv.filters]));
        Ok(Connection {
            input_shape: input.shape,
            input_bits: input.bits,
            potential_shape,
            output_shape,
            output: conv.output(),
            weights: Some(weights),
            weights_pw: Some(weights_pw),
            depthwise_bound,
            potential_bound,
            macs,
        })
    }
}

impl From<SeparableConvolutional> for LayerSpec {
    fn from(layer: SeparableConvolutional) -> Self {
        Self::SeparableConvolutional(layer)
    }
}
