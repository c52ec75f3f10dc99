use alloc::string::String;
use alloc::vec::Vec;

/// The kernel that a plan uses for one operation of a layer, and why not another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelChoice {
    /// The layer.
    pub layer: String,
    /// The kernel's name.
    pub kernel: &'static str,
    /// Kernels that come before it in the table, each with the reason for which it was declined.
    pub declined: Vec<(&'static str, String)>,
}
