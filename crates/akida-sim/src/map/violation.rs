//! A broken limit of a chip.

use crate::Layer;
use crate::device::{Limit, Standing};
use alloc::string::{String, ToString};
use core::fmt;

/// The name of the rule that a device runs layers of its own generation alone.
pub(super) const GENERATION: &str = "generation";

/// What a violation does to the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The layer cannot run on the chip. Software runs it, or mapping is refused where hardware alone is asked for.
    Software,
    /// The layer cannot be programmed, and mapping is refused: a value does not fit its register, or the layer is one of
    /// another generation.
    Refused,
    /// A potential could leave its register for some inputs, which may never occur. Mapping goes on and says so.
    Possible,
}

impl Effect {
    /// `"software"`, `"refused"` or `"possible"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Refused => "refused",
            Self::Possible => "possible",
        }
    }
}

/// A limit of a chip that a layer breaks: what was received, what is allowed, who says so, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The name of the layer.
    pub layer: String,
    /// The stable name of the rule, e.g. `"kernel_size"`.
    pub rule: &'static str,
    /// What was received, in words.
    pub received: String,
    /// What is allowed, in words.
    pub allowed: String,
    /// Where the limit comes from.
    pub source: &'static str,
    /// How well the limit is known.
    pub standing: Standing,
    /// What the violation does to the mapping.
    pub effect: Effect,
    /// The smallest change that helps.
    pub remedy: String,
}

impl Violation {
    /// A layer that breaks a limit of the device data.
    pub(super) fn of(
        layer: &Layer,
        limit: &Limit,
        effect: Effect,
        received: String,
        remedy: String,
    ) -> Self {
        Self {
            layer: layer.name().to_string(),
            rule: limit.rule,
            received,
            allowed: limit.allowed.to_string(),
            source: limit.source,
            standing: limit.standing,
            effect,
            remedy,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layer, received) = (&self.layer, &self.received);
        match self.effect {
            Effect::Refused if self.rule != GENERATION => {
                write!(f, "Error when programming layer '{layer}': {received}")?;
            }
            Effect::Refused | Effect::Software => write!(
                f,
                "layer {layer:?}: {} must be {}, received {received}",
                self.rule, self.allowed
            )?,
            Effect::Possible => write!(
                f,
                "layer {layer:?}: {} could leave the range of {}: {received}",
                self.rule, self.allowed
            )?,
        }
        write!(f, "; {}", self.remedy)
    }
}
