//! Parameters and rules that the two transposed convolutions share.

use super::conv::{ALL_ACTIVATIONS, Kernel, WEIGHT_BITS};
use super::post_ops::PostOps;
use crate::model::connection::{Activation, Connection, Signal};
use crate::model::error::ModelError;
use crate::model::format::check_bits;
use crate::model::layer::Parameters;
use crate::model::operation::{Channels, Pooling, WeightOrder, Windows};
use crate::model::shape::{Padding, Pair, Shape};

/// The parameters that `Conv2DTranspose` and `DepthwiseConv2DTranspose` share.
///
/// Height and width of the output are twice those of the input (`docs/arithmetic-akida2.md`, section C).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransposedParams {
    /// The height and width of a kernel: 3 or 4.
    pub kernel_size: usize,
    /// What follows the sums.
    pub post_ops: PostOps,
    /// Width of the weights: 2, 4 or 8.
    pub weights_bits: u8,
}

impl TransposedParams {
    /// Kernels of `kernel_size`, with the documented defaults: a ReLU, 8 bits.
    #[must_use]
    pub const fn new(kernel_size: usize) -> Self {
        Self {
            kernel_size,
            post_ops: PostOps::new(Activation::ReLU),
            weights_bits: 8,
        }
    }

    pub(super) fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            kernel_size: parameters.size("kernel_size")?,
            post_ops: PostOps::of(parameters)?,
            weights_bits: parameters.number("weights_bits")?,
        })
    }

    pub(super) fn add_to(&self, parameters: Parameters) -> Parameters {
        let parameters = parameters.with("kernel_size", self.kernel_size);
        self.post_ops
            .add_to(parameters)
            .with("weights_bits", self.weights_bits)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        if ![3, 4].contains(&self.kernel_size) {
            return Err(ModelError::parameter(
                "kernel_size",
                "3 or 4",
                self.kernel_size,
            ));
        }
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        self.post_ops.check(&ALL_ACTIVATIONS)
    }

    pub(super) fn connect(
        &self,
        input: Signal,
        channels: Channels,
        filters: usize,
    ) -> Result<Connection, ModelError> {
        let twice = |size: usize| size.saturating_mul(2);
        let output = Shape::new(twice(input.shape.x), twice(input.shape.y), filters);
        output.check("the output shape")?;
        let windows = Windows {
            size: Pair::square(self.kernel_size),
            stride: Pair::square(2),
            padding: Padding::Same,
            border: 0,
            order: WeightOrder::Straight,
            channels,
            pooling: Pooling::None,
            frames: 1,
            transposed: true,
        };
        let kernel = Kernel {
            is_image: false,
            has_queue: false,
            weights_bits: self.weights_bits,
            post_ops: self.post_ops,
        };
        kernel.connect(input, windows, output, output)
    }
}
