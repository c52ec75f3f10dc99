//! Why a run is refused or stopped.

use super::element::ElementType;
use crate::memory::OutOfMemory;
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
    /// `predict` was called for a model whose last layer has an activation.
    NotPredictable {
        /// The name of the last layer.
        layer: String,
    },
}

impl RunError {
    /// What to do about the error, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Memory => Some("run fewer inputs at a time"),
            Self::NotPredictable { .. } => Some("use forward for levels"),
            Self::Type { .. }
            | Self::Length { .. }
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
                "layer \"{layer}\": predict needs a last layer without activation"
            ),
        }?;
        match self.remedy() {
            Some(remedy) if !f.alternate() => write!(f, "; {remedy}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for RunError {}

impl From<OutOfMemory> for RunError {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}
