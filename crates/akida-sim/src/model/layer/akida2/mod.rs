//! The layers of Akida 2.0, one file per type. Rules that several layers share are in `conv`, `post_ops`, `temporal` and
//! `transposed`.

mod add;
mod buffer_temp_conv;
mod concatenate;
mod conv;
mod conv2d;
mod conv2d_transpose;
mod dense1d;
mod depthwise_buffer_temp_conv;
mod depthwise_conv2d;
mod depthwise_conv2d_transpose;
mod dequantizer;
mod input_conv2d;
mod pico_post_processing;
mod post_ops;
mod quantizer;
mod stateful_recurrent;
mod temporal;
mod transposed;

pub use add::Add;
pub use buffer_temp_conv::BufferTempConv;
pub use concatenate::Concatenate;
pub use conv::Conv2DParams;
pub(super) use conv::same_input;
pub use conv2d::Conv2D;
pub use conv2d_transpose::Conv2DTranspose;
pub use dense1d::Dense1D;
pub use depthwise_buffer_temp_conv::DepthwiseBufferTempConv;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use depthwise_conv2d_transpose::DepthwiseConv2DTranspose;
pub use dequantizer::Dequantizer;
pub use input_conv2d::InputConv2D;
pub use pico_post_processing::PicoPostProcessing;
pub use post_ops::PostOps;
pub use quantizer::Quantizer;
pub use stateful_recurrent::StatefulRecurrent;
pub use temporal::TemporalParams;
pub use transposed::TransposedParams;
