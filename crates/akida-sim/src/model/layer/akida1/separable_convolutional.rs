//! SeparableConvolutional: a depthwise and a pointwise convolution.

use super::activation::stage;
use super::conv_params::ConvParams;
use crate::model::connection::{Connection, Signal, check_bound, saturating_macs, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::{WEIGHTS, WEIGHTS_PW};
use crate::model::operation::{Channels, Operation, WeightOrder};
use crate::model::shape::product;
use crate::model::tensor::check_elements;
use crate::model::variables::VariableSpec;
use alloc::vec;

/// A depthwise convolution followed at once by a pointwise one (`docs/arithmetic.md`, C5).
///
/// Both kernels have the same `weights_bits`. Nothing happens to the sums in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeparableConvolutional {
    /// Depthwise kernel size, number of pointwise filters, pooling and activation.
    pub conv: ConvParams,
}

impl LayerKind for SeparableConvolutional {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let conv = ConvParams::of(parameters)?;
        Ok(Self { conv })
    }

    fn parameters(&self) -> Parameters {
        self.conv.add_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "SeparableConvolutional"
    }

    fn default_name(&self) -> &'static str {
        "separable"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V1)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.conv.check()
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        let conv = &self.conv;
        let kernel = conv.kernel_size;
        let channels = input.shape.c;
        let (potential_shape, output_shape) = conv.shapes(input.shape)?;
        let weights = [kernel.x, kernel.y, channels, 1];
        let weights_pw = [1, 1, channels, conv.filters];
        check_elements(WEIGHTS, weights)?;
        check_elements(WEIGHTS_PW, weights_pw)?;
        let depthwise = product([kernel.x, kernel.y]).saturating_mul(conv.step_bound(input));
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
        let (stage, format) = stage(conv.act_bits);
        let mut variables = vec![
            VariableSpec::weights(WEIGHTS, weights, conv.weights_bits),
            VariableSpec::weights(WEIGHTS_PW, weights_pw, conv.weights_bits),
        ];
        variables.extend(VariableSpec::thresholds(conv.filters));
        let windows = conv.windows(0, WeightOrder::Flipped, Channels::EachThenAll);
        Ok(Connection {
            input,
            operation: Operation::Windows(windows),
            potential_shape,
            stage,
            output: Signal {
                shape: output_shape,
                format,
            },
            variables,
            depthwise_bound,
            potential_bound,
            macs,
        })
    }
}
