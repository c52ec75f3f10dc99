//! The model: layers, their parameters and variables, and the rules that every model obeys.

mod accumulators;
mod builder;
mod connection;
mod error;
mod format;
mod input_scaling;
mod ip_version;
mod layer;
#[expect(clippy::module_inception, reason = "the file of the type Model")]
mod model;
pub(crate) mod names;
mod operation;
mod packed;
mod reach;
mod reach_error;
mod running_sums;
mod shape;
pub(crate) mod shifts;
#[cfg(test)]
pub(crate) mod steps;
mod tensor;
mod variables;

pub use builder::{MAX_INBOUNDS, MAX_LAYERS, ModelBuilder};
pub(crate) use connection::LEVEL_BITS;
pub use connection::{Activation, Connection, Rescale, Signal, Stage};
pub use error::{ModelError, ModelErrorKind};
pub use format::Format;
pub use input_scaling::InputScaling;
pub use ip_version::IpVersion;
pub use layer::akida1::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, SeparableConvolutional,
};
pub use layer::akida2::{
    Add, BufferTempConv, Concatenate, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D,
    PicoPostProcessing, PostOps, Quantizer, StatefulRecurrent, TemporalParams, TransposedParams,
};
pub use layer::{InputData, LayerSpec, Parameter, Parameters};
pub use model::{Layer, Model};
pub use operation::{
    Channels, Deviation, Operation, Pooling, Quantize, Recurrence, WeightOrder, Windows,
};
pub use reach::Reach;
pub use reach_error::ReachError;
pub use shape::{MAX_ELEMENTS, Padding, Pair, Shape};
pub(crate) use tensor::weight_range;
pub use tensor::{WeightShape, Weights};
pub(crate) use variables::NO_BOUND;
pub use variables::{Tensor, Thresholds, VariableRule, VariableSpec};
