//! The choice of a kernel: the first of a table that this host has, that is exact, and that options allow.
//!
//! `docs/engine.md` defines the words.

use super::{DenseKernel, DepthwiseKernel};
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

/// What is known of an operation before it is computed: bounds on its values, and its size.
///
/// The bounds on values follow from bit widths and fan-in alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The largest absolute input.
    pub(crate) input: u32,
    /// Why inputs may be negative; `None` where they are not.
    pub(crate) signed: Option<&'static str>,
    /// The largest absolute weight.
    pub(crate) weight: u32,
    /// The largest absolute sum.
    pub(crate) sum: u32,
    /// The number of inputs that a sum adds up.
    pub(crate) fan_in: usize,
    pub(crate) filters: usize,
    /// The number of positions. Each uses every weight once.
    pub(crate) positions: usize,
}

/// What selection needs to know of a kernel.
pub(crate) trait Kernel: Copy + 'static {
    /// The table of kernels of this kind.
    fn table() -> &'static [Self];
    fn name(&self) -> &'static str;
    fn is_available(&self) -> bool;
    /// Why the kernel would not be exact within `bounds`; `None` where it is.
    fn objection(&self, bounds: Bounds) -> Option<String>;
    /// When the kernel is slower than a later one of the table, if `bounds` are such a case.
    fn drawback(&self, _bounds: Bounds) -> Option<&'static str> {
        None
    }
}

pub(super) fn beyond(what: &str, bound: u32, most: u32) -> Option<String> {
    (bound > most).then(|| format!("{what} reach {bound}, beyond {most}"))
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
pub(crate) fn select<K: Kernel>(
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
            Some(String::from("this host does not offer its instructions"))
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
    fn names<K: Kernel>() -> impl Iterator<Item = &'static str> {
        available::<K>().map(|k| k.name())
    }
    names::<DenseKernel>()
        .chain(names::<DepthwiseKernel>())
        .collect()
}

/// Whether a table has a kernel of this name, available or not.
pub(crate) fn exists(name: &str) -> bool {
    fn has<K: Kernel>(name: &str) -> bool {
        K::table().iter().any(|k| k.name() == name)
    }
    has::<DenseKernel>(name) || has::<DepthwiseKernel>(name)
}

/// The available kernels of one table.
pub(crate) fn available<K: Kernel>() -> impl Iterator<Item = K> {
    K::table().iter().filter(|k| k.is_available()).copied()
}
