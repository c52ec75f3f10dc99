//! Why a model has no plan on this host.

use crate::interrupt::Interrupted;
use alloc::string::String;
use core::fmt;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// The kernel that was asked for cannot be used.
    Kernel {
        /// The name of the kernel.
        kernel: String,
        /// The name of the layer that the kernel cannot be used for; `None` when no layer can use it.
        layer: Option<String>,
        /// Why not.
        reason: String,
    },
    /// The memory does not hold the weights of a layer, unpacked and padded for this host.
    Memory {
        /// The name of the layer.
        layer: String,
        /// How many bytes the system has refused.
        bytes: usize,
    },
    /// The caller asked to stop.
    Interrupted,
}

impl From<Interrupted> for PlanError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel {
                kernel,
                layer,
                reason,
            } => {
                if let Some(layer) = layer {
                    write!(f, "layer \"{layer}\": ")?;
                }
                write!(f, "kernel \"{kernel}\" cannot be used: {reason}")
            }
            Self::Interrupted => f.write_str("interrupted"),
            Self::Memory { layer, bytes } => write!(
                f,
                "layer \"{layer}\": its weights, made ready for this host, do not fit the memory; {bytes} more bytes are needed"
            ),
        }
    }
}

impl core::error::Error for PlanError {}
