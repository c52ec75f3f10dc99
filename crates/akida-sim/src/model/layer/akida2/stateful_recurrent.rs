//! StatefulRecurrent: a state-space layer.

use super::conv::{WITHOUT_TABLE, check_terms};
use super::post_ops::{MULTIPLIERS, PostOps, SHIFTS_LEFT, SIGNED_BYTES, narrow};
use crate::model::connection::{Activation, Connection, Signal, single};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::akida1::check_filters;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::{
    A_IMAG, A_REAL, IN_PROJ, INPUT_SHIFT, NEW_STATE_SCALE, NEW_STATE_SHIFT, OUT_PROJ, STATE_SHIFT,
};
use crate::model::operation::{Operation, Recurrence};
use crate::model::shape::Shape;
use crate::model::tensor::check_elements;
use crate::model::variables::{VariableRule, VariableSpec};
use alloc::format;
use alloc::vec;

/// A projection on complex states, which follow from each other in time, and a projection of the states.
///
/// The input is a map of one row, whose columns are steps in time (`docs/arithmetic-akida2.md`, section I).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatefulRecurrent {
    /// The number of complex states.
    pub stateful_channels: usize,
    /// Output channels.
    pub output_channels: usize,
    /// Of so many steps, only the last one has an output.
    pub subsample: usize,
    /// What follows the projection of the states.
    pub post_ops: PostOps,
}

impl StatefulRecurrent {
    /// So many states and output channels, with the defaults: no subsampling, a ReLU, outputs of 8 bits.
    #[must_use]
    pub const fn new(stateful_channels: usize, output_channels: usize) -> Self {
        let post_ops = PostOps {
            buffer_bits: 28,
            ..PostOps::new(Activation::ReLU)
        };
        Self {
            stateful_channels,
            output_channels,
            subsample: 1,
            post_ops,
        }
    }
}

impl LayerKind for StatefulRecurrent {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            stateful_channels: parameters.size("stateful_channels")?,
            output_channels: parameters.size("output_channels")?,
            subsample: parameters.size("subsample")?,
            post_ops: PostOps::of(parameters)?,
        })
    }

    fn parameters(&self) -> Parameters {
        let parameters = Parameters::new()
            .with("stateful_channels", self.stateful_channels)
            .with("output_channels", self.output_channels)
            .with("subsample", self.subsample);
        self.post_ops.add_to(parameters)
    }

    fn type_name(&self) -> &'static str {
        "StatefulRecurrent"
    }

    fn default_name(&self) -> &'static str {
        "stateful_recurrent"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        check_filters("stateful_channels", self.stateful_channels)?;
        check_filters("output_channels", self.output_channels)?;
        check_filters("subsample", self.subsample)?;
        self.post_ops.check(&WITHOUT_TABLE)
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = narrow(single(inputs)?)?;
        let (steps, subsample) = (input.shape.y, self.subsample);
        if input.shape.x != 1 || !steps.is_multiple_of(subsample) {
            return Err(ModelError::new(
                ModelErrorKind::Shape,
                "the input's shape",
                format!("one row of a multiple of {subsample} steps"),
                input.shape,
            )
            .with_remedy("give inputs of shape (1, steps, channels)"));
        }
        let (states, channels) = (self.stateful_channels, input.shape.c);
        let outputs = self.output_channels;
        check_elements(IN_PROJ, [1, 1, channels, states])?;
        check_elements(OUT_PROJ, [1, 1, states, outputs])?;
        check_terms(channels.max(states))?;
        Shape::new(1, steps, states).check("the shape of the states")?;
        let shape = Shape::new(1, steps / subsample, outputs);
        shape.check("the output shape")?;
        let vector = |name, count, rule| VariableSpec::vector(name, count, rule);
        let words = VariableRule::integers(Format::signed(16), 0);
        let mut variables = vec![
            VariableSpec::matrix(IN_PROJ, channels, states, 8),
            vector(INPUT_SHIFT, channels, SHIFTS_LEFT),
            vector(NEW_STATE_SCALE, states, MULTIPLIERS),
            vector(NEW_STATE_SHIFT, states, SIGNED_BYTES),
            vector(A_REAL, states, words),
            vector(A_IMAG, states, words),
            vector(STATE_SHIFT, states, SIGNED_BYTES),
            VariableSpec::matrix(OUT_PROJ, states, outputs, 8),
        ];
        variables.extend(self.post_ops.variables(outputs));
        let operation = Operation::Recurrence(Recurrence {
            states,
            subsample,
            buffer_bits: self.post_ops.buffer_bits,
        });
        // Four products move a state one step on.
        let step = states.saturating_mul(channels.saturating_add(4));
        let macs = steps.saturating_mul(step);
        let projected = (steps / subsample).saturating_mul(states.saturating_mul(outputs));
        Ok(Connection {
            input,
            operation,
            potential_shape: shape,
            stage: self.post_ops.stage(),
            output: Signal {
                shape,
                format: self.post_ops.format(),
            },
            variables,
            depthwise_bound: 0,
            potential_bound: self.post_ops.bound(),
            macs: macs.saturating_add(projected) as u64,
        })
    }
}
