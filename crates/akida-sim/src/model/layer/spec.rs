//! The list of layer types, and layers of any type.

use super::akida1::{
    Concat, Convolutional, FullyConnected, InputConvolutional, SeparableConvolutional,
};
use super::akida2::{
    Add, BufferTempConv, Concatenate, Conv2D, Conv2DTranspose, Dense1D, DepthwiseBufferTempConv,
    DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D, PicoPostProcessing,
    Quantizer, StatefulRecurrent,
};
use super::input_data::InputData;
use super::kind::LayerKind;
use super::parameters::Parameters;
use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use alloc::format;

/// Makes [`LayerSpec`] of the list of layer types. A new type is one line of the list.
macro_rules! layers {
    ($($(#[$doc:meta])* $layer:ident,)*) => {
        /// What a layer is: its type and the parameters of its constructor.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum LayerSpec {
            $($(#[$doc])* $layer($layer),)*
        }

        impl LayerSpec {
            /// The documented names of all types of layers.
            pub const TYPES: &'static [&'static str] = &[$(stringify!($layer)),*];

            /// The layer, as what the model asks of every type.
            pub(in crate::model) fn kind(&self) -> &dyn LayerKind {
                match self {
                    $(Self::$layer(layer) => layer,)*
                }
            }
        }

        impl LayerSpec {
            /// The layer of a type with these parameters, checked.
            ///
            /// # Errors
            ///
            /// The type does not exist, or a parameter is missing, unknown to the type, or not allowed.
            pub fn new(type_name: &str, parameters: &Parameters) -> Result<Self, ModelError> {
                let spec = match type_name {
                    $(stringify!($layer) => Self::$layer($layer::of(parameters)?),)*
                    other => {
                        let allowed = format!("one of {}", Self::TYPES.join(", "));
                        return Err(ModelError::parameter("the layer's type", allowed, other));
                    }
                };
                parameters.check_names(&spec.parameters())?;
                spec.check()?;
                Ok(spec)
            }
        }

        $(impl From<$layer> for LayerSpec {
            fn from(layer: $layer) -> Self {
                Self::$layer(layer)
            }
        })*
    };
}

layers! {
    /// Entry of maps.
    InputData,
    /// Convolution of 8-bit images.
    InputConvolutional,
    /// Convolution of levels.
    Convolutional,
    /// Depthwise then pointwise convolution of levels.
    SeparableConvolutional,
    /// Every input to every unit.
    FullyConnected,
    /// Branches joined on the channel axis.
    Concat,
    /// Floats to integers.
    Quantizer,
    /// Convolution of 8-bit images.
    InputConv2D,
    /// Convolution of maps.
    Conv2D,
    /// Convolution of each channel alone.
    DepthwiseConv2D,
    /// Convolution that doubles height and width.
    Conv2DTranspose,
    /// Convolution of each channel alone that doubles height and width.
    DepthwiseConv2DTranspose,
    /// Every input to every unit.
    Dense1D,
    /// Two maps added.
    Add,
    /// Maps joined on the channel axis.
    Concatenate,
    /// Convolution along time.
    BufferTempConv,
    /// Convolution of each channel alone along time.
    DepthwiseBufferTempConv,
    /// States that follow from each other in time.
    StatefulRecurrent,
    /// Whether a prediction is far from its target.
    PicoPostProcessing,
    /// Integers to floats.
    Dequantizer,
}

impl LayerSpec {
    /// The parameters of the constructor, in the documented order.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.kind().parameters()
    }

    /// The documented name of the layer's type, e.g. `"Convolutional"`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.kind().type_name()
    }

    /// The generation of the hardware that has the layer; `None` where both have it.
    #[must_use]
    pub fn generation(&self) -> Option<IpVersion> {
        self.kind().generation()
    }

    /// Whether the layer can take the model's inputs.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.kind().is_input()
    }

    /// Whether the layer can read the integers of a `Quantizer` in place of the model's inputs.
    pub(in crate::model) fn reads_quantizer(&self) -> bool {
        self.kind().reads_quantizer()
    }

    /// Checks the parameters that can be judged without knowing the input.
    ///
    /// # Errors
    ///
    /// A parameter is not allowed. The error is about the first one.
    pub fn check(&self) -> Result<(), ModelError> {
        self.kind().check()
    }

    /// Operation, shapes, formats, variables and bounds for the given inputs.
    pub(in crate::model) fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        self.check()?;
        self.kind().connect(inputs)
    }
}
