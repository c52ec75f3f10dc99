//! A layer's place in a model: what its parameters and its inputs determine.

use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::operation::Operation;
use super::shape::{Shape, product};
use super::variables::VariableSpec;
use alloc::format;
use alloc::vec::Vec;

/// What flows from a layer to the layers that read it: a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// The shape of the map.
    pub shape: Shape,
    /// The format of its values.
    pub format: Format,
}

/// The widths of levels that [`Stage::Thresholds`] makes.
pub(crate) const LEVEL_BITS: &[u8] = &[1, 2, 4];

/// The output stage: what becomes of the result of a layer's operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The result is the output, unchanged. Sums are 32-bit potentials.
    Raw,
    /// The output is a level: the number of boundaries that a potential exceeds. Boundaries follow from the threshold and
    /// the step of a filter (`docs/arithmetic.md`, section E).
    Thresholds,
    /// The result is saturated, has a bias added, goes through an activation, and is scaled, shifted and saturated again
    /// (`docs/arithmetic-akida2.md`, section D).
    Rescale(Rescale),
}

/// The steps from accumulators to outputs that layers of Akida 2.0 share.
///
/// Bias, bounds, tables, scales and shifts are variables. A layer without one of these variables has no such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescale {
    /// What is done to accumulators before they are scaled.
    pub activation: Activation,
    /// The width of an accumulator, sign included.
    pub buffer_bits: u8,
    /// The width of a scaled accumulator, without its sign.
    pub post_op_buffer_bits: u8,
}

/// The activations of Akida 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// None.
    NoActivation,
    /// Negative values become 0, and large values the bound of the filter, if it has one.
    ReLU,
    /// A value of 11 bits, made of the accumulator, chooses an entry of a table.
    Lut,
}

/// What a layer's parameters and its inputs determine: operation, shapes, formats, variables, bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The input. For a layer with several inbounds it is the joined map.
    pub input: Signal,
    /// What is computed, before the output stage.
    pub operation: Operation,
    /// The shape of the operation's result before pooling.
    pub potential_shape: Shape,
    /// What becomes of the operation's result.
    pub stage: Stage,
    /// The output.
    pub output: Signal,
    /// The table of variables: what each variable must be, in order.
    pub variables: Vec<VariableSpec>,
    /// The largest absolute value that a depthwise sum can reach; 0 for layers without depthwise sums.
    pub depthwise_bound: u32,
    /// The largest absolute value that a potential can reach (`docs/arithmetic.md`, B5).
    pub potential_bound: u32,
    /// The multiply-accumulates for one input. Border cells count too (`docs/arithmetic.md`, G4).
    pub macs: u64,
}

impl Connection {
    /// The connection of a layer without weights, whose output is `signal`.
    pub(crate) fn without_weights(operation: Operation, signal: Signal) -> Self {
        Self {
            input: signal,
            operation,
            potential_shape: signal.shape,
            stage: Stage::Raw,
            output: signal,
            variables: Vec::new(),
            depthwise_bound: 0,
            potential_bound: 0,
            macs: 0,
        }
    }

    /// Whether the outputs are potentials: sums that no output stage has changed. No layer can read potentials.
    #[must_use]
    pub fn gives_potentials(&self) -> bool {
        self.operation.windows().is_some() && self.stage == Stage::Raw
    }

    /// The variable of a name, with its index in the table.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<(usize, &VariableSpec)> {
        let mut all = self.variables.iter().enumerate();
        all.find(|(_, variable)| variable.name == name)
    }
}

/// The input of a layer that takes one input only.
pub(crate) fn single(inputs: &[Signal]) -> Result<Signal, ModelError> {
    match inputs {
        [signal] => Ok(*signal),
        _ => Err(ModelError::new(
            ModelErrorKind::Inbounds,
            "the number of inbounds",
            "1",
            inputs.len(),
        )
        .with_remedy("join branches with a Concat layer")),
    }
}

/// A bound of rule B5, checked to fit 31 bits.
pub(crate) fn check_bound(subject: &'static str, bound: u128) -> Result<u32, ModelError> {
    match u32::try_from(bound) {
        Ok(bound) if bound <= i32::MAX as u32 => Ok(bound),
        _ => Err(ModelError::new(
            ModelErrorKind::PotentialRange,
            subject,
            format!("at most {} (32 bits)", i32::MAX),
            bound,
        )
        .with_remedy("use fewer bits, a smaller kernel or fewer channels")),
    }
}

/// A number of multiply-accumulates: the product of some sizes.
pub(crate) fn saturating_macs<const N: usize>(factors: [usize; N]) -> u64 {
    u64::try_from(product(factors)).unwrap_or(u64::MAX)
}
