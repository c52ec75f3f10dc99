use super::{Connection, ConvParams, LayerSpec, Signal};
use crate::model::error::ModelError;

/// A true convolution of levels, the kernel flipped on both spatial axes (`docs/arithmetic.md`, C4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convolutional {
    /// Kernel, pooling and activation.
    pub conv: ConvParams,
}

impl Convolutional {
    pub(super) fn connect(&self, input: Signal) -> Result<Connection, ModelError> {
        self.conv.connect(input)
    }
}

impl From<Convolutional> for LayerSpec {
    fn from(layer: Convolutional) -> Self {
        Self::Convolutional(layer)
    }
}
