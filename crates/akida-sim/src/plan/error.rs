use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// The kernel that was asked for cannot be used.
    Kernel {
        /// The kernel.
        kernel: String,
        /// The layer, when it is for one that the kernel cannot be used.
        layer: Option<String>,
        /// Why not.
        reason: String,
    },
    /// The memory does not hold the weights of a layer, unpacked and padded for this host.
    Memory {
        /// The layer.
        layer: String,
        /// The bytes that were asked for at once.
        bytes: usize,
    },
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
            Self::Memory { layer, bytes } => write!(
                f,
                "layer \"{layer}\": its weights, made ready for this host, do not fit the memory; {bytes} more bytes are needed"
            ),
        }
    }
}

impl core::error::Error for PlanError {}

/// Whether the system grants so many bytes as a whole. Few are granted without a question.
pub(super) fn is_granted(bytes: usize) -> bool {
    const FEW: usize = 1 << 20;
    bytes <= FEW || Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}
