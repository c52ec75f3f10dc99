use super::super::bits;
use super::{Connection, Output, Signal, check_bound};
use crate::model::error::ModelError;
use crate::model::shape::{Padding, Pair, Shape, product};
use crate::model::tensor::check_elements;

/// Pooling of potentials (`docs/arithmetic.md`, section D).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// No pooling.
    None,
    /// Largest potential of each window; cells outside the map are left out.
    Max {
        /// The window: (height, width).
        size: Pair,
        /// The step between windows: (along the height, along the width).
        stride: Pair,
    },
    /// The sum of the whole map.
    GlobalAverage,
}

/// The parameters that the three convolutional layers share.
///
/// # Examples
///
/// ```
/// use akida_sim::{ConvParams, Convolutional, Padding, Pair, Pooling};
///
/// let conv = ConvParams {
///     weights_bits: 4,
///     pooling: Pooling::Max { size: Pair::square(2), stride: Pair::square(2) },
///     act_bits: Some(4),
///     ..ConvParams::new(Pair::square(3), 16)
/// };
/// assert_eq!(conv.padding, Padding::Same);
/// let layer = Convolutional { conv };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvParams {
    /// Kernel: (height, width).
    pub kernel_size: Pair,
    /// Output channels.
    pub filters: usize,
    /// Border of the convolution and of the pooling.
    pub padding: Padding,
    /// Step of the convolution: (along the height, along the width).
    pub kernel_stride: Pair,
    /// Width of the weights: 1, 2, 4 or 8.
    pub weights_bits: u8,
    /// Pooling of the potentials.
    pub pooling: Pooling,
    /// Width of the activation: 1, 2 or 4; `None` for a layer without activation.
    pub act_bits: Option<u8>,
}

impl ConvParams {
    /// `filters` kernels of `kernel_size` with the documented defaults: padding `Same`, stride 1, 1-bit weights,
    /// no pooling, 1-bit activation.
    #[must_use]
    pub const fn new(kernel_size: Pair, filters: usize) -> Self {
        Self {
            kernel_size,
            filters,
            padding: Padding::Same,
            kernel_stride: Pair::square(1),
            weights_bits: 1,
            pooling: Pooling::None,
            act_bits: Some(1),
        }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        self.kernel_size.check("kernel_size")?;
        check_filters("filters", self.filters)?;
        self.kernel_stride.check("kernel_stride")?;
        bits::check("weights_bits", self.weights_bits, bits::WEIGHT_BITS)?;
        if let Pooling::Max { size, stride } = self.pooling {
            size.check("pool_size")?;
            stride.check("pool_stride")?;
        }
        check_act_bits(self.act_bits)
    }

    pub(super) fn output(&self) -> Output {
        output(self.act_bits)
    }

    /// The shapes before and after pooling.
    pub(super) fn shapes(&self, input: Shape) -> Result<(Shape, Shape), ModelError> {
        let conv =
            self.padding
                .output("kernel_size", input, self.kernel_size, self.kernel_stride)?;
        let potentials = Shape::new(conv.x, conv.y, self.filters);
        potentials.check("the potentials' shape")?;
        let pooled = match self.pooling {
            Pooling::None => conv,
            Pooling::Max { size, stride } => {
                self.padding.output("pool_size", potentials, size, stride)?
            }
            Pooling::GlobalAverage => Pair::square(1),
        };
        Ok((potentials, Shape::new(pooled.x, pooled.y, self.filters)))
    }

    /// Connects a convolution over all channels.
    pub(super) fn connect(&self, input: Signal) -> Result<Connection, ModelError> {
        let kernel = self.kernel_size;
        let weights = [kernel.x, kernel.y, input.shape.c, self.filters];
        check_elements("weights", weights)?;
        let (potential_shape, output_shape) = self.shapes(input.shape)?;
        let taps = product([kernel.x, kernel.y, input.shape.c]);
        let bound = check_bound(
            "the largest possible potential",
            taps.saturating_mul(self.step_bound(input.bits))
                .saturating_mul(self.summed_positions(potential_shape)),
        )?;
        Ok(Connection {
            input_shape: input.shape,
            input_bits: input.bits,
            potential_shape,
            output_shape,
            output: self.output(),
            weights: Some(weights),
            weights_pw: None,
            depthwise_bound: 0,
            potential_bound: bound,
            macs: saturating_macs([
                potential_shape.positions(),
                kernel.cells(),
                input.shape.c,
                self.filters,
            ]),
        })
    }

    /// The largest |input × weight|.
    pub(super) fn step_bound(&self, input_bits: u8) -> u128 {
        u128::from(bits::max_level(input_bits)) * self.weight_bound()
    }

    pub(super) fn weight_bound(&self) -> u128 {
        u128::from(bits::weight_range(self.weights_bits).1.unsigned_abs())
    }

    /// G of B5: how many potentials global average pooling adds.
    pub(super) fn summed_positions(&self, potentials: Shape) -> u128 {
        match self.pooling {
            Pooling::GlobalAverage => potentials.positions() as u128,
            Pooling::None | Pooling::Max { .. } => 1,
        }
    }
}

pub(super) fn check_filters(subject: &'static str, filters: usize) -> Result<(), ModelError> {
    const MAX: usize = 1 << 24;
    if (1..=MAX).contains(&filters) {
        return Ok(());
    }
    Err(ModelError::parameter(
        subject,
        alloc::format!("in 1..={MAX}"),
        filters,
    ))
}

pub(super) fn check_act_bits(act_bits: Option<u8>) -> Result<(), ModelError> {
    match act_bits {
        None => Ok(()),
        Some(act_bits) => bits::check("act_bits", act_bits, bits::LEVEL_BITS),
    }
}

pub(super) fn output(act_bits: Option<u8>) -> Output {
    match act_bits {
        Some(bits) => Output::Levels { bits },
        None => Output::Potentials,
    }
}

pub(super) fn saturating_macs<const N: usize>(factors: [usize; N]) -> u64 {
    u64::try_from(product(factors)).unwrap_or(u64::MAX)
}
