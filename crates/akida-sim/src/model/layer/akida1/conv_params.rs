//! Parameters and rules of the three convolutional layers.

use super::activation::{self, check_act_bits, check_filters, stage};
use super::pooling;
use crate::model::connection::{Connection, Signal, check_bound, saturating_macs};
use crate::model::error::ModelError;
use crate::model::format::check_bits;
use crate::model::layer::Parameters;
use crate::model::names::WEIGHTS;
use crate::model::operation::{Channels, Operation, Pooling, WeightOrder, Windows};
use crate::model::shape::{Padding, Pair, Shape, product};
use crate::model::tensor::{WEIGHT_BITS, check_elements, weight_range};
use crate::model::variables::VariableSpec;
use alloc::vec;

/// The words of `padding`.
const PADDINGS: [(&str, Padding); 2] = [("Same", Padding::Same), ("Valid", Padding::Valid)];

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
    /// The size of a kernel: (height, width).
    pub kernel_size: Pair,
    /// Output channels.
    pub filters: usize,
    /// The border of the convolution and of the pooling.
    pub padding: Padding,
    /// The step of the convolution: (along the height, along the width).
    pub kernel_stride: Pair,
    /// Width of the weights: 1, 2, 4 or 8.
    pub weights_bits: u8,
    /// Pooling of the potentials.
    pub pooling: Pooling,
    /// Width of the activation: 1, 2 or 4; `None` for a layer without activation.
    pub act_bits: Option<u8>,
}

impl ConvParams {
    /// `filters` kernels of `kernel_size`, with the documented defaults.
    ///
    /// These are: padding `Same`, a stride of 1, weights of 1 bit, no pooling, an activation of 1 bit.
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

    pub(super) fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let conv = Self {
            kernel_size: parameters.pair("kernel_size")?,
            filters: parameters.number("filters")?,
            padding: parameters.word("padding", PADDINGS)?,
            kernel_stride: parameters.pair("kernel_stride")?,
            weights_bits: parameters.number("weights_bits")?,
            pooling: pooling::of(parameters)?,
            act_bits: None,
        };
        conv.check()?;
        Ok(Self {
            act_bits: activation::of(parameters)?,
            ..conv
        })
    }

    pub(super) fn add_to(&self, parameters: Parameters) -> Parameters {
        let padding = match self.padding {
            // `check` refuses SameUpper.
            Padding::Same | Padding::SameUpper => "Same",
            Padding::Valid => "Valid",
        };
        let parameters = parameters
            .with("kernel_size", self.kernel_size)
            .with("filters", self.filters)
            .with("padding", padding)
            .with("kernel_stride", self.kernel_stride)
            .with("weights_bits", self.weights_bits);
        activation::add_to(pooling::add_to(parameters, self.pooling), self.act_bits)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        self.kernel_size.check("kernel_size")?;
        check_filters("filters", self.filters)?;
        self.kernel_stride.check("kernel_stride")?;
        if self.padding == Padding::SameUpper {
            return Err(ModelError::parameter(
                "padding",
                "Same or Valid",
                "SameUpper",
            ));
        }
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        if let Pooling::Max { size, stride } = self.pooling {
            size.check("pool_size")?;
            stride.check("pool_stride")?;
        }
        check_act_bits(self.act_bits)
    }

    /// The shapes of the potentials before and after pooling.
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

    /// The windows of a layer. Border value, order of weights and channels depend on the layer's type.
    pub(super) const fn windows(
        &self,
        border: u8,
        order: WeightOrder,
        channels: Channels,
    ) -> Windows {
        Windows {
            size: self.kernel_size,
            stride: self.kernel_stride,
            padding: self.padding,
            border: border as i32,
            order,
            channels,
            pooling: self.pooling,
            frames: 1,
            transposed: false,
        }
    }

    /// The connection of a convolution over all channels.
    pub(super) fn connect(
        &self,
        input: Signal,
        border: u8,
        order: WeightOrder,
    ) -> Result<Connection, ModelError> {
        let kernel = self.kernel_size;
        let weights = [kernel.x, kernel.y, input.shape.c, self.filters];
        check_elements(WEIGHTS, weights)?;
        let (potential_shape, output_shape) = self.shapes(input.shape)?;
        let taps = product([kernel.x, kernel.y, input.shape.c]);
        let potential_bound = check_bound(
            "the largest possible potential",
            taps.saturating_mul(self.step_bound(input))
                .saturating_mul(self.summed_positions(potential_shape)),
        )?;
        let (stage, format) = stage(self.act_bits);
        let mut variables = vec![VariableSpec::weights(WEIGHTS, weights, self.weights_bits)];
        variables.extend(VariableSpec::thresholds(self.filters));
        Ok(Connection {
            input,
            operation: Operation::Windows(self.windows(border, order, Channels::All)),
            potential_shape,
            stage,
            output: Signal {
                shape: output_shape,
                format,
            },
            variables,
            depthwise_bound: 0,
            potential_bound,
            macs: saturating_macs([
                potential_shape.positions(),
                kernel.cells(),
                input.shape.c,
                self.filters,
            ]),
        })
    }

    /// The largest |input × weight|.
    pub(super) fn step_bound(&self, input: Signal) -> u128 {
        u128::from(input.format.magnitude()) * self.weight_bound()
    }

    pub(super) fn weight_bound(&self) -> u128 {
        u128::from(weight_range(self.weights_bits).1.unsigned_abs())
    }

    /// G of B5: how many potentials global average pooling adds.
    pub(super) fn summed_positions(&self, potentials: Shape) -> u128 {
        match self.pooling {
            Pooling::GlobalAverage => potentials.positions() as u128,
            Pooling::None | Pooling::Max { .. } => 1,
        }
    }
}
