//! Products of windows and filters: their kernels, and what a kernel is given. `docs/engine.md` defines the words.

use super::kernel::{Bounds, Kernel, beyond};
use super::positions::Positions;
use crate::memory::{self, OutOfMemory};
use crate::output::{Levels, PANEL, Rescaler};
use crate::run::ValuesMut;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A product of windows and filters. A window has `rows` runs of `run` consecutive inputs each.
///
/// # Example
///
/// A kernel of 3x3 cells reads 8 channels: `rows` is 3 and `run` is 3 · 8 = 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DenseShape {
    /// The number of runs of a window: the kernel's height.
    pub(crate) rows: usize,
    /// The number of inputs of a run: the kernel's width times the channels.
    pub(crate) run: usize,
    /// The index of the first rare input. From there on, most inputs of the only run are zero at all positions.
    ///
    /// It is a multiple of [`GRAIN`]. It is the run's length where no input is known to be rare.
    pub(crate) rare: usize,
    /// The number of output channels.
    pub(crate) filters: usize,
    /// What the kernel subtracts from each input: 0 or 128.
    pub(crate) offset: u8,
    /// The largest absolute input, less the offset.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only a kernel of x86-64 asks")
    )]
    pub(crate) largest_input: u32,
    /// The largest absolute product of an input, less the offset, and a weight.
    pub(crate) largest_product: u32,
}

impl DenseShape {
    /// What the sums of each filter start from, so that an offset changes no potential. Zeros fill up the last panel.
    ///
    /// # Example
    ///
    /// Inputs 200 and 3 meet the weights 2 and −1: the potential is 397. With the offset 128 the kernel adds
    /// (200 − 128) · 2 + (3 − 128) · (−1) = 269. The start 128 · (2 − 1) = 128 makes 397 of it.
    pub(crate) fn start(self, weight: Weight<'_>) -> Result<Vec<i32>, OutOfMemory> {
        let mut start = memory::filled(0i32, self.filters.next_multiple_of(PANEL))?;
        if self.offset > 0 {
            for (row, index) in (0..self.rows).flat_map(|row| (0..self.run).map(move |i| (row, i)))
            {
                for (start, &w) in start.iter_mut().zip(weight(row, index)) {
                    // A start that wraps at 32 bits is brought back by the sum, which wraps the other way.
                    *start = start.wrapping_add(i32::from(self.offset) * i32::from(w));
                }
            }
        }
        Ok(start)
    }
}

/// Where results go: for each position as many as there are filters.
pub(crate) enum Sink<'a> {
    Potentials(&'a mut [i32]),
    Levels(&'a Levels, &'a mut [u8]),
    Rescaled(&'a Rescaler, ValuesMut<'a>),
}

impl<'a> Sink<'a> {
    /// Splits off the place of the first `count` results.
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
            Self::Rescaled(rescaler, mut out) => {
                let first = out.take(count);
                *self = Self::Rescaled(rescaler, out);
                Self::Rescaled(rescaler, first)
            }
        }
    }

    /// The same place for results, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Sink<'_> {
        match self {
            Self::Potentials(out) => Sink::Potentials(out),
            Self::Levels(levels, out) => Sink::Levels(levels, out),
            Self::Rescaled(rescaler, out) => Sink::Rescaled(rescaler, out.reborrow()),
        }
    }

    /// Stores the potentials of one position for the filters from `first` on. `place` is the index of the first result.
    #[inline(always)]
    pub(crate) fn store(&mut self, place: usize, first: usize, sums: &[i32]) {
        match self {
            Self::Potentials(out) => out[place..][..sums.len()].copy_from_slice(sums),
            Self::Levels(levels, out) => {
                levels.count(first, sums, &mut out[place..][..sums.len()]);
            }
            Self::Rescaled(rescaler, out) => {
                let mut out = out.reborrow().slice(place..place + sums.len());
                rescaler.apply(first, sums, &mut out);
            }
        }
    }
}

/// What a kernel of products computes in one call: some positions, all filters.
pub(crate) struct DenseCall<'a, T, W> {
    pub(crate) shape: DenseShape,
    /// The inputs of all windows, and at least [`PADDING`] elements behind the last window.
    ///
    /// The elements behind it may be missing where the length of a run is a multiple of [`GRAIN`].
    pub(crate) input: &'a [T],
    /// The distance between the runs of a window, in elements.
    pub(crate) run_step: usize,
    pub(crate) positions: Positions,
    /// The weights, packed by the same kernel: panels of [`PANEL`](crate::output::PANEL) filters, or pairs of panels. All
    /// have the same length.
    pub(crate) weights: &'a [W],
    /// What the sums of each filter start from. Zeros fill up the last panel.
    pub(crate) start: &'a [i32],
    pub(crate) sink: Sink<'a>,
}

/// The weights of all filters for an input, which is given by its run and its index in the run.
pub(crate) type Weight<'a> = &'a dyn Fn(usize, usize) -> &'a [i8];
/// Computes the positions of a call.
pub(crate) type DenseRun<T, W> = fn(DenseCall<'_, T, W>);

/// Packs weights in the order in which the routine reads them.
pub(crate) type DensePack<W> = fn(DenseShape, Weight<'_>) -> Result<Vec<W>, OutOfMemory>;

/// The routines of a kernel that takes inputs as `T` and weights as `W`.
#[derive(Clone, Copy)]
pub(crate) struct DenseRoutines<T, W> {
    pub(crate) pack: DensePack<W>,
    pub(crate) run: DenseRun<T, W>,
}

/// The routines of a kernel, by the elements that they take.
#[derive(Clone, Copy)]
pub(crate) enum DenseElements {
    U8(DenseRoutines<u8, i8>),
    /// A byte holds two weights of 4 bits.
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
    /// Whether the kernel multiplies signed bytes. Inputs beyond 127 then have an offset of 128.
    pub(crate) signed_bytes: bool,
    /// The largest absolute product for which the kernel is exact.
    pub(crate) largest_product: u32,
    pub(crate) elements: DenseElements,
}

impl DenseKernel {
    /// The shape of a product for this kernel, where inputs and weights are within `bounds`.
    pub(crate) fn shape(&self, bounds: Bounds, [rows, run, filters]: [usize; 3]) -> DenseShape {
        let offset = match self.signed_bytes && bounds.input > i8::MAX as u32 {
            true => 128,
            false => 0,
        };
        // Inputs less the offset lie in −128 ..= 127.
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
            largest_input: input,
            largest_product: input.saturating_mul(bounds.weight),
        }
    }
}

/// The largest absolute weight that 4 bits hold.
const I4_MAX: u32 = 7;
/// A weight of 4 bits is multiplied as the upper half of a byte. So its products are this many times too large.
const I4_SCALE: u64 = 16;

/// With at least so many positions, reading the weights takes less time than multiplying them.
const MANY: usize = 8;
/// The bytes of weights that stay in the cache nearest to a core.
const NEAR: usize = 1 << 15;

impl Kernel for DenseKernel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn objection(&self, bounds: Bounds) -> Option<String> {
        match (self.elements, bounds.signed) {
            (DenseElements::U8(_) | DenseElements::U8I4(_), Some(reason)) => {
                Some(String::from(reason))
            }
            (DenseElements::U8I4(_), None) => {
                let product = u64::from(bounds.input) * u64::from(bounds.weight);
                let sum = (bounds.fan_in as u64).saturating_mul(I4_SCALE * product);
                let most = i32::MAX as u64;
                let reach = || format!("{I4_SCALE} times the sums is beyond 32 bits");
                beyond("weights", bounds.weight, I4_MAX).or_else(|| (sum > most).then(reach))
            }
            (DenseElements::U8(_), None) => {
                let (product, most) = (
                    self.shape(bounds, [1; 3]).largest_product,
                    self.largest_product,
                );
                beyond("products", product, most)
            }
            (DenseElements::I16(_), _) => beyond("inputs", bounds.input, i16::MAX as u32),
            (DenseElements::I32(_), _) => None,
        }
    }

    fn drawback(&self, bounds: Bounds) -> Option<&'static str> {
        let DenseElements::U8I4(_) = self.elements else {
            return None;
        };
        if bounds.positions >= MANY {
            Some("weights are used at many positions")
        } else if bounds.fan_in * bounds.filters <= NEAR {
            Some("weights are few")
        } else {
            None
        }
    }
}
