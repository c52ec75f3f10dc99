//! Assembling and editing models, with all checks on the way.

use super::accumulators;
use super::connection::Connection;
use super::error::{ModelError, ModelErrorKind};
use super::input_scaling::InputScaling;
use super::ip_version::IpVersion;
use super::layer::LayerSpec;
use super::model::{Layer, Model};
use super::operation::Operation;
use super::variables::{Tensor, checked_all};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// The longest name of a layer, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// The most layers of a model. It bounds what a small file can ask for, and is far above any network that a chip holds.
pub const MAX_LAYERS: usize = 1024;

/// The most inbounds of a layer. A layer that names an inbound again counts it again.
///
/// An inbound takes four bytes of a file, and much more than that in a model.
pub const MAX_INBOUNDS: usize = 256;

/// Assembles layers into a [`Model`]. No other place validates models.
///
/// Each [`add`](Self::add) checks a layer against its inputs. The layer gets variables: weights and thresholds of 0, steps
/// of 1. [`build`](Self::build) checks the rules on the model as a whole. Cloning is cheap, as clones share layers.
///
/// # Examples
///
/// ```
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Weights};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 3), 4), &[])?;
/// let units = FullyConnected { weights_bits: 2, act_bits: None, ..FullyConnected::new(2) };
/// let dense = builder.add("classes", units, &[])?;
/// let weights = Weights::new([1, 1, 3, 2], vec![1, 0, 0, 1, -1, 1])?;
/// builder.set_variable(dense, "weights", weights)?;
/// let model = builder.build()?;
/// assert_eq!(model.macs(), 6);
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ModelBuilder {
    layers: Vec<Arc<Layer>>,
    /// The names of the layers.
    names: BTreeSet<String>,
    input_scaling: Option<InputScaling>,
}

impl ModelBuilder {
    /// A builder without layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_model(model: &Model) -> Self {
        Self {
            layers: model.layers().to_vec(),
            names: model.layers().iter().map(|l| l.name.clone()).collect(),
            input_scaling: model.input_scaling(),
        }
    }

    /// The layers added so far.
    #[must_use]
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// Adds a layer that reads the layers at `inbounds`, and gives its index. Without inbounds it reads the last layer
    /// added.
    ///
    /// A name is made from the layer's type and index where `name` is empty.
    ///
    /// # Errors
    ///
    /// A parameter is not allowed, an input does not fit, a name is taken, or potentials could leave 32 bits. The builder
    /// stays as it was.
    pub fn add(
        &mut self,
        name: &str,
        spec: impl Into<LayerSpec>,
        inbounds: &[usize],
    ) -> Result<usize, ModelError> {
        let spec = spec.into();
        let connection = self.connect(name, &spec, inbounds)?;
        let variables = connection.variables.iter();
        let variables = variables.map(|spec| spec.initial().map(Arc::new));
        let variables = variables.collect::<Result<_, _>>();
        let variables = variables.map_err(|e| e.at(&self.name_of(name, &spec)))?;
        Ok(self.push(name, spec, inbounds, connection, variables))
    }

    /// Adds a layer together with its variables: [`add`](Self::add) and [`set_variable`](Self::set_variable) in one step.
    ///
    /// `variables` has a value for every entry of [`Connection::variables`], in that order.
    ///
    /// # Errors
    ///
    /// As for [`add`](Self::add) and [`set_variable`](Self::set_variable). The builder stays as it was.
    pub fn add_with_variables(
        &mut self,
        name: &str,
        spec: impl Into<LayerSpec>,
        inbounds: &[usize],
        variables: Vec<Tensor>,
    ) -> Result<usize, ModelError> {
        let spec = spec.into();
        let connection = self.connect(name, &spec, inbounds)?;
        let variables = checked_all(&connection.variables, variables)
            .map_err(|e| e.at(&self.name_of(name, &spec)))?;
        Ok(self.push(name, spec, inbounds, connection, variables))
    }

    /// What [`add`](Self::add) would make of a layer. The layer is checked and not added. No allocation grows with the
    /// layer.
    ///
    /// # Errors
    ///
    /// As for [`add`](Self::add).
    pub fn connect(
        &self,
        name: &str,
        spec: &LayerSpec,
        inbounds: &[usize],
    ) -> Result<Connection, ModelError> {
        self.connect_unnamed(name, spec, inbounds)
            .map_err(|e| e.at(&self.name_of(name, spec)))
    }

    /// Removes the last layer, if there is one.
    pub fn pop(&mut self) -> Option<Arc<Layer>> {
        let layer = self.layers.pop()?;
        self.names.remove(&layer.name);
        Some(layer)
    }

    /// Replaces one variable of the layer at `index`, by its documented name, e.g. `"weights"`.
    ///
    /// # Errors
    ///
    /// The layer or the variable does not exist. Or its values are not what [`Connection::variables`] asks for. The builder stays
    /// as it was.
    pub fn set_variable(
        &mut self,
        index: usize,
        name: &str,
        values: impl Into<Tensor>,
    ) -> Result<(), ModelError> {
        let Some(layer) = self.layers.get(index) else {
            return Err(ModelError::new(
                ModelErrorKind::Structure,
                "the layer's index",
                format!("below {}", self.layers.len()),
                index,
            ));
        };
        let Some((place, variable)) = layer.connection.variable(name) else {
            return Err(ModelError::new(
                ModelErrorKind::Variable,
                "the variable",
                format!("one that {} has", layer.spec.type_name()),
                name,
            )
            .at(&layer.name));
        };
        let values = variable.checked(values.into());
        let values = values.map_err(|e| e.at(&layer.name))?;
        let mut layer = Layer::clone(layer);
        layer.variables[place] = Arc::new(values);
        self.layers[index] = Arc::new(layer);
        Ok(())
    }

    /// Takes over the variables of `layer`: the layer at `index`, as it is in a copy of this builder. They are shared, not
    /// copied.
    ///
    /// # Errors
    ///
    /// The layer at `index` is another one, or none.
    pub fn take_variables(&mut self, index: usize, layer: &Layer) -> Result<(), ModelError> {
        let same = |own: &&mut Arc<Layer>| {
            own.name == layer.name && own.spec == layer.spec && own.connection == layer.connection
        };
        let Some(own) = self.layers.get_mut(index).filter(same) else {
            return Err(ModelError::new(
                ModelErrorKind::Structure,
                "the layer",
                String::from("the one whose variables are taken over"),
                "another",
            )
            .at(&layer.name));
        };
        let mut changed = Layer::clone(own);
        changed.variables.clone_from(&layer.variables);
        *own = Arc::new(changed);
        Ok(())
    }

    /// How the model's inputs follow from the inputs of the network that it is made from.
    #[must_use]
    pub fn input_scaling(&self) -> Option<InputScaling> {
        self.input_scaling
    }

    /// Sets how the model's inputs follow from the inputs of the network that it is made from.
    pub fn set_input_scaling(&mut self, input_scaling: Option<InputScaling>) {
        self.input_scaling = input_scaling;
    }

    /// The complete model.
    ///
    /// # Errors
    ///
    /// There is no layer, or no layer reads the output of a layer other than the last.
    pub fn build(&self) -> Result<Model, ModelError> {
        let error = |allowed, received| {
            ModelError::new(ModelErrorKind::Structure, "the model", allowed, received)
        };
        let (Some(first), Some(last)) = (self.layers.first(), self.layers.last()) else {
            return Err(error("of at least one layer", "none"));
        };
        let mut read = vec![false; self.layers.len()];
        for &inbound in self.layers.iter().flat_map(|l| l.inbounds()) {
            read[inbound] = true;
        }
        let inner = self.layers.iter().take(self.layers.len() - 1);
        if let Some((unread, _)) = inner.zip(read).find(|(_, read)| !read) {
            return Err(ModelError::new(
                ModelErrorKind::Structure,
                "its output",
                "read by a later layer",
                "none that does",
            )
            .with_remedy("name it among the inbounds of a later layer, or leave it out")
            .at(&unread.name));
        }
        for layer in &self.layers {
            let integers = |name: &str| layer.integers(name);
            accumulators::check(&layer.connection, layer.weights(), &integers)
                .map_err(|e| e.at(&layer.name))?;
        }
        Ok(Model::from_checked(
            self.layers.clone(),
            generation(&self.layers).unwrap_or(IpVersion::V1),
            (first, last),
            self.input_scaling,
        ))
    }

    /// The given name, or a name that is made where it is empty.
    fn name_of(&self, name: &str, spec: &LayerSpec) -> String {
        if name.is_empty() {
            let numbers = self.layers.len()..;
            let mut names = numbers.map(|n| format!("{}_{n}", spec.kind().default_name()));
            names
                .find(|name| !self.names.contains(name))
                .unwrap_or_default()
        } else {
            name.to_owned()
        }
    }

    /// The indices of the layers to read: by default the index of the last layer added.
    fn inbounds_of(&self, inbounds: &[usize]) -> Vec<usize> {
        match self.layers.len().checked_sub(1) {
            Some(last) if inbounds.is_empty() => alloc::vec![last],
            _ => inbounds.to_vec(),
        }
    }

    /// Whether a layer for inputs reads the integers that a `Quantizer` makes of the model's inputs.
    fn reads_quantizer(&self, spec: &LayerSpec, inbounds: &[usize]) -> bool {
        let operation = |index: &usize| Some(self.layers.get(*index)?.connection.operation);
        let is_quantizer = |index| matches!(operation(index), Some(Operation::Quantize(_)));
        spec.reads_quantizer() && inbounds.iter().all(is_quantizer)
    }

    fn connect_unnamed(
        &self,
        name: &str,
        spec: &LayerSpec,
        inbounds: &[usize],
    ) -> Result<Connection, ModelError> {
        self.check_name(&self.name_of(name, spec))?;
        if inbounds.len() > MAX_INBOUNDS {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the number of inbounds",
                format!("at most {MAX_INBOUNDS}, repeated inbounds counted"),
                inbounds.len(),
            )
            .with_remedy("join some of the branches with a layer of their own"));
        }
        let inbounds = self.inbounds_of(inbounds);
        let error = |subject, allowed: &str, received: String| {
            Err(ModelError::new(
                ModelErrorKind::Inbounds,
                subject,
                allowed,
                received,
            ))
        };
        let received = || format!("{} as layer {}", spec.type_name(), self.layers.len());
        match (self.layers.is_empty(), spec.is_input()) {
            (true, false) => {
                let allowed = "InputData, InputConvolutional, InputConv2D or Quantizer";
                return error("the first layer", allowed, received());
            }
            (false, true) if !self.reads_quantizer(spec, &inbounds) => {
                let allowed =
                    "no layer for inputs, but for InputData or InputConv2D behind a Quantizer";
                return error("a later layer", allowed, received());
            }
            (true, true) if !inbounds.is_empty() => {
                let allowed = "absent for an input layer";
                return error("inbounds", allowed, format!("{inbounds:?}"));
            }
            _ => {}
        }
        if let (Some(own), Some(others)) = (spec.generation(), generation(&self.layers))
            && own != others
        {
            return error(
                "every layer",
                &format!("of {others}, as the layers before it"),
                format!("{} of {own}", spec.type_name()),
            );
        }
        let mut signals = Vec::with_capacity(inbounds.len());
        for &index in &inbounds {
            let Some(layer) = self.layers.get(index) else {
                return error(
                    "every inbound",
                    "an earlier layer",
                    format!("index {index}"),
                );
            };
            match layer.signal() {
                Ok(signal) => signals.push(signal),
                Err((allowed, received)) => {
                    let received = format!("\"{}\", {received}", layer.name);
                    return error("every inbound", allowed, received);
                }
            }
        }
        spec.connect(&signals)
    }

    fn check_name(&self, name: &str) -> Result<(), ModelError> {
        let error = |allowed, received| {
            Err(ModelError::new(
                ModelErrorKind::Name,
                "the name",
                allowed,
                received,
            ))
        };
        if name.len() > MAX_NAME_BYTES {
            return error(
                format!("at most {MAX_NAME_BYTES} bytes"),
                format!("{} bytes", name.len()),
            );
        }
        if name.chars().any(char::is_control) {
            return error(
                String::from("without control characters"),
                format!("{name:?}"),
            );
        }
        if self.names.contains(name) {
            return error(
                String::from("unique in the model"),
                String::from("a name in use"),
            );
        }
        if self.layers.len() >= MAX_LAYERS {
            return Err(ModelError::new(
                ModelErrorKind::Structure,
                "the number of layers",
                format!("at most {MAX_LAYERS}"),
                self.layers.len() + 1,
            ));
        }
        Ok(())
    }

    fn push(
        &mut self,
        name: &str,
        spec: LayerSpec,
        inbounds: &[usize],
        connection: Connection,
        variables: Vec<Arc<Tensor>>,
    ) -> usize {
        let layer = Layer {
            name: self.name_of(name, &spec),
            inbounds: self.inbounds_of(inbounds),
            spec,
            connection,
            variables,
        };
        self.names.insert(layer.name.clone());
        self.layers.push(Arc::new(layer));
        self.layers.len() - 1
    }
}

/// The generation of the hardware that layers belong to; `None` where they leave it open.
fn generation(layers: &[Arc<Layer>]) -> Option<IpVersion> {
    layers.iter().find_map(|layer| layer.spec.generation())
}
