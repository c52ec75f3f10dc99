//! The list of layer types, and layers of any type.

use super::akida1::{
    Concat, Convolutional, FullyConnected, InputConvolutional, InputData, SeparableConvolutional,
};
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
    /// Entry of maps of 1, 2 or 4 bits.
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

    /// The generation of the hardware that has the layer.
    #[must_use]
    pub fn generation(&self) -> IpVersion {
        self.kind().generation()
    }

    /// Whether the layer takes the model's inputs.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.kind().is_input()
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
