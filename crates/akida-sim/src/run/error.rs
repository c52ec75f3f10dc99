//! Why a run is refused or stopped.

use super::element::ElementType;
use crate::interrupt::Interrupted;
use crate::memory::OutOfMemory;
use crate::model::Shape;
use alloc::string::String;
use core::fmt;

/// Why a run did not happen or did not finish.
///
/// `{}` shows it with the remedy after a semicolon, `{:#}` without the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The inputs are of another type than the model's.
    Type {
        /// The type received.
        received: ElementType,
        /// The type of the model's inputs.
        expected: ElementType,
    },
    /// The inputs are floats and the model takes integers, or the other way round.
    Floats {
        /// The type of the model's inputs; `None` for floats.
        expected: Option<ElementType>,
    },
    /// An input is no number.
    NotANumber {
        /// The index of the value among all inputs.
        index: usize,
    },
    /// The inputs are not a whole number of samples.
    Length {
        /// The number of values received.
        received: usize,
        /// The number of values of one sample.
        sample: usize,
    },
    /// An input value is outside the format of the model's inputs.
    Value {
        /// The index of the value among all inputs.
        index: usize,
        /// The value.
        received: i64,
        /// The smallest allowed value.
        min: i64,
        /// The largest allowed value.
        max: i64,
    },
    /// The memory does not hold the outputs of all samples, or the maps between layers.
    Memory,
    /// The scratch memory was made by another plan.
    Scratch,
    /// `RunOptions::interrupt` asked to stop.
    Interrupted,
    /// A run that continues a stream was asked of a plan without a session, or with the session of another plan.
    Session,
    /// The samples of a step are not one for each stream of a session.
    Streams {
        /// The number of samples received.
        received: usize,
        /// The number of streams.
        streams: usize,
    },
    /// The bytes of a saved session do not fit the plan.
    SavedSession,
    /// `predict` was called for a model that has no float outputs.
    NotPredictable {
        /// The name of the last layer.
        layer: String,
    },
    /// Classes were asked of a model whose output has more than one position.
    NoClasses {
        /// The name of the last layer.
        layer: String,
        /// The shape of the output.
        shape: Shape,
    },
    /// The outputs cannot be shared out among the classes.
    Classes {
        /// The number of classes received.
        received: usize,
        /// The number of outputs.
        outputs: usize,
    },
}

impl RunError {
    /// The error for values that begin at index `first` of all inputs.
    pub(crate) fn moved(mut self, first: usize) -> Self {
        if let Self::Value { index, .. } | Self::NotANumber { index } = &mut self {
            *index += first;
        }
        self
    }

    /// What to do about the error, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Memory => Some("run fewer inputs at a time"),
            Self::NotPredictable { .. } => Some("use forward for integers"),
            Self::Session => Some("run the session of this plan"),
            Self::Streams { .. } => {
                Some("give one sample for each stream, or reset the session for other streams")
            }
            Self::SavedSession => Some("restore it with the plan of the same model"),
            Self::NoClasses { .. } => {
                Some("use predict or forward, and take the classes of each position")
            }
            Self::Type { .. }
            | Self::Floats { .. }
            | Self::NotANumber { .. }
            | Self::Length { .. }
            | Self::Classes { .. }
            | Self::Value { .. }
            | Self::Scratch
            | Self::Interrupted => None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { received, expected } => write!(
                f,
                "input values must be of type {}, received {}",
                expected.name(),
                received.name()
            ),
            Self::Floats {
                expected: Some(expected),
            } => write!(
                f,
                "input values must be of type {}, received float32",
                expected.name()
            ),
            Self::Floats { expected: None } => {
                f.write_str("input values must be of type float32, received integers")
            }
            Self::NotANumber { index } => {
                write!(
                    f,
                    "input values must be numbers, received NaN at index {index}"
                )
            }
            Self::Session => f.write_str("a model with state must be run by a session of its plan"),
            Self::Streams { received, streams } => write!(
                f,
                "the number of samples of a step must be {streams}, one for each stream, received {received}"
            ),
            Self::SavedSession => {
                f.write_str("a saved session must come from a plan of the same model")
            }
            Self::Length { received, sample } => write!(
                f,
                "the number of input values must be a multiple of {sample}, received {received}"
            ),
            Self::Value {
                index,
                received,
                min,
                max,
            } => write!(
                f,
                "input values must be in {min}..={max}, received {received} at index {index}"
            ),
            Self::Memory => {
                f.write_str("the outputs or the maps of the layers do not fit the memory")
            }
            Self::Scratch => {
                f.write_str("the scratch memory must be made by this plan's scratch()")
            }
            Self::Interrupted => f.write_str("interrupted"),
            Self::NotPredictable { layer } => write!(
                f,
                "layer \"{layer}\": predict needs a Dequantizer, or a last layer of Akida 1.0 without activation"
            ),
            Self::NoClasses { layer, shape } => write!(
                f,
                "layer \"{layer}\": classes need an output of shape (1, 1, C), received ({}, {}, {})",
                shape.x, shape.y, shape.c
            ),
            Self::Classes { received, outputs } => write!(
                f,
                "the number of classes must be 0 or a divisor of {outputs}, the number of outputs, received {received}"
            ),
        }?;
        match self.remedy() {
            Some(remedy) if !f.alternate() => write!(f, "; {remedy}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for RunError {}

impl From<Interrupted> for RunError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<OutOfMemory> for RunError {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}
