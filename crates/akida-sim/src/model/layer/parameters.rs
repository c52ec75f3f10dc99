//! The parameters of a layer as names and values, for other languages and for text.

use crate::model::error::ModelError;
use crate::model::shape::{Pair, Shape};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// Yes or no.
    Flag(bool),
    /// A number: of bits, of filters.
    Number(i64),
    /// Two sizes: (height, width). −1 has a meaning for pooling.
    Pair(i64, i64),
    /// Three sizes: (height, width, channels).
    Shape(i64, i64, i64),
    /// The name of a choice, e.g. `"Same"`.
    Word(Cow<'static, str>),
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As Python writes flags.
            Self::Flag(true) => f.write_str("True"),
            Self::Flag(false) => f.write_str("False"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Pair(x, y) => write!(f, "({x}, {y})"),
            Self::Shape(x, y, c) => write!(f, "({x}, {y}, {c})"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl From<bool> for Parameter {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u8> for Parameter {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Parameter {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Pair> for Parameter {
    fn from(pair: Pair) -> Self {
        let [x, y] = [pair.x, pair.y].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        Self::Pair(x, y)
    }
}

impl From<Shape> for Parameter {
    fn from(shape: Shape) -> Self {
        let sizes = [shape.x, shape.y, shape.c];
        let [x, y, c] = sizes.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        Self::Shape(x, y, c)
    }
}

impl From<&'static str> for Parameter {
    fn from(word: &'static str) -> Self {
        Self::Word(word.into())
    }
}

/// The parameters of a layer's constructor but for the name, in the documented order.
///
/// # Examples
///
/// ```
/// use akida_sim::{FullyConnected, LayerSpec, Parameter, Parameters};
///
/// let spec = LayerSpec::from(FullyConnected { weights_bits: 4, ..FullyConnected::new(10) });
/// let parameters = spec.parameters();
/// assert_eq!(parameters.get("weights_bits"), Some(&Parameter::Number(4)));
/// assert_eq!(LayerSpec::new("FullyConnected", &parameters)?, spec);
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(Cow<'static, str>, Parameter)>);

impl Parameters {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same parameters and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Parameter>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The value of the parameter of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.iter().find(|(own, _)| *own == name).map(|(_, v)| v)
    }

    /// Refuses names that are not among `known`.
    pub(super) fn check_names(&self, known: &Self) -> Result<(), ModelError> {
        match self.iter().find(|(name, _)| known.get(name).is_none()) {
            None => Ok(()),
            Some((name, _)) => {
                let names: Vec<&str> = known.iter().map(|(name, _)| name).collect();
                let allowed = match names.is_empty() {
                    true => String::from("absent"),
                    false => format!("one of {}", names.join(", ")),
                };
                Err(ModelError::parameter("a parameter", allowed, name))
            }
        }
    }

    fn required(&self, name: &'static str) -> Result<&Parameter, ModelError> {
        self.get(name)
            .ok_or_else(|| ModelError::parameter(name, "given", "nothing"))
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, ModelError> {
        match self.required(name)? {
            Parameter::Flag(flag) => Ok(*flag),
            other => Err(ModelError::parameter(name, "True or False", other)),
        }
    }

    /// A number, in the type that the layer holds. Every allowed number fits that type.
    pub(super) fn number<T: TryFrom<i64>>(&self, name: &'static str) -> Result<T, ModelError> {
        let value = self.required(name)?;
        let number = match value {
            Parameter::Number(number) => T::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| ModelError::parameter(name, "a number in its range", value))
    }

    /// One positive size.
    pub(super) fn size(&self, name: &'static str) -> Result<usize, ModelError> {
        let value = self.required(name)?;
        let number = match value {
            Parameter::Number(number) => size(*number),
            _ => None,
        };
        number.ok_or_else(|| ModelError::parameter(name, "a positive number", value))
    }

    /// Two positive sizes.
    pub(super) fn pair(&self, name: &'static str) -> Result<Pair, ModelError> {
        let value = self.required(name)?;
        let pair = match value {
            Parameter::Pair(x, y) => size(*x).zip(size(*y)),
            _ => None,
        };
        pair.map(|(x, y)| Pair::new(x, y))
            .ok_or_else(|| ModelError::parameter(name, "two positive numbers", value))
    }

    /// Three positive sizes.
    pub(super) fn shape(&self, name: &'static str) -> Result<Shape, ModelError> {
        let value = self.required(name)?;
        let shape = match value {
            Parameter::Shape(x, y, c) => size(*x).zip(size(*y)).zip(size(*c)),
            _ => None,
        };
        shape
            .map(|((x, y), c)| Shape::new(x, y, c))
            .ok_or_else(|| ModelError::parameter(name, "three positive numbers", value))
    }

    /// The choice that the word of a parameter stands for.
    pub(super) fn word<T: Copy, const N: usize>(
        &self,
        name: &'static str,
        choices: [(&'static str, T); N],
    ) -> Result<T, ModelError> {
        let value = self.required(name)?;
        let chosen = match value {
            Parameter::Word(word) => choices.iter().find(|(own, _)| own == word),
            _ => None,
        };
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let (last, others) = choices
                .map(|(word, _)| word)
                .split_last()
                .map_or(("", String::new()), |(last, others)| {
                    (*last, others.join(", "))
                });
            ModelError::parameter(name, format!("{others} or {last}"), value)
        })
    }
}

/// A positive size.
fn size(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|&size| size > 0)
}
