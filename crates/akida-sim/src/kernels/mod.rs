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
mod generic;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
mod product;
mod split;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use split::Bytes;

use crate::output::{Levels, PANEL};
use crate::plan::PlanOptions;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// A product of windows and filters: each output position sums `rows` runs of `run` consecutive inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DenseShape {
    /// Runs per window: the kernel's height.
    pub(crate) rows: usize,
    /// Consecutive inputs per run: kernel width times channels.
    pub(crate) run: usize,
    /// The input of the only run from which on most are zero in all positions, a multiple of [`GRAIN`]; the run's length
    /// where nothing is known.
    pub(crate) rare: usize,
    /// Output channels.
    pub(crate) filters: usize,
    /// What the kernel takes from each input.
    pub(crate) offset: u8,
    /// The largest absolute product of what the kernel takes for an input and a weight.
    pub(crate) largest_product: u32,
}

impl DenseShape {
    /// What each filter's sums start from, that they end in sums of inputs and weights; zeros fill up the last panel.
    pub(crate) fn start(self, weight: Weight<'_>) -> Vec<i32> {
        let mut start = vec![0i32; self.filters.next_multiple_of(PANEL)];
        if self.offset > 0 {
            for (row, index) in (0..self.rows).flat_map(|row| (0..self.run).map(move |i| (row, i)))
            {
                for (start, &w) in start.iter_mut().zip(weight(row, index)) {
                    // What passes 32 bits here, sums bring back.
                    *start = start.wrapping_add(i32::from(self.offset) * i32::from(w));
                }
            }
        }
        start
    }
}

/// Where the windows of output positions begin: rows of `columns` positions, some of which the first may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Positions {
    /// The first element of the first row's first window.
    pub(crate) first: usize,
    /// Positions that the first row lacks at its beginning: fewer than `columns`.
    pub(crate) skipped: usize,
    pub(crate) count: usize,
    /// Positions per row.
    pub(crate) columns: usize,
    /// Elements between the first windows of neighbouring rows.
    pub(crate) row_step: usize,
    /// Elements between windows of neighbouring positions of a row.
    pub(crate) step: usize,
}

impl Positions {
    /// The first element of each window.
    pub(crate) fn starts(self) -> impl Iterator<Item = usize> {
        let (mut row, mut column) = (self.first, self.skipped);
        (0..self.count).map(move |_| {
            if column == self.columns {
                (row, column) = (row + self.row_step, 0);
            }
            let start = row + column * self.step;
            column += 1;
            start
        })
    }

    /// Where the first window of each row begins, and which of all positions the row has.
    pub(crate) fn rows(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut begin = 0;
        let mut row = self.first;
        let mut skipped = self.skipped;
        core::iter::from_fn(move || {
            let end = self.count.min(begin + self.columns - skipped);
            let places = begin..end;
            let start = row + skipped * self.step;
            (begin, row, skipped) = (end, row + self.row_step, 0);
            (!places.is_empty()).then_some((start, places))
        })
    }

    /// One more than the largest element that a window begins with, 0 without positions.
    pub(crate) fn end(self) -> usize {
        if self.count == 0 {
            return 0;
        }
        let last = self.skipped + self.count - 1;
        let (row, column) = (last / self.columns, last % self.columns);
        let in_last = row * self.row_step + column * self.step;
        // The row before may reach further than a last row that is not full.
        let before = row.checked_sub(1).map_or(0, |row| {
            row * self.row_step + (self.columns - 1) * self.step
        });
        self.first + in_last.max(before) + 1
    }
}

/// Where results go, `filters` per position.
pub(crate) enum Sink<'a> {
    Potentials(&'a mut [i32]),
    Levels(&'a Levels, &'a mut [u8]),
}

impl<'a> Sink<'a> {
    /// Takes the first `count` results away.
    pub(crate) fn take(&mut self, count: usize) -> Self {
        match core::mem::replace(self, Self::Potentials(&mut [])) {
            Self::Potentials(out) => {
                let (first, rest) = out.split_at_mut(count);
                *self = Self::Potentials(rest);
                Self::Potentials(first)
            }
            Self::Levels(levels, out) => {
                let (first, rest) = out.split_at_mut(count);
                *self = Self::Levels(levels, rest);
                Self::Levels(levels, first)
            }
        }
    }

    /// The same place for results, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Sink<'_> {
        match self {
            Self::Potentials(out) => Sink::Potentials(out),
            Self::Levels(levels, out) => Sink::Levels(levels, out),
        }
    }

    /// Stores the potentials of one position for the filters from `first` on; `place` is that of the first result.
    #[inline(always)]
    pub(crate) fn store(&mut self, place: usize, first: usize, sums: &[i32]) {
        match self {
            Self::Potentials(out) => out[place..][..sums.len()].copy_from_slice(sums),
            Self::Levels(levels, out) => {
                levels.count(first, sums, &mut out[place..][..sums.len()]);
            }
        }
    }
}

/// Output positions of a product.
pub(crate) struct DenseCall<'a, T, W> {
    pub(crate) shape: DenseShape,
    /// The first window's first input, and at least [`PADDING`] readable elements after the last window's last, or none
    /// where runs are a multiple of [`GRAIN`].
    pub(crate) input: &'a [T],
    /// Elements between runs of a window.
    pub(crate) run_step: usize,
    pub(crate) positions: Positions,
    /// Packed by the same kernel: panels of [`PANEL`](crate::output::PANEL) filters, or pairs of such, all of one length.
    pub(crate) weights: &'a [W],
    /// What each filter's sums start from; zeros fill up the last panel.
    pub(crate) start: &'a [i32],
    pub(crate) sink: Sink<'a>,
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

/// Where depthwise sums go.
pub(crate) enum DepthwiseSink<'a, T> {
    /// One sum per channel and position.
    Sums(&'a mut [T]),
    /// The bytes of each position, [`Bytes::step`] apart; at least as many as [`Bytes::room`] says.
    Bytes(&'a Bytes, &'a mut [u8]),
}

impl DepthwiseSink<'_, i16> {
    /// Stores the sums of a position for a block of so many channels, the portable way.
    #[inline(always)]
    pub(crate) fn store(&mut self, position: usize, channels: usize, block: usize, sums: &[i16]) {
        match self {
            Self::Sums(out) => {
                let first = block * split::BLOCK;
                out[position * channels + first..][..sums.len()].copy_from_slice(sums);
            }
            Self::Bytes(bytes, out) => {
                let position = &mut out[position * bytes.step()..];
                bytes.store(block, sums, position);
            }
        }
    }
}

impl DepthwiseSink<'_, i32> {
    /// Stores the sums of a position for a block of so many channels; bytes are made of sums of 16 bits alone.
    #[inline(always)]
    pub(crate) fn store(&mut self, position: usize, channels: usize, block: usize, sums: &[i32]) {
        if let Self::Sums(out) = self {
            let first = block * split::BLOCK;
            out[position * channels + first..][..sums.len()].copy_from_slice(sums);
        }
    }
}

/// Output positions of a depthwise convolution.
pub(crate) struct DepthwiseCall<'a, T> {
    pub(crate) shape: DepthwiseShape,
    /// The first window's first input, and at least [`PADDING`] readable elements after the last window's last.
    pub(crate) input: &'a [u8],
    /// Elements between rows of a window.
    pub(crate) run_step: usize,
    pub(crate) positions: Positions,
    /// Packed by the same kernel.
    pub(crate) weights: &'a [i8],
    pub(crate) sink: DepthwiseSink<'a, T>,
}

/// Readable elements that an input has after its last window, so that kernels may read in groups or vectors.
pub(crate) const PADDING: usize = 64;
/// Kernels of products read runs in groups of at most so many elements.
pub(crate) const GRAIN: usize = 4;

/// The largest absolute weight that is held in 4 bits.
const I4_MAX: u32 = 7;
/// Weights of 4 bits are multiplied as the upper half of a byte, and so as many times too large.
const I4_SCALE: u64 = 16;

/// What is known of an operation before it is computed: its values, from bit widths and fan-in alone, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The largest absolute input.
    pub(crate) input: u32,
    /// Whether inputs may be negative.
    pub(crate) signed: bool,
    /// The largest absolute weight.
    pub(crate) weight: u32,
    /// The largest absolute sum.
    pub(crate) sum: u32,
    /// Inputs of a sum.
    pub(crate) fan_in: usize,
    pub(crate) filters: usize,
    /// Positions at which every weight is used for an input.
    pub(crate) positions: usize,
}

/// The weights of all filters for (row, index in run).
pub(crate) type Weight<'a> = &'a dyn Fn(usize, usize) -> &'a [i8];
/// Computes positions of a product.
pub(crate) type DenseRun<T, W> = fn(DenseCall<'_, T, W>);
/// Packs the weights of a depthwise convolution.
pub(crate) type DepthwisePack = fn(DepthwiseShape, Vec<i8>) -> Vec<i8>;
/// Computes positions of a depthwise convolution.
pub(crate) type DepthwiseRun<T> = fn(DepthwiseCall<'_, T>);

/// The routines of a kernel for inputs held as `T` and weights as `W`.
#[derive(Clone, Copy)]
pub(crate) struct DenseRoutines<T, W> {
    pub(crate) pack: fn(DenseShape, Weight<'_>) -> Vec<W>,
    pub(crate) run: DenseRun<T, W>,
}

/// The routines of a product, by the elements that they take.
#[derive(Clone, Copy)]
pub(crate) enum DenseElements {
    U8(DenseRoutines<u8, i8>),
    /// Weights of 4 bits, two to a byte.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only x86-64 has such a kernel")
    )]
    U8I4(DenseRoutines<u8, i8>),
    I16(DenseRoutines<i16, i16>),
    I32(DenseRoutines<i32, i32>),
}

/// A kernel for [`DenseCall`].
#[derive(Clone, Copy)]
pub(crate) struct DenseKernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    /// Whether it multiplies signed bytes: where inputs go beyond them, it takes these less 128.
    pub(crate) signed_bytes: bool,
    /// The largest product of what it takes for an input and a weight for which the kernel is exact.
    pub(crate) largest_product: u32,
    pub(crate) elements: DenseElements,
}

/// The element type of depthwise sums.
#[derive(Clone, Copy)]
pub(crate) enum BySum<A, B> {
    I16(A),
    I32(B),
}

/// A kernel for [`DepthwiseCall`].
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseKernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    /// Packs weights for (row, column, channel), in the order of the inputs.
    pub(crate) pack: DepthwisePack,
    pub(crate) routine: BySum<DepthwiseRun<i16>, DepthwiseRun<i32>>,
}

/// What selection needs to know of a kernel.
pub(crate) trait Kernel: Copy + 'static {
    /// The table of kernels of this kind.
    fn table() -> &'static [Self];
    fn name(&self) -> &'static str;
    fn is_available(&self) -> bool;
    /// Why the kernel would not be exact within `bounds`, if so.
    fn objection(&self, bounds: Bounds) -> Option<String>;
    /// Why the kernel would be slower than one after it in the table, if so.
    fn drawback(&self, _bounds: Bounds) -> Option<String> {
        None
    }
}

impl DenseKernel {
    /// A product of inputs and weights within `bounds`.
    pub(crate) fn shape(&self, bounds: Bounds, [rows, run, filters]: [usize; 3]) -> DenseShape {
        let offset = match self.signed_bytes && bounds.input > i8::MAX as u32 {
            true => 128,
            false => 0,
        };
        // Less an offset, inputs are in −offset..=127.
        let input = if offset > 0 {
            offset.into()
        } else {
            bounds.input
        };
        DenseShape {
            rows,
            run,
            rare: run,
            filters,
            offset,
            largest_product: input.saturating_mul(bounds.weight),
        }
    }
}

/// Positions from which on reading weights takes less time than multiplying them.
const MANY: usize = 8;
/// Bytes of weights that stay in the cache nearest to a core.
const NEAR: usize = 1 << 15;

impl Kernel for DenseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8I4_VNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_AMX,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_VNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_VNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_AVXVNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_AVXVNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_AVX2,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_AVX2,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_I8MM,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_DOTPROD,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_NEON,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_I16_NEON,
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
        match self.elements {
            DenseElements::U8(_) | DenseElements::U8I4(_) if bounds.signed => {
                Some(String::from("inputs are signed sums"))
            }
            DenseElements::U8I4(_) => {
                let product = u64::from(bounds.input) * u64::from(bounds.weight);
                let sum = (bounds.fan_in as u64).saturating_mul(I4_SCALE * product);
                let most = i32::MAX as u64;
                let reach = || format!("{I4_SCALE} times the sums is beyond 32 bits");
                beyond("weights", bounds.weight, I4_MAX).or_else(|| (sum > most).then(reach))
            }
            DenseElements::U8(_) => {
                let (product, most) = (
                    self.shape(bounds, [1; 3]).largest_product,
                    self.largest_product,
                );
                beyond("products", product, most)
            }
            DenseElements::I16(_) => beyond("inputs", bounds.input, i16::MAX as u32),
            DenseElements::I32(_) => None,
        }
    }

    fn drawback(&self, bounds: Bounds) -> Option<String> {
        let DenseElements::U8I4(_) = self.elements else {
            return None;
        };
        if bounds.positions >= MANY {
            Some(String::from("weights are used at many positions"))
        } else if bounds.fan_in * bounds.filters <= NEAR {
            Some(String::from("weights are few"))
        } else {
            None
        }
    }
}

impl Kernel for DepthwiseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_AVX512,
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_AVX2,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DEPTHWISE_NEON,
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
            BySum::I16(_) => beyond("sums", bounds.sum, i16::MAX as u32),
            BySum::I32(_) => None,
        }
    }
}

fn beyond(what: &str, bound: u32, most: u32) -> Option<String> {
    (bound > most).then(|| format!("{what} reach {bound}, beyond {most}"))
}

/// The kernel chosen for an operation, and those declined before it with the reason.
pub(crate) struct Selection<K> {
    pub(crate) kernel: K,
    pub(crate) declined: Vec<(&'static str, String)>,
}

/// The first kernel of the table that is available, exact within `bounds` and allowed by `options`; the one named there
/// when it is of this kind.
///
/// # Errors
///
/// When that one cannot be used: every kernel declined with the reason.
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
            Some(String::from(
                "this processor lacks its instructions, or its system refuses them",
            ))
        } else {
            let drawback = || kernel.drawback(bounds).filter(|_| forced.is_none());
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
