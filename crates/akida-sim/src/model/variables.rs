//! The variables of a layer: the table of what each variable must be, and the values.

use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::names::{ACT_STEP, THRESHOLD};
use super::tensor::{WeightShape, Weights, weight_range};
use crate::memory;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// The value of a bound of a ReLU that stands for no bound.
pub(crate) const NO_BOUND: i32 = -1;

impl VariableRule {
    /// Any integer of a format, `first` in a new layer.
    pub(crate) const fn integers(format: Format, first: i32) -> Self {
        Self::Integers { format, first }
    }
}

/// What a variable of a layer must be: an entry of the layer's table of variables. The order of the table is fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableSpec {
    /// The documented name, e.g. `"weights"`.
    pub name: &'static str,
    /// The shape, as Python shows it: of four or two axes for weights, of one axis for other variables.
    pub shape: Vec<usize>,
    /// The values that are allowed.
    pub rule: VariableRule,
}

/// The values that a variable may have. They determine its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableRule {
    /// Weights of so many bits (`docs/arithmetic.md`, B2).
    Weights {
        /// The bits of a weight: 1, 2, 4 or 8.
        bits: u8,
    },
    /// Any integer of a format.
    Integers {
        /// The format.
        format: Format,
        /// The value in a new layer.
        first: i32,
    },
    /// A bound of a ReLU: 0 to 255, or −1 for no bound. A new layer has no bounds.
    Bounds,
    /// Float32, finite and greater than zero.
    Positive,
}

/// The values of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// Integers of at most 8 bits, packed.
    Weights(Weights),
    /// Integers of up to 32 bits, mostly one per filter.
    Integers(Vec<i32>),
    /// Float32, one per filter or channel.
    Floats(Vec<f32>),
}

impl From<Weights> for Tensor {
    fn from(weights: Weights) -> Self {
        Self::Weights(weights)
    }
}

impl From<Vec<i32>> for Tensor {
    fn from(integers: Vec<i32>) -> Self {
        Self::Integers(integers)
    }
}

impl From<Vec<f32>> for Tensor {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats)
    }
}

impl Tensor {
    /// The type of the values as NumPy calls it: `"int8"`, `"int32"` or `"float32"`.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::Weights(_) => "int8",
            Self::Integers(_) => "int32",
            Self::Floats(_) => "float32",
        }
    }

    /// The bytes of all values. Weights are packed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Weights(weights) => weights.packed().len(),
            Self::Integers(integers) => size_of_val(integers.as_slice()),
            Self::Floats(floats) => size_of_val(floats.as_slice()),
        }
    }

    /// The weights; `None` for a variable of another type.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        match self {
            Self::Weights(weights) => Some(weights),
            Self::Integers(_) | Self::Floats(_) => None,
        }
    }

    /// The 32-bit integers; `None` for a variable of another type.
    #[must_use]
    pub fn integers(&self) -> Option<&[i32]> {
        match self {
            Self::Integers(integers) => Some(integers),
            Self::Weights(_) | Self::Floats(_) => None,
        }
    }

    /// The float32 values; `None` for a variable of another type.
    #[must_use]
    pub fn floats(&self) -> Option<&[f32]> {
        match self {
            Self::Floats(floats) => Some(floats),
            Self::Weights(_) | Self::Integers(_) => None,
        }
    }
}

/// The threshold and the step of each filter of a layer (`docs/arithmetic.md`, section E).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds<'a> {
    /// The threshold of each filter.
    pub threshold: &'a [i32],
    /// The step of each filter, finite and greater than zero.
    pub act_step: &'a [f32],
}

impl<'a> Thresholds<'a> {
    /// The threshold and the step of each filter, in order.
    pub fn filters(&self) -> impl ExactSizeIterator<Item = (i32, f32)> + use<'a> {
        let steps = self.act_step.iter();
        self.threshold.iter().copied().zip(steps.copied())
    }
}

impl VariableSpec {
    /// A kernel of `shape` with weights of `bits` bits.
    pub(crate) fn weights(name: &'static str, shape: WeightShape, bits: u8) -> Self {
        Self {
            name,
            shape: shape.to_vec(),
            rule: VariableRule::Weights { bits },
        }
    }

    /// The thresholds and steps of so many filters.
    pub(crate) fn thresholds(filters: usize) -> [Self; 2] {
        let of = |name, rule| Self {
            name,
            shape: vec![filters],
            rule,
        };
        [
            of(THRESHOLD, VariableRule::integers(Format::signed(32), 0)),
            of(ACT_STEP, VariableRule::Positive),
        ]
    }

    /// A matrix of weights of 8 bits or less: a row for each input, a column for each unit.
    pub(crate) fn matrix(name: &'static str, inputs: usize, units: usize, bits: u8) -> Self {
        Self {
            name,
            shape: vec![inputs, units],
            rule: VariableRule::Weights { bits },
        }
    }

    /// A variable of one axis.
    pub(crate) fn vector(name: &'static str, count: usize, rule: VariableRule) -> Self {
        Self {
            name,
            shape: vec![count],
            rule,
        }
    }

    /// The type of the values as NumPy calls it, e.g. `"int8"`.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self.rule {
            VariableRule::Weights { .. } => "int8",
            VariableRule::Integers { format, .. } => match (format.signed, format.bytes()) {
                (false, 1) => "uint8",
                (false, 2) => "uint16",
                (false, _) => "uint32",
                (true, 1) => "int8",
                (true, 2) => "int16",
                (true, _) => "int32",
            },
            VariableRule::Bounds => "int16",
            VariableRule::Positive => "float32",
        }
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The values in a new layer: 0 for weights and thresholds, 1 for steps and scales.
    pub(crate) fn initial(&self) -> Result<Tensor, ModelError> {
        Ok(match self.rule {
            VariableRule::Weights { bits } => {
                Weights::zeros(self.weight_shape().unwrap_or_default(), bits)?.into()
            }
            VariableRule::Integers { first, .. } => memory::filled(first, self.count())?.into(),
            VariableRule::Bounds => memory::filled(NO_BOUND, self.count())?.into(),
            VariableRule::Positive => memory::filled(1.0f32, self.count())?.into(),
        })
    }

    /// The shape of weights; `None` for other variables. A matrix is a kernel of one cell.
    #[must_use]
    pub fn weight_shape(&self) -> Option<WeightShape> {
        match *self.shape.as_slice() {
            [x, y, channels, filters] => Some([x, y, channels, filters]),
            [inputs, units] => Some([1, 1, inputs, units]),
            _ => None,
        }
    }

    /// Checks values, and packs weights at their width.
    ///
    /// # Errors
    ///
    /// The values are of another type or shape, or beyond the rule.
    pub(crate) fn checked(&self, tensor: Tensor) -> Result<Tensor, ModelError> {
        match (self.rule, tensor) {
            (VariableRule::Weights { bits }, Tensor::Weights(weights)) => {
                self.check_weights(&weights, bits)?;
                Ok(weights.at_width(bits)?.into())
            }
            (VariableRule::Integers { format, .. }, Tensor::Integers(integers)) => {
                self.check_integers(&integers, format.min(), format.max())?;
                Ok(integers.into())
            }
            (VariableRule::Bounds, Tensor::Integers(integers)) => {
                self.check_integers(&integers, NO_BOUND.into(), u8::MAX.into())?;
                Ok(integers.into())
            }
            (VariableRule::Positive, Tensor::Floats(floats)) => {
                self.check_count(floats.len())?;
                let bad = |s: &f32| !(s.is_finite() && *s > 0.0);
                match floats.iter().position(bad) {
                    None => Ok(floats.into()),
                    Some(f) => {
                        let received = format!("{} for filter {f}", floats[f]);
                        Err(self.error("finite and greater than zero", received))
                    }
                }
            }
            (_, tensor) => {
                let allowed = format!("of type {}", self.dtype());
                Err(self.error(allowed, tensor.dtype()))
            }
        }
    }

    fn check_count(&self, received: usize) -> Result<(), ModelError> {
        if received == self.count() {
            return Ok(());
        }
        Err(self.error(
            format!("of shape ({},)", self.count()),
            format!("({received},)"),
        ))
    }

    fn check_integers(&self, integers: &[i32], min: i64, max: i64) -> Result<(), ModelError> {
        self.check_count(integers.len())?;
        let outside = |&value: &i32| !(min..=max).contains(&i64::from(value));
        match integers.iter().position(outside) {
            None => Ok(()),
            Some(place) => {
                let received = format!("{} at index {place}", integers[place]);
                Err(self.error(format!("in {min}..={max}"), received))
            }
        }
    }

    fn check_weights(&self, weights: &Weights, bits: u8) -> Result<(), ModelError> {
        if Some(weights.shape()) != self.weight_shape() {
            return Err(self.error(
                format!("of shape {:?}", self.shape),
                format!("{:?}", weights.shape()),
            ));
        }
        match weights.value_outside(bits) {
            None => Ok(()),
            Some(value) => {
                let (min, max) = weight_range(bits);
                Err(self.error(
                    format!("in {min}..={max} (weights_bits {bits})"),
                    format!("{value}"),
                ))
            }
        }
    }

    fn error(&self, allowed: impl Into<String>, received: impl Into<String>) -> ModelError {
        ModelError::new(
            ModelErrorKind::Variable,
            self.name,
            allowed.into(),
            received.into(),
        )
    }
}

/// Checks the values of all variables, and packs weights at their width.
pub(super) fn checked_all(
    specs: &[VariableSpec],
    variables: Vec<Tensor>,
) -> Result<Vec<Arc<Tensor>>, ModelError> {
    if specs.len() != variables.len() {
        let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
        return Err(ModelError::new(
            ModelErrorKind::Variable,
            "the variables",
            match names.is_empty() {
                true => String::from("absent"),
                false => names.join(", "),
            },
            variables.len(),
        ));
    }
    let pairs = specs.iter().zip(variables);
    pairs
        .map(|(spec, values)| spec.checked(values).map(Arc::new))
        .collect()
}
