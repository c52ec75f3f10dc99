//! Layers as values: what a layer is, and its place in a model.

use crate::device::Device;
use crate::error::{argument, model_error};
use akida_fbz::{LayerSummary, ValueSummary};
use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, LayerSpec,
    Padding, Pair, Pooling, SeparableConvolutional, Shape,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::Arc;

type Triple = (usize, usize, usize);
type Size = (usize, usize);
/// Sizes of a pooling; −1 has a meaning.
type PoolSize = (i64, i64);

/// (name, count, histogram) of a kernel.
type Kernel = (&'static str, u64, Vec<(i8, u64)>);
type Summary = (u64, Vec<Kernel>, Option<(i32, i32)>, Option<(f32, f32)>);

const WHOLE: PoolSize = (-1, -1);

/// Type and parameters of a layer, checked.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Spec(pub(crate) LayerSpec);

/// The arguments that the convolutional layers share, as Python gives them.
#[derive(FromPyObject)]
struct ConvArguments {
    #[pyo3(item)]
    kernel_size: Size,
    #[pyo3(item)]
    filters: usize,
    #[pyo3(item)]
    padding: String,
    #[pyo3(item)]
    kernel_stride: Size,
    #[pyo3(item)]
    weights_bits: u8,
    #[pyo3(item)]
    pool_size: PoolSize,
    #[pyo3(item)]
    pool_type: String,
    #[pyo3(item)]
    pool_stride: PoolSize,
    #[pyo3(item)]
    activation: bool,
    #[pyo3(item)]
    act_bits: u8,
}

impl ConvArguments {
    fn params(&self, py: Python<'_>, name: Option<&str>) -> PyResult<ConvParams> {
        let (kernel, stride) = (self.kernel_size, self.kernel_stride);
        Ok(ConvParams {
            kernel_size: Pair::new(kernel.0, kernel.1),
            filters: self.filters,
            padding: match self.padding.as_str() {
                "Valid" => Padding::Valid,
                "Same" => Padding::Same,
                other => return Err(argument(py, name, "padding", "Same or Valid", other, None)),
            },
            kernel_stride: Pair::new(stride.0, stride.1),
            weights_bits: self.weights_bits,
            pooling: self.pooling(py, name)?,
            act_bits: Some(self.act_bits),
        })
    }

    /// The pooling that type, size and stride describe together.
    fn pooling(&self, py: Python<'_>, name: Option<&str>) -> PyResult<Pooling> {
        let refuse = |subject, expected: &str, received: PoolSize, remedy| {
            let received = format!("{received:?}");
            argument(py, name, subject, expected, &received, remedy)
        };
        let window = |subject, (x, y): PoolSize| match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x @ 1..), Ok(y @ 1..)) => Ok(Pair::new(x, y)),
            _ => {
                let expected = "two positive numbers with pool_type Max";
                Err(refuse(subject, expected, (x, y), None))
            }
        };
        let absent = |kind: &str, remedy| {
            let sizes = [
                ("pool_size", self.pool_size),
                ("pool_stride", self.pool_stride),
            ];
            match sizes.into_iter().find(|&(_, size)| size != WHOLE) {
                None => Ok(()),
                Some((subject, size)) => {
                    let expected = format!("(-1, -1) with pool_type {kind}");
                    Err(refuse(subject, &expected, size, Some(remedy)))
                }
            }
        };
        match self.pool_type.as_str() {
            "NoPooling" => {
                absent("NoPooling", "for max pooling add pool_type=PoolType.Max")?;
                Ok(Pooling::None)
            }
            "Average" => {
                absent("Average", "average pooling is global, over the whole map")?;
                Ok(Pooling::GlobalAverage)
            }
            "Max" => {
                let size = window("pool_size", self.pool_size)?;
                let stride = match self.pool_stride {
                    WHOLE => size,
                    stride => window("pool_stride", stride)?,
                };
                Ok(Pooling::Max { size, stride })
            }
            other => Err(argument(
                py,
                name,
                "pool_type",
                "NoPooling, Max or Average",
                other,
                None,
            )),
        }
    }
}

impl Spec {
    /// Checks the parameters with the activation's width, also where there is no activation to use it.
    fn checked(
        py: Python<'_>,
        name: Option<&str>,
        mut spec: LayerSpec,
        activation: bool,
    ) -> PyResult<Self> {
        spec.check().map_err(|e| model_error(py, &e, name))?;
        if !activation {
            match &mut spec {
                LayerSpec::InputConvolutional(l) => l.conv.act_bits = None,
                LayerSpec::Convolutional(l) => l.conv.act_bits = None,
                LayerSpec::SeparableConvolutional(l) => l.conv.act_bits = None,
                LayerSpec::FullyConnected(l) => l.act_bits = None,
                LayerSpec::InputData(_) | LayerSpec::Concat(_) => {}
            }
        }
        Ok(Self(spec))
    }
}

#[pymethods]
impl Spec {
    /// An `InputData`.
    #[staticmethod]
    fn input_data(
        py: Python<'_>,
        name: Option<&str>,
        input_shape: Triple,
        input_bits: u8,
    ) -> PyResult<Self> {
        let (x, y, c) = input_shape;
        let spec = InputData::new(Shape::new(x, y, c), input_bits);
        Self::checked(py, name, spec.into(), true)
    }

    /// An `InputConvolutional`.
    #[staticmethod]
    fn input_convolutional(
        py: Python<'_>,
        name: Option<&str>,
        input_shape: Triple,
        conv: ConvArguments,
        padding_value: u8,
    ) -> PyResult<Self> {
        let (x, y, c) = input_shape;
        let spec = InputConvolutional {
            input_shape: Shape::new(x, y, c),
            padding_value,
            conv: conv.params(py, name)?,
        };
        Self::checked(py, name, spec.into(), conv.activation)
    }

    /// A `Convolutional`.
    #[staticmethod]
    fn convolutional(py: Python<'_>, name: Option<&str>, conv: ConvArguments) -> PyResult<Self> {
        let spec = Convolutional {
            conv: conv.params(py, name)?,
        };
        Self::checked(py, name, spec.into(), conv.activation)
    }

    /// A `SeparableConvolutional`.
    #[staticmethod]
    fn separable_convolutional(
        py: Python<'_>,
        name: Option<&str>,
        conv: ConvArguments,
    ) -> PyResult<Self> {
        let spec = SeparableConvolutional {
            conv: conv.params(py, name)?,
        };
        Self::checked(py, name, spec.into(), conv.activation)
    }

    /// A `FullyConnected`.
    #[staticmethod]
    fn fully_connected(
        py: Python<'_>,
        name: Option<&str>,
        units: usize,
        weights_bits: u8,
        activation: bool,
        act_bits: u8,
    ) -> PyResult<Self> {
        let spec = FullyConnected {
            units,
            weights_bits,
            act_bits: Some(act_bits),
        };
        Self::checked(py, name, spec.into(), activation)
    }

    /// A `Concat`.
    #[staticmethod]
    fn concat() -> Self {
        Self(Concat.into())
    }

    /// The documented name of the type, e.g. `"Convolutional"`.
    #[getter]
    fn layer_type(&self) -> &'static str {
        self.0.type_name()
    }

    /// The constructor's arguments but for the name; enums by their names.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        match &self.0 {
            LayerSpec::InputData(l) => {
                all.set_item("input_shape", triple(l.input_shape))?;
                all.set_item("input_bits", l.input_bits)?;
                all.set_item("input_signed", false)?;
            }
            LayerSpec::InputConvolutional(l) => {
                all.set_item("input_shape", triple(l.input_shape))?;
                conv_parameters(&all, &l.conv)?;
                all.set_item("padding_value", l.padding_value)?;
            }
            LayerSpec::FullyConnected(l) => {
                all.set_item("units", l.units)?;
                all.set_item("weights_bits", l.weights_bits)?;
                act_parameters(&all, l.act_bits)?;
            }
            LayerSpec::Convolutional(l) => conv_parameters(&all, &l.conv)?,
            LayerSpec::SeparableConvolutional(l) => conv_parameters(&all, &l.conv)?,
            LayerSpec::Concat(_) => {}
        }
        Ok(all)
    }
}

fn triple(shape: Shape) -> Triple {
    (shape.x, shape.y, shape.c)
}

fn conv_parameters(all: &Bound<'_, PyDict>, conv: &ConvParams) -> PyResult<()> {
    let pair = |p: Pair| (p.x, p.y);
    let py = all.py();
    all.set_item("kernel_size", pair(conv.kernel_size))?;
    all.set_item("filters", conv.filters)?;
    all.set_item(
        "padding",
        match conv.padding {
            Padding::Valid => "Valid",
            Padding::Same => "Same",
        },
    )?;
    all.set_item("kernel_stride", pair(conv.kernel_stride))?;
    all.set_item("weights_bits", conv.weights_bits)?;
    let whole = || WHOLE.into_pyobject(py);
    let (kind, size, stride) = match conv.pooling {
        Pooling::None => ("NoPooling", whole()?, whole()?),
        Pooling::GlobalAverage => ("Average", whole()?, whole()?),
        Pooling::Max { size, stride } => (
            "Max",
            pair(size).into_pyobject(py)?,
            pair(stride).into_pyobject(py)?,
        ),
    };
    all.set_item("pool_size", size)?;
    all.set_item("pool_type", kind)?;
    all.set_item("pool_stride", stride)?;
    act_parameters(all, conv.act_bits)
}

fn act_parameters(all: &Bound<'_, PyDict>, act_bits: Option<u8>) -> PyResult<()> {
    all.set_item("activation", act_bits.is_some())?;
    all.set_item("act_bits", act_bits.unwrap_or(1))
}

/// A layer's place in a model: what its parameters and inbounds determine. It does not change.
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

    /// Indices of the layers that this one reads.
    #[getter]
    fn inbounds(&self) -> Vec<usize> {
        self.0.inbounds().to_vec()
    }

    /// Shape of the input: (height, width, channels).
    #[getter]
    fn input_shape(&self) -> Triple {
        triple(self.0.connection().input.shape)
    }

    /// Width of the input values in bits.
    #[getter]
    fn input_bits(&self) -> u8 {
        self.0.connection().input.format.bits
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

    /// Shapes of the variables by name.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shapes = PyDict::new(py);
        for variable in &self.0.connection().variables {
            shapes.set_item(variable.name, PyTuple::new(py, &variable.shape)?)?;
        }
        Ok(shapes)
    }

    /// What the variables consist of: bytes in a file, (name, count of weights, histogram) of each kernel, the smallest and
    /// largest threshold and step.
    #[getter]
    fn summary(&self) -> Summary {
        let summary = LayerSummary::of(&self.0);
        let (mut kernels, mut threshold, mut act_step) = (Vec::new(), None, None);
        for variable in summary.variables {
            match variable.values {
                ValueSummary::Histogram(values) => {
                    kernels.push((variable.name, variable.count, values));
                }
                ValueSummary::Integers(low, high) => threshold = Some((low, high)),
                ValueSummary::Floats(low, high) => act_step = Some((low, high)),
            }
        }
        (summary.bytes, kernels, threshold, act_step)
    }

    /// What a device holds of the layer: smallest threshold, largest, largest step, unit of steps.
    fn widths(&self, device: &Device) -> (i32, i32, f32, f32) {
        let widths = device.widths(&self.0);
        (
            widths.min_threshold,
            widths.max_threshold,
            widths.max_step,
            widths.step_unit,
        )
    }

    /// Multiply-accumulates for one input.
    #[getter]
    fn macs(&self) -> u64 {
        self.0.connection().macs
    }
}
