//! What a plan tells about its choice of kernels. `docs/engine.md` defines the words.

use alloc::string::String;
use alloc::vec::Vec;

/// The kernel that a plan has chosen for a product of a layer or for its depthwise sums, and why no earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelChoice {
    /// The name of the layer.
    pub layer: String,
    /// The name of the kernel.
    pub kernel: &'static str,
    /// The kernels before it in the table, each with the reason against it.
    pub declined: Vec<(&'static str, String)>,
}
