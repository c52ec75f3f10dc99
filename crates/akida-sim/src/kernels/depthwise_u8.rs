//! Depthwise layers of Akida 2.0: bytes times bytes, and outputs made of the sums at once. `docs/engine.md` defines the words.

use super::depthwise::DepthwiseShape;
use super::kernel::{Bounds, Kernel, beyond};
use super::positions::Positions;
use crate::memory::{self, OutOfMemory};
use crate::output::Rescaler;
use crate::run::ValuesMut;
use alloc::string::String;
use alloc::vec::Vec;

/// What a kernel computes in one call: some positions, all channels.
pub(crate) struct DepthwiseU8Call<'a> {
    pub(crate) shape: DepthwiseShape,
    /// The inputs of all windows, and at least [`PADDING`](super::PADDING) elements behind the last window.
    pub(crate) input: &'a [u8],
    /// The distance between the rows of a window, in elements.
    pub(crate) run_step: usize,
    pub(crate) positions: Positions,
    /// What the same kernel has packed.
    pub(crate) packed: &'a PackedDepthwise,
    pub(crate) rescaler: &'a Rescaler,
    /// One output per channel and position.
    pub(crate) outputs: ValuesMut<'a>,
}

/// The weights of a depthwise layer and what sums start from, laid out for a kernel.
pub(crate) struct PackedDepthwise {
    pub(crate) weights: Vec<i8>,
    /// What the sums of each channel start from, and with them what else a kernel needs for each channel.
    pub(crate) parameters: Vec<i32>,
}

impl PackedDepthwise {
    /// The bytes of both.
    pub(crate) fn bytes(&self) -> usize {
        self.weights.len() + 4 * self.parameters.len()
    }
}

/// A layer before it is packed.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "the portable kernel packs less")
)]
pub(crate) struct DepthwiseU8Layer<'a> {
    pub(crate) shape: DepthwiseShape,
    /// The weights in the order (row, column, channel), in which a window holds its inputs.
    pub(crate) weights: &'a [i8],
    /// What the sums of each channel start from.
    pub(crate) start: &'a [i32],
    pub(crate) rescaler: &'a Rescaler,
}

/// A kernel for [`DepthwiseU8Call`].
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseU8Kernel {
    pub(crate) name: &'static str,
    pub(crate) is_available: fn() -> bool,
    /// The largest absolute product of an input and a weight for which the kernel is exact.
    pub(crate) largest_product: u32,
    /// Whether the kernel makes outputs in registers: only bytes, and only by lines in integers.
    pub(crate) in_registers: bool,
    pub(crate) pack: fn(DepthwiseU8Layer<'_>) -> Result<PackedDepthwise, OutOfMemory>,
    pub(crate) run: fn(DepthwiseU8Call<'_>),
}

impl Kernel for DepthwiseU8Kernel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn objection(&self, bounds: Bounds) -> Option<String> {
        match bounds.signed {
            Some(reason) if self.in_registers => Some(String::from(reason)),
            _ => {
                let product = bounds.input.saturating_mul(bounds.weight);
                beyond("products", product, self.largest_product)
            }
        }
    }
}

/// The channels of a block of the portable kernel.
const BLOCK: usize = 16;

pub(super) const GENERIC: DepthwiseU8Kernel = DepthwiseU8Kernel {
    name: "generic-depthwise-u8",
    is_available: || true,
    largest_product: u32::MAX,
    in_registers: false,
    pack: |layer| {
        Ok(PackedDepthwise {
            weights: memory::copied(layer.weights)?,
            parameters: memory::copied(layer.start)?,
        })
    },
    run,
};

/// Goes through positions and blocks of channels. Sums may wrap on their way: a start that has wrapped is brought back.
fn run(call: DepthwiseU8Call<'_>) {
    let DepthwiseShape {
        rows,
        columns,
        channels,
    } = call.shape;
    let mut outputs = call.outputs;
    for start in call.positions.starts() {
        for first in (0..channels).step_by(BLOCK) {
            let width = BLOCK.min(channels - first);
            let mut sums = [0i32; BLOCK];
            sums[..width].copy_from_slice(&call.packed.parameters[first..][..width]);
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let input = start + row * call.run_step + column * channels + first;
                let weights = (row * columns + column) * channels + first;
                let cells = call.input[input..][..width].iter();
                let cells = cells.zip(&call.packed.weights[weights..][..width]);
                for (sum, (&x, &w)) in sums.iter_mut().zip(cells) {
                    *sum = sum.wrapping_add(i32::from(x) * i32::from(w));
                }
            }
            let mut outputs = outputs.take(width);
            call.rescaler.apply(first, &sums[..width], &mut outputs);
        }
    }
}
