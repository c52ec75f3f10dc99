//! What every type of layer says of itself. `docs/adding-a-layer.md` says how to add a type.

use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::parameters::Parameters;

/// What the model asks of every type of layer. The file of each layer implements it.
pub(in crate::model) trait LayerKind {
    /// The layer that has these parameters. They must have every name that [`parameters`](Self::parameters) lists.
    ///
    /// # Errors
    ///
    /// A parameter is missing, of another kind, or not allowed.
    fn of(parameters: &Parameters) -> Result<Self, ModelError>
    where
        Self: Sized;

    /// The parameters of the constructor, in the documented order.
    fn parameters(&self) -> Parameters;

    /// The documented name of the type, e.g. `"Convolutional"`.
    fn type_name(&self) -> &'static str;

    /// How the name begins that a layer gets when it is added without a name.
    fn default_name(&self) -> &'static str;

    /// The generation of the hardware that has the layer; `None` where both have it.
    fn generation(&self) -> Option<IpVersion>;

    /// Whether the layer can take the model's inputs.
    fn is_input(&self) -> bool {
        false
    }

    /// Whether the layer can read the integers of a `Quantizer` in place of the model's inputs.
    fn reads_quantizer(&self) -> bool {
        false
    }

    /// Checks the parameters that can be judged without knowing the input.
    ///
    /// # Errors
    ///
    /// A parameter is not allowed. The error is about the first one.
    fn check(&self) -> Result<(), ModelError>;

    /// Operation, shapes, formats, output stage, variables and bounds for the given inputs. The parameters have been
    /// checked.
    ///
    /// # Errors
    ///
    /// Inputs do not fit, or sums could leave 32 bits.
    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError>;
}
