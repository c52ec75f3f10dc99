//! What a kernel is to whoever chooses one. `docs/engine.md` defines the words.

use alloc::format;
use alloc::string::String;

/// What is known of an operation before it is computed: bounds on its values, and its size.
///
/// The bounds on values follow from bit widths and fan-in alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The largest absolute input.
    pub(crate) input: u32,
    /// Why inputs may be negative, or outputs cannot be made in registers; `None` where neither is so.
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
