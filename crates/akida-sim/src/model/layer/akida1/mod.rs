//! The layers of Akida 1.0: one file per type, the rules they share in `activation` and `conv_params`.

mod activation;
mod concat;
mod conv_params;
mod convolutional;
mod fully_connected;
mod input_convolutional;
mod input_data;
mod separable_convolutional;

pub use concat::Concat;
pub use conv_params::ConvParams;
pub use convolutional::Convolutional;
pub use fully_connected::FullyConnected;
pub use input_convolutional::InputConvolutional;
pub use input_data::InputData;
pub use separable_convolutional::SeparableConvolutional;
