//! Compute routines, and the tables from which a plan chooses. `docs/engine.md` defines the words.
//!
//! A kernel is a value: a name, whether this host can run it, when it is exact, how it packs weights, and the routine.
//! Every available kernel is compared with `ops` for equality. A table is ordered from the fastest kernel to the most
//! general. The last kernel of a table accepts everything.

/// Repeats a block of code for each `$i` below a constant of at most 8.
///
/// A loop would index sums by a variable. Such sums stay in memory instead of registers.
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
mod depthwise_u8;
mod generic;
mod kernel;
mod positions;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
mod product;
mod select;
mod sum_bytes;
mod table;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use active::{active_levels, active_potentials};
pub(crate) use dense::{
    DenseCall, DenseElements, DenseKernel, DensePack, DenseRoutines, DenseRun, DenseShape, Sink,
    Weight,
};
pub(crate) use depthwise::{
    BySum, DepthwiseCall, DepthwiseKernel, DepthwisePack, DepthwiseRun, DepthwiseShape,
    DepthwiseSink,
};
pub(crate) use depthwise_u8::{
    DepthwiseU8Call, DepthwiseU8Kernel, DepthwiseU8Layer, PackedDepthwise,
};
pub(crate) use kernel::{Bounds, Kernel};
pub(crate) use positions::Positions;
#[cfg(test)]
pub(crate) use select::available;
pub use select::{PlanOptions, available_kernels};
pub(crate) use select::{Selection, exists, select};
pub(crate) use sum_bytes::Bytes;
pub(crate) use table::Table;

/// Elements behind the last window of an input that kernels may read, as they read whole groups or registers.
pub(crate) const PADDING: usize = 64;
/// The most elements of a group. Kernels of products read a run group by group.
pub(crate) const GRAIN: usize = 4;
