//! Output stages: what becomes of a layer's sums, in the fast forms that all kernels share. `docs/engine.md` defines the
//! words.

mod levels;
mod rescaler;

pub(crate) use levels::{Levels, Line, PANEL};
pub(crate) use rescaler::{IntegerLine, Rescaler};

/// What becomes of the sums of a layer.
pub(crate) enum OutputStage {
    /// Nothing: sums are the outputs.
    Raw,
    /// Levels of Akida 1.0.
    Levels(Levels),
    /// Outputs of Akida 2.0.
    Rescaled(Rescaler),
}

impl OutputStage {
    /// The bytes of all parameters.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Raw => 0,
            Self::Levels(levels) => levels.bytes(),
            Self::Rescaled(rescaler) => rescaler.bytes(),
        }
    }
}
