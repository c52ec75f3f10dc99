//! Parameters and rules that the two layers with a queue share.

use super::conv::{Kernel, WEIGHT_BITS, WITHOUT_TABLE};
use super::post_ops::PostOps;
use crate::model::connection::{Activation, Connection, Signal};
use crate::model::error::ModelError;
use crate::model::format::check_bits;
use crate::model::layer::Parameters;
use crate::model::operation::{Channels, Pooling, WeightOrder, Windows};
use crate::model::shape::{Padding, Pair, Shape};
use alloc::format;

/// The parameters that `BufferTempConv` and `DepthwiseBufferTempConv` share.
///
/// The layer keeps the last maps of a stream in a queue, and convolves along time (`docs/arithmetic-akida2.md`, section H).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporalParams {
    /// The number of maps in the queue, the newest one included: 1 to 1024. The documentation allows 2 to 10.
    pub fifo_size: usize,
    /// What follows the sums.
    pub post_ops: PostOps,
    /// Width of the weights: 2, 4 or 8.
    pub weights_bits: u8,
}

impl TemporalParams {
    /// A queue of `fifo_size` maps, with the documented defaults: a ReLU, 8 bits.
    #[must_use]
    pub const fn new(fifo_size: usize) -> Self {
        Self {
            fifo_size,
            post_ops: PostOps::new(Activation::ReLU),
            weights_bits: 8,
        }
    }

    pub(super) fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            fifo_size: parameters.size("fifo_size")?,
            post_ops: PostOps::of(parameters)?,
            weights_bits: parameters.number("weights_bits")?,
        })
    }

    pub(super) fn add_to(&self, parameters: Parameters) -> Parameters {
        let parameters = parameters.with("fifo_size", self.fifo_size);
        self.post_ops
            .add_to(parameters)
            .with("weights_bits", self.weights_bits)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        const MAX: usize = 1024;
        if !(1..=MAX).contains(&self.fifo_size) {
            let allowed = format!("in 1..={MAX}");
            return Err(ModelError::parameter("fifo_size", allowed, self.fifo_size));
        }
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        self.post_ops.check(&WITHOUT_TABLE)
    }

    pub(super) fn connect(
        &self,
        input: Signal,
        channels: Channels,
        filters: usize,
    ) -> Result<Connection, ModelError> {
        let map = input.shape;
        let queue = Shape::new(map.x, map.y, map.c.saturating_mul(self.fifo_size));
        queue.check("the shape of the queue")?;
        let output = Shape::new(map.x, map.y, filters);
        output.check("the output shape")?;
        let windows = Windows {
            size: Pair::square(1),
            stride: Pair::square(1),
            padding: Padding::Valid,
            border: 0,
            order: WeightOrder::Straight,
            channels,
            pooling: Pooling::None,
            frames: self.fifo_size,
            transposed: false,
        };
        let kernel = Kernel {
            is_image: false,
            has_queue: true,
            weights_bits: self.weights_bits,
            post_ops: self.post_ops,
        };
        kernel.connect(input, windows, output, output)
    }
}
