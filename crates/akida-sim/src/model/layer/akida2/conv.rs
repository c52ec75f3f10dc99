//! Parameters and rules that the layers with kernels share.

use super::post_ops::{PostOps, SHIFTS_LEFT, narrow};
use crate::model::connection::{Activation, Connection, Signal, saturating_macs};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::check_bits;
use crate::model::layer::akida1::check_filters;
use crate::model::layer::{Parameter, Parameters};
use crate::model::names::{INPUT_SHIFT, PADDING_VALUE, WEIGHTS};
use crate::model::operation::{Channels, Operation, Pooling, WeightOrder, Windows};
use crate::model::shape::{Padding, Pair, Shape};
use crate::model::tensor::{WeightShape, check_elements};
use crate::model::variables::VariableSpec;
use alloc::format;
use alloc::vec;

/// The widths of weights of Akida 2.0.
pub(super) const WEIGHT_BITS: &[u8] = &[2, 4, 8];

/// The words of `padding`.
const PADDINGS: [(&str, Padding); 3] = [
    ("Same", Padding::Same),
    ("Valid", Padding::Valid),
    ("SameUpper", Padding::SameUpper),
];

/// The parameters that `InputConv2D`, `Conv2D` and `DepthwiseConv2D` share. All windows are squares.
///
/// # Examples
///
/// ```
/// use akida_sim::{Conv2D, Conv2DParams, Pooling};
///
/// let layer = Conv2D { filters: 32, conv: Conv2DParams { kernel_stride: 2, ..Conv2DParams::new(3) } };
/// assert_eq!(layer.conv.pooling, Pooling::None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2DParams {
    /// The height and width of a kernel.
    pub kernel_size: usize,
    /// The border of the convolution and of the pooling.
    pub padding: Padding,
    /// The step of the convolution along both axes.
    pub kernel_stride: usize,
    /// Pooling. A largest value is taken before the activation, a global average after it.
    pub pooling: Pooling,
    /// What follows the sums.
    pub post_ops: PostOps,
    /// Width of the weights: 2, 4 or 8.
    pub weights_bits: u8,
}

impl Conv2DParams {
    /// Kernels of `kernel_size`, with the documented defaults: padding `Same`, a stride of 1, no pooling, a ReLU, 8 bits.
    #[must_use]
    pub const fn new(kernel_size: usize) -> Self {
        Self {
            kernel_size,
            padding: Padding::Same,
            kernel_stride: 1,
            pooling: Pooling::None,
            post_ops: PostOps::new(Activation::ReLU),
            weights_bits: 8,
        }
    }

    pub(super) fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            kernel_size: parameters.size("kernel_size")?,
            padding: parameters.word("padding", PADDINGS)?,
            kernel_stride: parameters.size("kernel_stride")?,
            pooling: pooling_of(parameters)?,
            post_ops: PostOps::of(parameters)?,
            weights_bits: parameters.number("weights_bits")?,
        })
    }

    pub(super) fn add_to(&self, parameters: Parameters) -> Parameters {
        let padding = match self.padding {
            Padding::Same => "Same",
            Padding::Valid => "Valid",
            Padding::SameUpper => "SameUpper",
        };
        let (kind, size, stride) = match self.pooling {
            Pooling::None => ("NoPooling", WHOLE, WHOLE),
            Pooling::GlobalAverage => ("Average", WHOLE, WHOLE),
            Pooling::Max { size, stride } => ("Max", size.x.into(), stride.x.into()),
        };
        let parameters = parameters
            .with("kernel_size", self.kernel_size)
            .with("padding", padding)
            .with("kernel_stride", self.kernel_stride)
            .with("pool_type", kind)
            .with("pool_size", size)
            .with("pool_stride", stride);
        self.post_ops
            .add_to(parameters)
            .with("weights_bits", self.weights_bits)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        Pair::square(self.kernel_size).check("kernel_size")?;
        Pair::square(self.kernel_stride).check("kernel_stride")?;
        check_bits("weights_bits", self.weights_bits, WEIGHT_BITS)?;
        if let Pooling::Max { size, stride } = self.pooling {
            size.check("pool_size")?;
            stride.check("pool_stride")?;
            for (name, pair) in [("pool_size", size), ("pool_stride", stride)] {
                if pair.x != pair.y {
                    return Err(ModelError::parameter(
                        name,
                        "the same along both axes",
                        pair,
                    ));
                }
            }
            if self.padding == Padding::SameUpper {
                return Err(ModelError::parameter(
                    "padding",
                    "Same or Valid with pool_type Max",
                    "SameUpper",
                ));
            }
        }
        self.post_ops.check(&ALL_ACTIVATIONS)
    }

    /// The connection of a layer with windows on `input`.
    pub(super) fn connect(
        &self,
        input: Signal,
        is_image: bool,
        (order, channels): (WeightOrder, Channels),
        filters: usize,
    ) -> Result<Connection, ModelError> {
        let size = Pair::square(self.kernel_size);
        let stride = Pair::square(self.kernel_stride);
        let conv = self
            .padding
            .output("kernel_size", input.shape, size, stride)?;
        let sums = Shape::new(conv.x, conv.y, filters);
        sums.check("the potentials' shape")?;
        let pooled = match self.pooling {
            Pooling::None => conv,
            Pooling::Max { size, stride } => {
                self.padding.output("pool_size", sums, size, stride)?
            }
            Pooling::GlobalAverage => Pair::square(1),
        };
        let windows = Windows {
            size,
            stride,
            padding: self.padding,
            border: 0,
            order,
            channels,
            pooling: self.pooling,
            frames: 1,
            transposed: false,
        };
        let output = Shape::new(pooled.x, pooled.y, filters);
        let kernel = Kernel {
            is_image,
            has_queue: false,
            weights_bits: self.weights_bits,
            post_ops: self.post_ops,
        };
        kernel.connect(input, windows, sums, output)
    }
}

/// Every activation.
pub(super) const ALL_ACTIVATIONS: [Activation; 3] =
    [Activation::NoActivation, Activation::ReLU, Activation::Lut];
/// The activations of layers without a table.
pub(super) const WITHOUT_TABLE: [Activation; 2] = [Activation::NoActivation, Activation::ReLU];

/// The size of a pooling without windows; as a stride of windows, it means their size.
const WHOLE: Parameter = Parameter::Number(-1);

/// The pooling that `pool_type`, `pool_size` and `pool_stride` describe together.
fn pooling_of(parameters: &Parameters) -> Result<Pooling, ModelError> {
    let absent = Pooling::Max {
        size: Pair::square(0),
        stride: Pair::square(0),
    };
    let kinds = [
        ("NoPooling", Pooling::None),
        ("Max", absent),
        ("Average", Pooling::GlobalAverage),
    ];
    let kind = parameters.word("pool_type", kinds)?;
    if let Pooling::Max { .. } = kind {
        let size = parameters.size("pool_size")?;
        let stride = match parameters.get("pool_stride") {
            Some(&WHOLE) => size,
            _ => parameters.size("pool_stride")?,
        };
        return Ok(Pooling::Max {
            size: Pair::square(size),
            stride: Pair::square(stride),
        });
    }
    for name in ["pool_size", "pool_stride"] {
        if let Some(received) = parameters.get(name)
            && *received != WHOLE
        {
            let error = ModelError::parameter(name, "-1 without pool_type Max", received);
            return Err(error.with_remedy("an average is global, over the whole map"));
        }
    }
    Ok(kind)
}

/// What a layer of windows needs beside its geometry.
pub(super) struct Kernel {
    /// Whether the input is an image. Images have values of border cells, and no shifts of inputs.
    pub(super) is_image: bool,
    /// Whether windows reach over a queue of maps, which may be a queue of one.
    pub(super) has_queue: bool,
    pub(super) weights_bits: u8,
    pub(super) post_ops: PostOps,
}

impl Kernel {
    /// The connection of windows on `input` whose sums and outputs have these shapes.
    pub(super) fn connect(
        &self,
        input: Signal,
        windows: Windows,
        sums: Shape,
        output: Shape,
    ) -> Result<Connection, ModelError> {
        let input = narrow(input)?;
        check_filters("filters", sums.c)?;
        let channels = input.shape.c;
        let Pair { x, y } = windows.size;
        let of_filter = match windows.channels {
            Channels::All => channels,
            Channels::Each | Channels::EachThenAll => 1,
        };
        let weights = match (windows.is_fully_connected(), windows.channels) {
            (true, _) => {
                VariableSpec::matrix(WEIGHTS, input.shape.len(), sums.c, self.weights_bits)
            }
            (false, Channels::All) => {
                let rows = windows.frames.saturating_mul(channels);
                self.kernel([x, y, rows, sums.c])?
            }
            (false, Channels::Each | Channels::EachThenAll) => match self.has_queue {
                true => self.kernel([x, y, windows.frames, channels])?,
                false => self.kernel([x, y, channels, 1])?,
            },
        };
        check_elements(WEIGHTS, weights.weight_shape().unwrap_or_default())?;
        check_terms(weights.count() / sums.c)?;
        let mut variables = vec![weights];
        let name = if self.is_image {
            PADDING_VALUE
        } else {
            INPUT_SHIFT
        };
        variables.push(VariableSpec::vector(name, channels, SHIFTS_LEFT));
        variables.extend(self.post_ops.variables(sums.c));
        Ok(Connection {
            input,
            operation: Operation::Windows(windows),
            potential_shape: sums,
            stage: self.post_ops.stage(),
            output: Signal {
                shape: output,
                format: self.post_ops.format(),
            },
            variables,
            depthwise_bound: 0,
            potential_bound: self.post_ops.bound(),
            macs: saturating_macs([
                // Of a transposed convolution each cell of the map meets the whole kernel.
                match windows.transposed {
                    true => input.shape.positions(),
                    false => sums.positions(),
                },
                windows.size.cells(),
                windows.frames,
                of_filter,
                sums.c,
            ]),
        })
    }

    fn kernel(&self, shape: WeightShape) -> Result<VariableSpec, ModelError> {
        check_elements(WEIGHTS, shape)?;
        Ok(VariableSpec::weights(WEIGHTS, shape, self.weights_bits))
    }
}

/// Refuses sums of more terms than are sure to fit 64 bits (`docs/arithmetic-akida2.md`, M3).
pub(super) fn check_terms(terms: usize) -> Result<(), ModelError> {
    const MOST: usize = 1 << 24;
    if terms <= MOST {
        return Ok(());
    }
    Err(ModelError::new(
        ModelErrorKind::PotentialRange,
        "the number of products in a sum",
        format!("at most {MOST}"),
        terms,
    )
    .with_remedy("use a smaller kernel or fewer channels"))
}

/// Refuses an image layer's input that is not the image which its parameters describe.
pub(in crate::model::layer) fn same_input(
    given: Signal,
    expected: Signal,
) -> Result<Signal, ModelError> {
    if given == expected {
        return Ok(given);
    }
    let word = |signal: Signal| {
        let sign = if signal.format.signed { "int" } else { "uint" };
        format!("{sign}{} of shape {}", signal.format.bits, signal.shape)
    };
    Err(ModelError::new(
        ModelErrorKind::Inbounds,
        "the inbound",
        word(expected),
        word(given),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn pooling_windows_that_parameters_cannot_say_are_refused() {
        let check = |size, stride| {
            let pooling = Pooling::Max { size, stride };
            let conv = Conv2DParams {
                pooling,
                ..Conv2DParams::new(3)
            };
            conv.check().map_err(|error| error.subject().to_owned())
        };
        let (square, other) = (Pair::square(2), Pair::new(2, 3));
        assert_eq!(check(square, square), Ok(()));
        assert_eq!(check(other, square), Err("pool_size".to_owned()));
        assert_eq!(check(square, other), Err("pool_stride".to_owned()));
    }
}
