use super::builder::ModelBuilder;
use super::error::{ModelError, ModelErrorKind};
use super::layer::{Connection, LayerSpec, Output, Signal, Variables};
use super::shape::Shape;
use super::tensor::Weights;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The generation of the hardware that a model's layers belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpVersion {
    /// Akida 1.0: AKD1000, AKD1500.
    V1,
}

/// How the integer inputs of a model follow from the real inputs x of the network that it was made from:
/// scale · x + shift (`docs/arithmetic.md`, H1).
///
/// It describes a model and changes no result.
///
/// # Examples
///
/// ```
/// use akida_sim::InputScaling;
///
/// let scaling = InputScaling::new(127.5, 127.5)?; // from inputs in -1 … 1
/// assert_eq!((scaling.scale(), scaling.shift()), (127.5, 127.5));
/// assert!(InputScaling::new(0.0, 0.0).is_err());
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputScaling {
    scale: f64,
    shift: f64,
}

impl InputScaling {
    /// A scaling by a finite `scale` greater than zero and a finite `shift`.
    ///
    /// # Errors
    ///
    /// Other numbers.
    pub fn new(scale: f64, shift: f64) -> Result<Self, ModelError> {
        if scale.is_finite() && scale > 0.0 && shift.is_finite() {
            // Equal scalings have equal bits: -0.0 + 0.0 is 0.0.
            let shift = shift + 0.0;
            return Ok(Self { scale, shift });
        }
        Err(ModelError::new(
            ModelErrorKind::Parameter,
            "input_scaling",
            "a finite scale greater than zero and a finite shift",
            format!("({scale}, {shift})"),
        ))
    }

    /// What real inputs are multiplied by, greater than zero.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// What is added to the scaled inputs.
    #[must_use]
    pub fn shift(&self) -> f64 {
        self.shift
    }
}

/// A layer in a model: its parameters, its place and its variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub(super) name: String,
    pub(super) spec: LayerSpec,
    pub(super) inbounds: Vec<usize>,
    pub(super) connection: Connection,
    pub(super) variables: Option<Variables>,
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

    /// The variables; `None` for layers without any.
    #[must_use]
    pub fn variables(&self) -> Option<&Variables> {
        self.variables.as_ref()
    }

    /// The kernel (or depthwise kernel, or matrix); `None` for layers without weights.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.variables.as_ref().map(|v| &v.weights)
    }

    /// What the layer passes on; `None` when it gives potentials, which no layer can read.
    pub(super) fn signal(&self) -> Option<Signal> {
        match self.connection.output {
            Output::Levels { bits } => Some(Signal {
                shape: self.connection.output_shape,
                bits,
            }),
            Output::Potentials => None,
        }
    }
}

/// A complete network that obeys every rule of `docs/arithmetic.md`, section G.
///
/// Only [`ModelBuilder::build`] makes one, so a model that exists is valid: running it cannot fail on its account. It
/// is immutable and cheap to clone (layers are shared); it knows nothing of files, hosts or chips.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    layers: Vec<Arc<Layer>>,
    input: Signal,
    output_shape: Shape,
    output: Output,
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
            input: Signal {
                shape: first.connection.input_shape,
                bits: first.connection.input_bits,
            },
            output_shape: last.connection.output_shape,
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

    /// Shape and width of one input.
    #[must_use]
    pub fn input(&self) -> Signal {
        self.input
    }

    /// Shape of one output.
    #[must_use]
    pub fn output_shape(&self) -> Shape {
        self.output_shape
    }

    /// What one output consists of.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output
    }

    /// How inputs follow from those of the network that the model was made from; `None` when nobody has said it.
    #[must_use]
    pub fn input_scaling(&self) -> Option<InputScaling> {
        self.input_scaling
    }

    /// The generation of the hardware that the layers belong to.
    #[must_use]
    pub fn ip_version(&self) -> IpVersion {
        IpVersion::V1
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
