//! The layers of Akida 1.0: one file per type, the rules they share here.

mod concat;
mod conv_params;
mod convolutional;
mod fully_connected;
mod input_convolutional;
mod input_data;
mod separable_convolutional;

pub use concat::Concat;
pub use conv_params::{ConvParams, Pooling};
pub use convolutional::Convolutional;
pub use fully_connected::FullyConnected;
pub use input_convolutional::InputConvolutional;
pub use input_data::InputData;
pub use separable_convolutional::SeparableConvolutional;

use super::bits;
use super::error::{ModelError, ModelErrorKind};
use super::shape::Shape;
use super::tensor::{WeightShape, Weights};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What a layer is: its type and the parameters of its constructor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerSpec {
    /// Entry of maps of 1, 2 or 4 bits.
    InputData(InputData),
    /// Convolution of 8-bit images.
    InputConvolutional(InputConvolutional),
    /// Convolution of levels.
    Convolutional(Convolutional),
    /// Depthwise then pointwise convolution of levels.
    SeparableConvolutional(SeparableConvolutional),
    /// Every input to every unit.
    FullyConnected(FullyConnected),
    /// Branches joined on the channel axis.
    Concat(Concat),
}

/// What flows from a layer to the layers that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// The shape of the map.
    pub shape: Shape,
    /// The width of its unsigned values.
    pub bits: u8,
}

/// What a layer gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Levels of this many bits, 0 … 2^bits − 1.
    Levels {
        /// The width: 1, 2 or 4 bits.
        bits: u8,
    },
    /// 32-bit potentials: the layer has no activation.
    Potentials,
}

/// A layer's place in a model: what its parameters and its inputs determine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The shape of the input. For [`Concat`] that of the joined map.
    pub input_shape: Shape,
    /// The width of the input values in bits.
    pub input_bits: u8,
    /// The shape of the convolution's result before pooling; the output shape for other layers.
    pub potential_shape: Shape,
    /// The shape of the output.
    pub output_shape: Shape,
    /// What the output consists of.
    pub output: Output,
    /// Shape of the variable `weights`, for layers that have one.
    pub weights: Option<WeightShape>,
    /// Shape of the variable `weights_pw`, for [`SeparableConvolutional`].
    pub weights_pw: Option<WeightShape>,
    /// Largest absolute value that a depthwise sum can reach; 0 for other layers.
    pub depthwise_bound: u32,
    /// Largest absolute value that a potential can reach (`docs/arithmetic.md`, B5).
    pub potential_bound: u32,
    /// Multiply-accumulates for one input, padding counted (`docs/arithmetic.md`, G4).
    pub macs: u64,
}

impl Connection {
    /// A layer that passes values on without weights.
    fn pass_through(signal: Signal) -> Self {
        Self {
            input_shape: signal.shape,
            input_bits: signal.bits,
            potential_shape: signal.shape,
            output_shape: signal.shape,
            output: Output::Levels { bits: signal.bits },
            weights: None,
            weights_pw: None,
            depthwise_bound: 0,
            potential_bound: 0,
            macs: 0,
        }
    }
}

/// The integers and steps that a layer holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Variables {
    /// `weights`: the kernel, the depthwise kernel, or the (permuted) matrix of a `FullyConnected`.
    pub weights: Weights,
    /// `weights_pw`: the pointwise kernel of a `SeparableConvolutional`.
    pub weights_pw: Option<Weights>,
    /// `threshold`, one per filter.
    pub threshold: Vec<i32>,
    /// `act_step`, one per filter, finite and positive.
    pub act_step: Vec<f32>,
}

/// One variable of a layer, for [`ModelBuilder::set_variable`](crate::ModelBuilder::set_variable).
#[derive(Debug, Clone, PartialEq)]
pub enum Variable {
    /// `weights`.
    Weights(Weights),
    /// `weights_pw`.
    WeightsPw(Weights),
    /// `threshold`.
    Threshold(Vec<i32>),
    /// `act_step`.
    ActStep(Vec<f32>),
}

impl Variable {
    /// The documented name of the variable.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Weights(_) => "weights",
            Self::WeightsPw(_) => "weights_pw",
            Self::Threshold(_) => "threshold",
            Self::ActStep(_) => "act_step",
        }
    }
}

impl LayerSpec {
    /// The documented name of the layer's type, e.g. `"Convolutional"`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::InputData(_) => "InputData",
            Self::InputConvolutional(_) => "InputConvolutional",
            Self::Convolutional(_) => "Convolutional",
            Self::SeparableConvolutional(_) => "SeparableConvolutional",
            Self::FullyConnected(_) => "FullyConnected",
            Self::Concat(_) => "Concat",
        }
    }

    /// Start of the name given to a layer that was added without one.
    pub(crate) fn default_name(&self) -> &'static str {
        match self {
            Self::InputData(_) => "input_data",
            Self::InputConvolutional(_) => "input_conv",
            Self::Convolutional(_) => "conv",
            Self::SeparableConvolutional(_) => "separable",
            Self::FullyConnected(_) => "fully_connected",
            Self::Concat(_) => "concat",
        }
    }

    /// Whether the layer takes the model's inputs.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::InputData(_) | Self::InputConvolutional(_))
    }

    /// The width of the weights; `None` for layers without weights.
    #[must_use]
    pub fn weights_bits(&self) -> Option<u8> {
        match self {
            Self::InputData(_) | Self::Concat(_) => None,
            Self::InputConvolutional(l) => Some(l.conv.weights_bits),
            Self::Convolutional(l) => Some(l.conv.weights_bits),
            Self::SeparableConvolutional(l) => Some(l.conv.weights_bits),
            Self::FullyConnected(l) => Some(l.weights_bits),
        }
    }

    /// The parameters of the convolution; `None` for layers that do not convolve.
    #[must_use]
    pub fn conv(&self) -> Option<&ConvParams> {
        match self {
            Self::InputConvolutional(l) => Some(&l.conv),
            Self::Convolutional(l) => Some(&l.conv),
            Self::SeparableConvolutional(l) => Some(&l.conv),
            Self::InputData(_) | Self::FullyConnected(_) | Self::Concat(_) => None,
        }
    }

    /// Checks the parameters that can be judged without knowing the input.
    ///
    /// # Errors
    ///
    /// The first parameter that is not allowed.
    pub fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::InputData(l) => l.check(),
            Self::InputConvolutional(l) => l.check(),
            Self::Convolutional(l) => l.conv.check(),
            Self::SeparableConvolutional(l) => l.conv.check(),
            Self::FullyConnected(l) => l.check(),
            Self::Concat(_) => Ok(()),
        }
    }

    /// Shapes, widths and bounds for the given inputs.
    pub(crate) fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        self.check()?;
        match self {
            Self::InputData(l) => Ok(l.connect()),
            Self::InputConvolutional(l) => l.connect(),
            Self::Concat(l) => l.connect(inputs),
            Self::Convolutional(l) => l.connect(single(inputs)?),
            Self::SeparableConvolutional(l) => l.connect(single(inputs)?),
            Self::FullyConnected(l) => l.connect(single(inputs)?),
        }
    }

    /// Checks variables against the shapes of `connection` and the width of the weights, and gives them back with the
    /// weights packed at that width.
    pub(crate) fn checked_variables(
        &self,
        connection: &Connection,
        variables: Option<Variables>,
    ) -> Result<Option<Variables>, ModelError> {
        let (Some(bits), Some(shape)) = (self.weights_bits(), connection.weights) else {
            return match variables {
                None => Ok(None),
                Some(_) => Err(variable_error("the variables", "absent", "some")),
            };
        };
        let Some(variables) = variables else {
            return Err(variable_error("the variables", "present", "none"));
        };
        check_weights("weights", &variables.weights, shape, bits)?;
        match (&variables.weights_pw, connection.weights_pw) {
            (Some(pw), Some(shape)) => check_weights("weights_pw", pw, shape, bits)?,
            (None, None) => {}
            (Some(_), None) => return Err(variable_error("weights_pw", "absent", "values")),
            (None, Some(_)) => return Err(variable_error("weights_pw", "present", "nothing")),
        }
        let filters = connection.output_shape.c;
        check_count("threshold", variables.threshold.len(), filters)?;
        check_count("act_step", variables.act_step.len(), filters)?;
        let bad = |s: &f32| !(s.is_finite() && *s > 0.0);
        if let Some(f) = variables.act_step.iter().position(bad) {
            return Err(variable_error(
                "act_step",
                "finite and greater than zero",
                format!("{} for filter {f}", variables.act_step[f]),
            ));
        }
        Ok(Some(Variables {
            weights: variables.weights.at_width(bits),
            weights_pw: variables.weights_pw.map(|pw| pw.at_width(bits)),
            ..variables
        }))
    }

    /// The variables of a new layer: weights and thresholds 0, steps 1.
    pub(crate) fn initial_variables(&self, connection: &Connection) -> Option<Variables> {
        let bits = self.weights_bits()?;
        let filters = connection.output_shape.c;
        Some(Variables {
            weights: Weights::zeros(connection.weights?, bits),
            weights_pw: connection
                .weights_pw
                .map(|shape| Weights::zeros(shape, bits)),
            threshold: vec![0; filters],
            act_step: vec![1.0; filters],
        })
    }
}

/// The only input of a layer that takes one.
fn single(inputs: &[Signal]) -> Result<Signal, ModelError> {
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

fn variable_error(
    subject: &'static str,
    allowed: impl Into<String>,
    received: impl Into<String>,
) -> ModelError {
    ModelError::new(
        ModelErrorKind::Variable,
        subject,
        allowed.into(),
        received.into(),
    )
}

fn check_count(subject: &'static str, received: usize, filters: usize) -> Result<(), ModelError> {
    if received == filters {
        return Ok(());
    }
    Err(variable_error(
        subject,
        format!("of shape ({filters},), one value per filter"),
        format!("({received},)"),
    ))
}

fn check_weights(
    subject: &'static str,
    weights: &Weights,
    shape: WeightShape,
    bits: u8,
) -> Result<(), ModelError> {
    if weights.shape() != shape {
        return Err(variable_error(
            subject,
            format!("of shape {shape:?}"),
            format!("{:?}", weights.shape()),
        ));
    }
    match weights.value_outside(bits) {
        None => Ok(()),
        Some(value) => {
            let (min, max) = bits::weight_range(bits);
            Err(variable_error(
                subject,
                format!("in {min}..={max} (weights_bits {bits})"),
                format!("{value}"),
            ))
        }
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
