//! Convolutions of each channel alone: their kernels, and what a kernel is given.
//!
//! `docs/engine.md` defines the words.

use super::kernel::{Bounds, Kernel, beyond};
use super::positions::Positions;
use super::sum_bytes::{BLOCK, Bytes};
use crate::memory::OutOfMemory;
use alloc::string::String;
use alloc::vec::Vec;

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
    /// The bytes of each position. Positions are [`Bytes::step`] apart. There is at least as much memory as [`Bytes::room`]
    /// says.
    Bytes(&'a Bytes, &'a mut [u8]),
}

impl DepthwiseSink<'_, i16> {
    /// Stores the sums of a position and a block of channels, the portable way. `channels` is the number of all channels.
    #[inline(always)]
    pub(crate) fn store(&mut self, position: usize, channels: usize, block: usize, sums: &[i16]) {
        match self {
            Self::Sums(out) => {
                let first = block * BLOCK;
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
    /// Stores the sums of a position and a block of channels. Sums of 32 bits are never stored as bytes.
    #[inline(always)]
    pub(crate) fn store(&mut self, position: usize, channels: usize, block: usize, sums: &[i32]) {
        if let Self::Sums(out) = self {
            let first = block * BLOCK;
            out[position * channels + first..][..sums.len()].copy_from_slice(sums);
        }
    }
}

/// What a kernel of depthwise convolutions computes in one call: some positions, all channels.
pub(crate) struct DepthwiseCall<'a, T> {
    pub(crate) shape: DepthwiseShape,
    /// The inputs of all windows, and at least [`PADDING`] elements behind the last window.
    pub(crate) input: &'a [u8],
    /// The distance between the rows of a window, in elements.
    pub(crate) run_step: usize,
    pub(crate) positions: Positions,
    /// The weights, packed by the same kernel.
    pub(crate) weights: &'a [i8],
    pub(crate) sink: DepthwiseSink<'a, T>,
}

/// Packs the weights of a depthwise convolution.
pub(crate) type DepthwisePack = fn(DepthwiseShape, Vec<i8>) -> Result<Vec<i8>, OutOfMemory>;
/// Computes the positions of a call.
pub(crate) type DepthwiseRun<T> = fn(DepthwiseCall<'_, T>);

/// One of two things, by the element type of depthwise sums.
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
    /// Packs weights in the order (row, column, channel), in which a window holds its inputs.
    pub(crate) pack: DepthwisePack,
    pub(crate) routine: BySum<DepthwiseRun<i16>, DepthwiseRun<i32>>,
}

impl Kernel for DepthwiseKernel {
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
