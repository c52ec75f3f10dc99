//! The choice of a kernel: the first of a table that this host has, that is exact, and that options allow.
//!
//! `docs/engine.md` defines the words.

use super::dense::DenseKernel;
use super::depthwise::DepthwiseKernel;
use super::depthwise_u8::DepthwiseU8Kernel;
use super::kernel::Bounds;
use super::table::Table;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How a plan is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Use this kernel for every operation of its kind. The names are those of [`available_kernels`](crate::available_kernels).
    pub kernel: Option<String>,
    /// Leave out kernels whose names contain one of these, such as `avx512`, `vnni` and `amx`. The portable ones stay.
    pub without: Vec<String>,
}

/// The kernel chosen for an operation, and the kernels declined before it, each with the reason.
pub(crate) struct Selection<K> {
    pub(crate) kernel: K,
    pub(crate) declined: Vec<(&'static str, String)>,
}

/// The first kernel of the table that is available, exact within `bounds` and allowed by `options`.
///
/// A kernel that `options` name is chosen before all others of its table.
///
/// # Errors
///
/// No kernel can be used: every kernel with the reason for which it was declined.
pub(crate) fn select<K: Table>(
    bounds: Bounds,
    options: &PlanOptions,
) -> Result<Selection<K>, Vec<(&'static str, String)>> {
    let named = options.kernel.as_deref();
    let forced = named.filter(|name| K::table().iter().any(|k| k.name() == *name));
    let left_out = |name: &str| {
        options
            .without
            .iter()
            .any(|part| name.contains(part.as_str()))
    };
    let mut declined = Vec::new();
    for kernel in K::table() {
        let name = kernel.name();
        let reason = if forced.is_some_and(|forced| forced != name) {
            Some(String::from("another was asked for"))
        } else if left_out(name) && !name.starts_with("generic") {
            Some(String::from("it was to be left out"))
        } else if !kernel.is_available() {
            Some(String::from("this host does not offer the instructions"))
        } else {
            let drawback = || {
                let slower = kernel.drawback(bounds).filter(|_| forced.is_none())?;
                Some(format!("it is slower where {slower}"))
            };
            kernel.objection(bounds).or_else(drawback)
        };
        match reason {
            Some(reason) => declined.push((name, reason)),
            None => {
                return Ok(Selection {
                    kernel: *kernel,
                    declined,
                });
            }
        }
    }
    Err(declined)
}

/// The names of all kernels that this host can run.
#[must_use]
pub fn available_kernels() -> Vec<&'static str> {
    fn names<K: Table>() -> impl Iterator<Item = &'static str> {
        available::<K>().map(|k| k.name())
    }
    names::<DenseKernel>()
        .chain(names::<DepthwiseKernel>())
        .chain(names::<DepthwiseU8Kernel>())
        .collect()
}

/// Whether a table has a kernel of this name, available or not.
pub(crate) fn exists(name: &str) -> bool {
    fn has<K: Table>(name: &str) -> bool {
        K::table().iter().any(|k| k.name() == name)
    }
    has::<DenseKernel>(name) || has::<DepthwiseKernel>(name) || has::<DepthwiseU8Kernel>(name)
}

/// The available kernels of one table.
pub(crate) fn available<K: Table>() -> impl Iterator<Item = K> {
    K::table().iter().filter(|k| k.is_available()).copied()
}
