//! Layers: what a layer is, and the layer in a model.

use crate::device::{Device, generation};
use crate::error::model_error;
use crate::results::{NativeWidths, VariableSummary};
use akida_fbz::LayerSummary;
use akida_sim::{ElementType, LayerSpec, Operation, Parameter, Parameters, Shape};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::Arc;

type Triple = (usize, usize, usize);

/// Type and parameters of a layer, checked.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Spec(pub(crate) LayerSpec);

/// The value of a parameter, as Python gives it. A member of an enumeration is given by its name.
#[derive(FromPyObject)]
enum Value {
    Flag(bool),
    Number(i64),
    Pair((i64, i64)),
    Shape((i64, i64, i64)),
    Word(String),
}

impl From<Value> for Parameter {
    fn from(value: Value) -> Self {
        match value {
            Value::Flag(flag) => Self::Flag(flag),
            Value::Number(number) => Self::Number(number),
            Value::Pair((x, y)) => Self::Pair(x, y),
            Value::Shape((x, y, c)) => Self::Shape(x, y, c),
            Value::Word(word) => Self::Word(word.into()),
        }
    }
}

#[pymethods]
impl Spec {
    /// A layer of a documented type. `parameters` are the constructor's arguments without the name. Errors show the name.
    #[new]
    fn new(
        py: Python<'_>,
        layer_type: &str,
        parameters: Vec<(String, Value)>,
        name: Option<&str>,
    ) -> PyResult<Self> {
        let all = parameters.into_iter();
        let all = all.fold(Parameters::new(), |all, (name, value)| {
            all.with(name, Parameter::from(value))
        });
        let spec = LayerSpec::new(layer_type, &all);
        spec.map(Self).map_err(|e| model_error(py, &e, name))
    }

    /// The documented names of all types.
    #[staticmethod]
    fn types() -> Vec<&'static str> {
        LayerSpec::TYPES.to_vec()
    }

    /// The documented name of the type, e.g. `"Convolutional"`.
    #[getter]
    fn layer_type(&self) -> &'static str {
        self.0.type_name()
    }

    /// The name of the generation that has the layer; None where both have it.
    #[getter]
    fn ip_version(&self) -> Option<&'static str> {
        self.0.generation().map(generation)
    }

    /// The constructor's arguments without the name. A member of an enumeration is given by its name.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (name, value) in self.0.parameters().iter() {
            match value {
                Parameter::Flag(flag) => all.set_item(name, flag)?,
                Parameter::Number(number) => all.set_item(name, number)?,
                Parameter::Pair(x, y) => all.set_item(name, (x, y))?,
                Parameter::Shape(x, y, c) => all.set_item(name, (x, y, c))?,
                Parameter::Word(word) => all.set_item(name, &**word)?,
            }
        }
        Ok(all)
    }
}

fn triple(shape: Shape) -> Triple {
    (shape.x, shape.y, shape.c)
}

/// A layer in a model, with what its parameters and inbounds determine. It does not change.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Layer(pub(crate) Arc<akida_sim::Layer>);

#[pymethods]
impl Layer {
    /// The name, unique in its model.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Type and parameters.
    #[getter]
    fn spec(&self) -> Spec {
        Spec(self.0.spec().clone())
    }

    /// The indices of the layers that this layer reads.
    #[getter]
    fn inbounds(&self) -> Vec<usize> {
        self.0.inbounds().to_vec()
    }

    /// Shape of the input: (height, width, channels).
    #[getter]
    fn input_shape(&self) -> Triple {
        triple(self.0.connection().input.shape)
    }

    /// Width of the input values in bits; 32 for floats.
    #[getter]
    fn input_bits(&self) -> u8 {
        match self.takes_floats() {
            true => 32,
            false => self.0.connection().input.format.bits,
        }
    }

    /// Whether input values have a sign.
    #[getter]
    fn input_signed(&self) -> bool {
        self.takes_floats() || self.0.connection().input.format.signed
    }

    /// NumPy's type of the input values.
    #[getter]
    fn input_dtype(&self) -> &'static str {
        match self.takes_floats() {
            true => "float32",
            false => ElementType::of(self.0.connection().input.format).name(),
        }
    }

    /// Shape of the output: (height, width, channels).
    #[getter]
    fn output_shape(&self) -> Triple {
        triple(self.0.connection().output.shape)
    }

    /// Width of the output levels in bits; None for potentials.
    #[getter]
    fn output_bits(&self) -> Option<u8> {
        let connection = self.0.connection();
        (!connection.gives_potentials()).then_some(connection.output.format.bits)
    }

    /// Whether outputs have a sign.
    #[getter]
    fn output_signed(&self) -> bool {
        self.0.connection().output.format.signed
    }

    /// NumPy's type of the integer outputs.
    #[getter]
    fn output_dtype(&self) -> &'static str {
        ElementType::of(self.0.connection().output.format).name()
    }

    /// Shapes of the variables by name.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shapes = PyDict::new(py);
        for variable in &self.0.connection().variables {
            shapes.set_item(variable.name, PyTuple::new(py, &variable.shape)?)?;
        }
        Ok(shapes)
    }

    /// NumPy's types of the variables by name.
    #[getter]
    fn dtypes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dtypes = PyDict::new(py);
        for variable in &self.0.connection().variables {
            dtypes.set_item(variable.name, variable.dtype())?;
        }
        Ok(dtypes)
    }

    /// What the variables consist of, in the order of the table.
    #[getter]
    fn summary(&self, py: Python<'_>) -> PyResult<Vec<VariableSummary>> {
        let summary = LayerSummary::of(&self.0);
        let variables = summary.variables.into_iter();
        variables.map(|v| VariableSummary::new(py, v)).collect()
    }

    /// What a device holds of the layer's thresholds and steps.
    fn widths(&self, device: &Device) -> NativeWidths {
        NativeWidths(device.widths(&self.0))
    }

    /// Multiply-accumulates for one input.
    #[getter]
    fn macs(&self) -> u64 {
        self.0.connection().macs
    }
}

impl Layer {
    /// Whether the layer makes integers of floats.
    fn takes_floats(&self) -> bool {
        matches!(self.0.connection().operation, Operation::Quantize(_))
    }
}
