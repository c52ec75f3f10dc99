//! A layer's place in a model: what its parameters and its inputs determine.

use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::operation::Operation;
use super::shape::{Shape, product};
use super::variables::VariableSpec;
use alloc::format;
use alloc::vec::Vec;

/// What flows from a layer to the layers that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// The shape of the map.
    pub shape: Shape,
    /// The format of its values.
    pub format: Format,
}

/// Widths of the levels that [`Stage::Thresholds`] makes.
pub(crate) const LEVEL_BITS: &[u8] = &[1, 2, 4];

/// The output stage: what becomes of the result of a layer's operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing: the result is the output. Sums are then 32-bit potentials.
    Raw,
    /// Levels: how many boundaries a potential exceeds, by the threshold and the step of its filter
    /// (`docs/arithmetic.md`, section E).
    Thresholds,
}

/// What a layer's parameters and its inputs determine: operation, shapes, formats, variables, bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The input. For a layer with several inbounds, the joined map.
    pub input: Signal,
    /// What is computed.
    pub operation: Operation,
    /// The shape of the operation's result before pooling.
    pub potential_shape: Shape,
    /// What becomes of the result.
    pub stage: Stage,
    /// The output.
    pub output: Signal,
    /// What the layer's variables must be, in their order.
    pub variables: Vec<VariableSpec>,
    /// Largest absolute value that a depthwise sum can reach; 0 for other layers.
    pub depthwise_bound: u32,
    /// Largest absolute value that a potential can reach (`docs/arithmetic.md`, B5).
    pub potential_bound: u32,
    /// Multiply-accumulates for one input, padding counted (`docs/arithmetic.md`, G4).
    pub macs: u64,
}

impl Connection {
    /// A layer without weights, which passes `signal` on.
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

    /// Whether the outputs are potentials: sums that no stage has changed. No layer can read them.
    #[must_use]
    pub fn gives_potentials(&self) -> bool {
        self.operation.windows().is_some() && self.stage == Stage::Raw
    }

    /// The variable of a name, and its place among the layer's.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<(usize, &VariableSpec)> {
        let mut all = self.variables.iter().enumerate();
        all.find(|(_, variable)| variable.name == name)
    }
}

/// The only input of a layer that takes one.
pub(crate) fn single(inputs: &[Signal]) -> Result<Signal, ModelError> {
    match inputs {
        [signal] => Ok(*signal),
        _ => Err(ModelError::new(
            ModelErrorKind::Inbounds,
            "the number of inbounds",
            "1",
            inputs.len(),
        )
        .remedy("join branches with a Concat layer")),
    }
}

/// The bound on potentials of B5 as a number that is known to fit 31 bits.
pub(crate) fn check_bound(subject: &'static str, bound: u128) -> Result<u32, ModelError> {
    match u32::try_from(bound) {
        Ok(bound) if bound <= i32::MAX as u32 => Ok(bound),
        _ => Err(ModelError::new(
            ModelErrorKind::PotentialRange,
            subject,
            format!("at most {} (32 bits)", i32::MAX),
            bound,
        )
        .remedy("use fewer bits, a smaller kernel or fewer channels")),
    }
}

/// The product of some sizes as a number of multiply-accumulates.
pub(crate) fn saturating_macs<const N: usize>(factors: [usize; N]) -> u64 {
    u64::try_from(product(factors)).unwrap_or(u64::MAX)
}
