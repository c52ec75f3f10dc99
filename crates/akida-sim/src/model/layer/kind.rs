use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::parameters::Parameters;

/// What the model asks of every type of layer. Each file of a layer implements it once.
pub(in crate::model) trait LayerKind {
    /// The layer that has these parameters, all of those that [`parameters`](Self::parameters) lists.
    ///
    /// # Errors
    ///
    /// A parameter that is missing, of another kind, or not allowed.
    fn of(parameters: &Parameters) -> Result<Self, ModelError>
    where
        Self: Sized;

    /// The parameters of the constructor, in the documented order.
    fn parameters(&self) -> Parameters;

    /// The documented name of the type, e.g. `"Convolutional"`.
    fn type_name(&self) -> &'static str;

    /// Start of the name given to a layer that was added without one.
    fn default_name(&self) -> &'static str;

    /// The generation of the hardware that has the layer.
    fn generation(&self) -> IpVersion;

    /// Whether the layer takes the model's inputs.
    fn is_input(&self) -> bool {
        false
    }

    /// Checks the parameters that can be judged without knowing the input.
    ///
    /// # Errors
    ///
    /// The first parameter that is not allowed.
    fn check(&self) -> Result<(), ModelError>;

    /// Operation, shapes, formats, variables and bounds for the given inputs; the parameters were checked.
    ///
    /// # Errors
    ///
    /// Inputs that do not fit, or sums that could leave 32 bits.
    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError>;
}
