//! Compute routines, and the table from which a plan chooses.
//!
//! A kernel is a value: a name, whether this host can run it, what it needs to be exact, how it wants its weights
//! packed, and the routine. Every available kernel is compared with `ops` for equality. Tables are ordered from the
//! fastest to the most general; the last entry of each accepts everything.

mod generic;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A product of windows and filters: each output position sums `rows` runs of `run` consecutive inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DenseShape {
    /// Runs per window: the kernel's height.
    pub(crate) rows: usize,
    /// Consecutive inputs per run: kernel width times channels.
    pub(crate) run: usize,
    /// Output channels.
    pub(crate) filters: usize,
}

/// One row of output positions of a product.
pub(crate) struct DenseCall<'a, T> {
    pub(crate) shape: DenseShape,
    /// The first window's first input, and at least [`PADDING`] readable elements after the last window's last.
    pub(crate) input: &'a [T],
    /// Elements between runs of a window.
    pub(crate) row_step: usize,
    /// Elements between windows of neighbouring positions.
    pub(crate) position_step: usize,
    /// Packed by the same kernel.
    pub(crate) weights: &'a [T],
    /// `filters` potentials per position.
    pub(crate) potentials: &'a mut [i32],
}

/// A convolution of each channel alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DepthwiseShape {
    /// The kernel's height.
    pub(crate) rows: usize,
    /// The kernel's width.
    pub(crate) columns: usize,
    pub(crate) channels: usize,
}

/// One row of output positions of a depthwise convolution.
pub(crate) struct DepthwiseCall<'a, T> {
    pub(crate) shape: DepthwiseShape,
    /// The first window's first input.
    pub(crate) input: &'a [T],
    /// Elements between rows of a window.
    pub(crate) row_step: usize,
    /// Elements between windows of neighbouring positions.
    pub(crate) position_step: usize,
    /// (row, column, channel), in the order of the inputs.
    pub(crate) weights: &'a [T],
    /// `channels` sums per position.
    pub(crate) sums: &'a mut [T],
}

/// Readable elements that an input has after its last window, so that kernels may read in pairs or vectors.
pub(crate) const PADDING: usize = 16;

/// The largest absolute values that meet in an operation, known from bit widths and fan-in alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Of an input.
    pub(crate) input: u32,
    /// Of a sum.
    pub(crate) sum: u32,
}

/// The weight of (row, index in run, filter).
pub(crate) type Weight<'a> = &'a dyn Fn(usize, usize, usize) -> i8;
/// Computes a row of positions of a product.
pub(crate) type DenseRun<T> = fn(DenseCall<'_, T>);
/// Computes a row of positions of a depthwise convolution.
pub(crate) type DepthwiseRun<T> = fn(DepthwiseCall<'_, T>);

/// The routines of a kernel for inputs held as `T`.
#[derive(Clone, Copy)]
pub(crate) struct DenseRoutines<T> {
    pub(crate) pack: fn(DenseShape, Weight<'_>) -> Vec<T>,
    pub(crate) run: DenseRun<T>,
}

/// The element type in which a kernel takes inputs and weights.
#[derive(Clone, Copy)]
pub(crate) enum ByElement<A, B> {
    I16(A),
    I32(B),
}

/// A kernel for [`DenseCall`].
#[derive(Clone, Copy)]
pub(crate) struct DenseKernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    pub(crate) routines: ByElement<DenseRoutines<i16>, DenseRoutines<i32>>,
}

/// A kernel for [`DepthwiseCall`].
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseKernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    pub(crate) routine: ByElement<DepthwiseRun<i16>, DepthwiseRun<i32>>,
}

/// Levels of positions of `filters` channels: (boundaries `[n * filters + f]`, filters, potentials, levels).
pub(crate) type LevelsRun = fn(&[i32], usize, &[i32], &mut [u8]);

/// A kernel that makes levels of potentials.
#[derive(Clone, Copy)]
pub(crate) struct LevelsKernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    pub(crate) run: LevelsRun,
}

/// What selection needs to know of a kernel.
pub(crate) trait Kernel: Copy + 'static {
    /// The table of kernels of this kind.
    fn table() -> &'static [Self];
    fn name(&self) -> &'static str;
    fn is_available(&self) -> bool;
    /// Why the kernel would not be exact within `bounds`, if so.
    fn objection(&self, bounds: Bounds) -> Option<String>;
}

impl Kernel for DenseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_AVX2,
            generic::DENSE_I16,
            generic::DENSE_I32,
        ]
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn objection(&self, bounds: Bounds) -> Option<String> {
        match self.routines {
            ByElement::I16(_) => beyond_i16("inputs", bounds.input),
            ByElement::I32(_) => None,
        }
    }
}

impl Kernel for DepthwiseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_AVX2,
            generic::DEPTHWISE_I16,
            generic::DEPTHWISE_I32,
        ]
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn objection(&self, bounds: Bounds) -> Option<String> {
        match self.routine {
            ByElement::I16(_) => beyond_i16("sums", bounds.sum),
            ByElement::I32(_) => None,
        }
    }
}

impl Kernel for LevelsKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::LEVELS_AVX2,
            generic::LEVELS,
        ]
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn objection(&self, _bounds: Bounds) -> Option<String> {
        None
    }
}

fn beyond_i16(what: &str, bound: u32) -> Option<String> {
    (bound > i16::MAX as u32).then(|| format!("{what} reach {bound}, beyond 16 bits"))
}

/// The kernel chosen for an operation, and those declined before it with the reason.
pub(crate) struct Selection<K> {
    pub(crate) kernel: K,
    pub(crate) declined: Vec<(&'static str, String)>,
}

/// The first kernel of the table that is available and exact within `bounds`, or the one named `forced` when it is of
/// this kind.
///
/// # Errors
///
/// When the forced one cannot be used: every kernel declined with the reason.
pub(crate) fn select<K: Kernel>(
    bounds: Bounds,
    forced: Option<&str>,
) -> Result<Selection<K>, Vec<(&'static str, String)>> {
    let forced = forced.filter(|name| K::table().iter().any(|k| k.name() == *name));
    let mut declined = Vec::new();
    for kernel in K::table() {
        let reason = if forced.is_some_and(|name| name != kernel.name()) {
            Some(String::from("another was asked for"))
        } else if !kernel.is_available() {
            Some(String::from("this processor lacks its instructions"))
        } else {
            kernel.objection(bounds)
        };
        match reason {
            Some(reason) => declined.push((kernel.name(), reason)),
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
    let products = names::<DenseKernel>().chain(names::<DepthwiseKernel>());
    products.chain(names::<LevelsKernel>()).collect()
}

/// Whether a table has a kernel of this name, available or not.
pub(crate) fn exists(name: &str) -> bool {
    fn has<K: Kernel>(name: &str) -> bool {
        K::table().iter().any(|k| k.name() == name)
    }
    has::<DenseKernel>(name) || has::<DepthwiseKernel>(name) || has::<LevelsKernel>(name)
}

/// The available kernels of one table.
pub(crate) fn available<K: Kernel>() -> impl Iterator<Item = K> {
    K::table().iter().filter(|k| k.is_available()).copied()
}
