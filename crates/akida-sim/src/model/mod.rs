//! The model: layers, their parameters and variables, and the rules that every model obeys.

pub(crate) mod bits;
mod builder;
mod error;
mod layer;
#[expect(clippy::module_inception, reason = "the file of the type Model")]
mod model;
mod packed;
mod reach;
pub(crate) mod shape;
mod tensor;

pub use builder::{MAX_LAYERS, ModelBuilder};
pub use error::{ModelError, ModelErrorKind};
pub use layer::{
    Concat, Connection, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData,
    LayerSpec, Output, Pooling, SeparableConvolutional, Signal, Variable, Variables,
};
pub use model::{InputScaling, IpVersion, Layer, Model};
pub use reach::Reach;
pub use shape::{MAX_ELEMENTS, Padding, Pair, Shape};
pub use tensor::{WeightShape, Weights};
