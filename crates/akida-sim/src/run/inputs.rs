//! Inputs of a model: integers, or the floats that a quantizer makes integers of.

use super::element::ElementType;
use super::error::RunError;
use super::values::{Values, ValuesRef, check_integers};
use crate::model::Model;
use alloc::vec::Vec;
use core::ops::Range;

/// Borrowed inputs of a model. A slice of `u8`, `i8`, `i16`, `i32` or `f32` is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inputs<'a> {
    /// Integers, in the type of the model's input format.
    Integers(ValuesRef<'a>),
    /// Floats, for a model whose first layer is a `Quantizer`.
    Floats(&'a [f32]),
}

impl<'a> Inputs<'a> {
    /// The number of values.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    /// Whether there are no values.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Pieces of `size` values that follow each other. The last piece may be shorter. `size` is not 0.
    pub(crate) fn chunks(self, size: usize) -> impl ExactSizeIterator<Item = Self> {
        let len = self.len();
        let pieces = 0..len.div_ceil(size);
        pieces.map(move |i| self.slice(i * size..((i + 1) * size).min(len)))
    }

    /// The values of a range. The range lies within the length.
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::Integers(values) => Self::Integers(values.slice(range)),
            Self::Floats(values) => Self::Floats(&values[range]),
        }
    }

    /// The integers; none where the inputs are floats.
    pub(crate) const fn integers(self) -> ValuesRef<'a> {
        match self {
            Self::Integers(values) => values,
            Self::Floats(_) => ValuesRef::U8(&[]),
        }
    }

    /// The floats; none where the inputs are integers.
    pub(crate) const fn floats(self) -> &'a [f32] {
        match self {
            Self::Integers(_) => &[],
            Self::Floats(values) => values,
        }
    }
}

/// Slices, arrays and vectors of integers, and values of them.
macro_rules! integers {
    ($($values:ty),*) => {
        $(impl<'a> From<&'a $values> for Inputs<'a> {
            fn from(values: &'a $values) -> Self {
                Self::Integers(values.into())
            }
        })*
    };
}

integers!(
    [u8],
    [i8],
    [i16],
    [i32],
    Vec<u8>,
    Vec<i8>,
    Vec<i16>,
    Vec<i32>,
    Values
);

macro_rules! arrays {
    ($($element:ty),*) => {
        $(impl<'a, const N: usize> From<&'a [$element; N]> for Inputs<'a> {
            fn from(values: &'a [$element; N]) -> Self {
                Self::Integers(values.into())
            }
        })*
    };
}

arrays!(u8, i8, i16, i32);

impl<'a> From<ValuesRef<'a>> for Inputs<'a> {
    fn from(values: ValuesRef<'a>) -> Self {
        Self::Integers(values)
    }
}

impl<'a> From<&'a [f32]> for Inputs<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::Floats(values)
    }
}

impl<'a> From<&'a Vec<f32>> for Inputs<'a> {
    fn from(values: &'a Vec<f32>) -> Self {
        Self::Floats(values)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Inputs<'a> {
    fn from(values: &'a [f32; N]) -> Self {
        Self::Floats(values)
    }
}

/// Checks inputs of a model: their type, that they are whole samples, and every value.
pub(crate) fn check_inputs(model: &Model, inputs: Inputs<'_>) -> Result<(), RunError> {
    let signal = model.input();
    match (inputs, model.takes_floats()) {
        (Inputs::Integers(_), true) => return Err(RunError::Floats { expected: None }),
        (Inputs::Floats(_), false) => {
            let expected = Some(ElementType::of(signal.format));
            return Err(RunError::Floats { expected });
        }
        _ => {}
    }
    let sample = signal.shape.len();
    match inputs {
        Inputs::Integers(values) => check_integers(signal, values),
        Inputs::Floats(values) if !values.len().is_multiple_of(sample) => Err(RunError::Length {
            received: values.len(),
            sample,
        }),
        Inputs::Floats(values) => match values.iter().position(|value| value.is_nan()) {
            None => Ok(()),
            Some(index) => Err(RunError::NotANumber { index }),
        },
    }
}
