//! A complete model, and the layers in it.

use super::builder::ModelBuilder;
use super::connection::{Connection, Signal};
use super::input_scaling::InputScaling;
use super::ip_version::IpVersion;
use super::layer::LayerSpec;
use super::names::{ACT_STEP, THRESHOLD, WEIGHTS, WEIGHTS_PW};
use super::operation::Operation;
use super::shape::Shape;
use super::tensor::Weights;
use super::variables::{Tensor, Thresholds, VariableSpec};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A layer in a model: its parameters, the layers it reads, and its variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub(super) name: String,
    pub(super) spec: LayerSpec,
    pub(super) inbounds: Vec<usize>,
    pub(super) connection: Connection,
    /// The values of all variables, in the order of the connection's table.
    pub(super) variables: Vec<Arc<Tensor>>,
}

impl Layer {
    /// The name, unique in its model.
    #[must_use]
    pub fn name(&self) -> &str {
        #[cfg(test)]
        super::steps::add(1);
        &self.name
    }

    /// Type and parameters.
    #[must_use]
    pub fn spec(&self) -> &LayerSpec {
        #[cfg(test)]
        super::steps::add(1);
        &self.spec
    }

    /// The indices of the layers that this layer reads. All are smaller than its own index. An input layer has none.
    #[must_use]
    pub fn inbounds(&self) -> &[usize] {
        #[cfg(test)]
        super::steps::add(self.inbounds.len());
        &self.inbounds
    }

    /// Operation, shapes, formats and bounds.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        #[cfg(test)]
        super::steps::add(1);
        &self.connection
    }

    /// Each variable in the order of [`Connection::variables`]: what it must be, and its values.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = (&VariableSpec, &Tensor)> {
        let tensors = self.variables.iter().map(|tensor| &**tensor);
        self.connection.variables.iter().zip(tensors)
    }

    /// The values of the variable of a name, if the layer has it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Tensor> {
        let (index, _) = self.connection.variable(name)?;
        self.variables.get(index).map(|tensor| &**tensor)
    }

    /// The kernel, the depthwise kernel or the matrix; `None` for layers without weights.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.variable(WEIGHTS)?.weights()
    }

    /// The pointwise kernel; `None` for layers without a pointwise kernel.
    #[must_use]
    pub fn pointwise_weights(&self) -> Option<&Weights> {
        self.variable(WEIGHTS_PW)?.weights()
    }

    /// Threshold and step of each filter; `None` for layers without weights.
    #[must_use]
    pub fn thresholds(&self) -> Option<Thresholds<'_>> {
        Some(Thresholds {
            threshold: self.variable(THRESHOLD)?.integers()?,
            act_step: self.variable(ACT_STEP)?.floats()?,
        })
    }

    /// The integers of the variable of a name; none where the layer has no such variable.
    pub(crate) fn integers(&self, name: &str) -> &[i32] {
        let variable = self.variable(name);
        variable.and_then(Tensor::integers).unwrap_or_default()
    }

    /// The output that other layers can read. Or the kind of layer that they can read, and what this layer is.
    pub(super) fn signal(&self) -> Result<Signal, (&'static str, &'static str)> {
        if self.connection.gives_potentials() {
            return Err(("a layer with activation", "which has none"));
        }
        if self.connection.operation == Operation::Dequantize {
            return Err(("a layer with integer outputs", "whose outputs are floats"));
        }
        Ok(self.connection.output)
    }
}

/// A complete network that obeys every rule of `docs/arithmetic.md`, section G.
///
/// Only [`ModelBuilder::build`] makes models. So a model that exists is valid, and a run cannot fail on its account. A model
/// is immutable. Cloning is cheap, as clones share layers. A model knows nothing of files, hosts or chips.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    layers: Vec<Arc<Layer>>,
    ip_version: IpVersion,
    input: Signal,
    output: Signal,
    input_scaling: Option<InputScaling>,
}

impl Model {
    /// A model of layers that obey the rules, as the builder has checked.
    pub(super) fn from_checked(
        layers: Vec<Arc<Layer>>,
        ip_version: IpVersion,
        (first, last): (&Layer, &Layer),
        input_scaling: Option<InputScaling>,
    ) -> Self {
        Self {
            ip_version,
            input: first.connection.input,
            output: last.connection.output,
            input_scaling,
            layers,
        }
    }

    /// The layers, inputs first, the output layer last.
    #[must_use]
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// Shape and format of one input.
    #[must_use]
    pub fn input(&self) -> Signal {
        self.input
    }

    /// Shape and format of one output.
    #[must_use]
    pub fn output(&self) -> Signal {
        self.output
    }

    /// Whether the inputs are floats, which the first layer, a `Quantizer`, makes integers of.
    #[must_use]
    pub fn takes_floats(&self) -> bool {
        let first = self.layers.first();
        first.is_some_and(|l| matches!(l.connection.operation, Operation::Quantize(_)))
    }

    /// Whether outputs depend on earlier inputs of a stream, as those of temporal and recurrent layers do.
    #[must_use]
    pub fn has_state(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.any(|layer| layer.connection.operation.has_state())
    }

    /// Shape of one output.
    #[must_use]
    pub fn output_shape(&self) -> Shape {
        self.output.shape
    }

    /// How the model's inputs follow from the inputs of the network that it was made from; `None` when that is not known.
    #[must_use]
    pub fn input_scaling(&self) -> Option<InputScaling> {
        self.input_scaling
    }

    /// The generation of the hardware that the layers belong to.
    #[must_use]
    pub fn ip_version(&self) -> IpVersion {
        self.ip_version
    }

    /// Multiply-accumulates for one input (`docs/arithmetic.md`, G4).
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.layers
            .iter()
            .fold(0, |sum, l| sum.saturating_add(l.connection.macs))
    }

    /// A builder that starts from this model.
    #[must_use]
    pub fn edit(&self) -> ModelBuilder {
        ModelBuilder::from_model(self)
    }
}
