//! The layers of Akida 1.0, one file per type. Rules that several layers share are in `activation`, `conv_params` and
//! `pooling`.

mod activation;
mod concat;
mod conv_params;
mod convolutional;
mod fully_connected;
mod input_convolutional;
mod pooling;
mod separable_convolutional;

pub(super) use activation::check_filters;
pub use concat::Concat;
pub(super) use concat::joined;
pub use conv_params::ConvParams;
pub use convolutional::Convolutional;
pub use fully_connected::FullyConnected;
pub use input_convolutional::InputConvolutional;
pub use separable_convolutional::SeparableConvolutional;
