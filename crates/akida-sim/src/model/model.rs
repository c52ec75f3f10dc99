use super::builder::ModelBuilder;
use super::connection::{Connection, Signal};
use super::input_scaling::InputScaling;
use super::ip_version::IpVersion;
use super::layer::LayerSpec;
use super::shape::Shape;
use super::tensor::Weights;
use super::variables::{
    ACT_STEP, THRESHOLD, Tensor, Thresholds, VariableSpec, WEIGHTS, WEIGHTS_PW,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A layer in a model: its parameters, its place and its variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub(super) name: String,
    pub(super) spec: LayerSpec,
    pub(super) inbounds: Vec<usize>,
    pub(super) connection: Connection,
    /// As many as the connection lists, in that order.
    pub(super) variables: Vec<Tensor>,
}

impl Layer {
    /// The name, unique in its model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Type and parameters.
    #[must_use]
    pub fn spec(&self) -> &LayerSpec {
        &self.spec
    }

    /// Indices of the layers that this one reads, all smaller than its own; empty for an input layer.
    #[must_use]
    pub fn inbounds(&self) -> &[usize] {
        &self.inbounds
    }

    /// Shapes, widths and bounds.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What each variable must be, and its values, in the order of [`Connection::variables`].
    pub fn variables(&self) -> impl ExactSizeIterator<Item = (&VariableSpec, &Tensor)> {
        self.connection.variables.iter().zip(&self.variables)
    }

    /// The values of the variable of a name, if the layer has it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Tensor> {
        let (index, _) = self.connection.variable(name)?;
        self.variables.get(index)
    }

    /// The kernel (or depthwise kernel, or matrix); `None` for layers without weights.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.variable(WEIGHTS)?.weights()
    }

    /// The pointwise kernel; `None` for layers without one.
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

    /// What the layer passes on; `None` when it gives potentials, which no layer can read.
    pub(super) fn signal(&self) -> Option<Signal> {
        (!self.connection.gives_potentials()).then_some(self.connection.output)
    }
}

/// A complete network that obeys every rule of `docs/arithmetic.md`, section G.
///
/// Only [`ModelBuilder::build`] makes one, so a model that exists is valid: running it cannot fail on its account. It
/// is immutable and cheap to clone (layers are shared); it knows nothing of files, hosts or chips.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    layers: Vec<Arc<Layer>>,
    ip_version: IpVersion,
    input: Signal,
    output: Signal,
    input_scaling: Option<InputScaling>,
}

impl Model {
    /// `layers` obey the rules: the builder has checked them.
    pub(super) fn from_checked(
        layers: Vec<Arc<Layer>>,
        first: &Layer,
        last: &Layer,
        input_scaling: Option<InputScaling>,
    ) -> Self {
        Self {
            ip_version: first.spec.generation(),
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

    /// Shape of one output.
    #[must_use]
    pub fn output_shape(&self) -> Shape {
        self.output.shape
    }

    /// How inputs follow from those of the network that the model was made from; `None` when nobody has said it.
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
