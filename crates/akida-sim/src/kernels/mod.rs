//! Compute routines, and the table from which a plan chooses.
//!
//! A kernel is a value: a name, whether this host can run it, what it needs to be exact, how it wants its weights
//! packed, and the routine. Every available kernel is compared with `ops` for equality. Tables are ordered from the
//! fastest to the most general; the last entry of each accepts everything.

/// Repeats a block for each `$i` below a constant of at most 8. A loop would index sums by a variable, and so keep them in
/// memory instead of registers.
macro_rules! unrolled {
    ($i:ident < $count:expr => $body:block) => {
        unrolled!($i, $count, $body, 0, 1, 2, 3, 4, 5, 6, 7)
    };
    ($i:ident, $count:expr, $body:block, $($index:literal),*) => {
        $(if $index < $count {
            let $i = $index;
            $body
        })*
    };
}

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
mod active;
mod dense;
mod depthwise;
mod generic;
mod positions;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
mod product;
mod select;
mod split;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use active::{active_levels, active_potentials};
pub(crate) use dense::{
    DenseCall, DenseElements, DenseKernel, DenseRoutines, DenseRun, DenseShape, Sink, Weight,
};
pub(crate) use depthwise::{
    BySum, DepthwiseCall, DepthwiseKernel, DepthwisePack, DepthwiseRun, DepthwiseShape,
    DepthwiseSink,
};
pub(crate) use positions::Positions;
#[cfg(test)]
pub(crate) use select::available;
pub(crate) use select::{Bounds, Kernel, Selection, exists, select};
pub use select::{PlanOptions, available_kernels};
pub(crate) use split::Bytes;

/// Readable elements that an input has after its last window, so that kernels may read in groups or vectors.
pub(crate) const PADDING: usize = 64;
/// Kernels of products read runs in groups of at most so many elements.
pub(crate) const GRAIN: usize = 4;
