//! Arrays of inputs and outputs of a model, of whatever type the model asks for.

use crate::arrays::{Subject, tuple};
use akida_sim::{ElementType, Shape, ValuesRef};
use numpy::prelude::*;
use numpy::{PyReadonlyArrayDyn, PyUntypedArray};
use pyo3::prelude::*;

/// An array of one of the types of integers, or of floats.
enum Typed<'py> {
    U8(PyReadonlyArrayDyn<'py, u8>),
    I8(PyReadonlyArrayDyn<'py, i8>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    F32(PyReadonlyArrayDyn<'py, f32>),
}

impl<'py> Typed<'py> {
    fn integers(
        subject: Subject<'_>,
        array: &Bound<'py, PyUntypedArray>,
        element: ElementType,
    ) -> PyResult<Self> {
        Ok(match element {
            ElementType::U8 => Self::U8(subject.read(array)?),
            ElementType::I8 => Self::I8(subject.read(array)?),
            ElementType::I16 => Self::I16(subject.read(array)?),
            ElementType::I32 => Self::I32(subject.read(array)?),
        })
    }

    fn values(&self) -> PyResult<akida_sim::Inputs<'_>> {
        Ok(match self {
            Self::U8(array) => array.as_slice()?.into(),
            Self::I8(array) => array.as_slice()?.into(),
            Self::I16(array) => array.as_slice()?.into(),
            Self::I32(array) => array.as_slice()?.into(),
            Self::F32(array) => array.as_slice()?.into(),
        })
    }
}

fn sizes(shape: Shape) -> [usize; 3] {
    [shape.x, shape.y, shape.c]
}

/// The shape of samples behind leading axes, which have names or sizes.
fn shape_of(axes: &[impl ToString], sample: [usize; 3]) -> String {
    let leading = axes.iter().map(ToString::to_string);
    let all: Vec<String> = leading.chain(sample.iter().map(usize::to_string)).collect();
    format!("of shape ({})", all.join(", "))
}

const INPUTS: Subject<'static> = Subject {
    layer: None,
    name: "inputs",
};

/// Inputs of a model: a batch, or the batches of a clip.
pub(crate) struct Inputs<'py> {
    array: Typed<'py>,
    /// The axes before the sample's, then the sample's: height, width, channels.
    pub(crate) dims: Vec<usize>,
}

impl<'py> Inputs<'py> {
    /// An array of samples for a model. `axes` names the axes before the sample's, e.g. `["n"]`.
    pub(crate) fn new(
        value: &Bound<'py, PyAny>,
        model: &akida_sim::Model,
        axes: &[&str],
    ) -> PyResult<Self> {
        let array = INPUTS.array(value)?;
        let akida_sim::Signal { shape, format } = model.input();
        let sample = sizes(shape);
        let dims = array.shape();
        if dims.len() != axes.len() + 3 || dims[axes.len()..] != sample {
            let remedy = match (axes.len(), dims.strip_suffix(&sample)) {
                (1, Some([])) => {
                    Some("for a single sample add the batch axis: inputs[numpy.newaxis]")
                }
                (1, Some([_, _])) if model.has_state() => {
                    Some("run whole clips, time first, by session(streams).run_clip(inputs)")
                }
                (2, Some([_])) => {
                    Some("for a single stream add its axis: inputs[:, numpy.newaxis]")
                }
                _ => None,
            };
            let expected = shape_of(axes, sample);
            return Err(INPUTS.refuse(value.py(), &expected, &tuple(dims), remedy));
        }
        let typed = match model.takes_floats() {
            true => Typed::F32(INPUTS.read(array)?),
            false => Typed::integers(INPUTS, array, ElementType::of(format))?,
        };
        Ok(Self {
            array: typed,
            dims: dims.to_vec(),
        })
    }

    /// The values in C order.
    pub(crate) fn values(&self) -> PyResult<akida_sim::Inputs<'_>> {
        self.array.values()
    }

    /// The sizes of the axes before the sample's.
    pub(crate) fn leading(&self) -> &[usize] {
        &self.dims[..self.dims.len() - 3]
    }

    /// The number of streams that the inputs are for: the last axis before the sample's.
    pub(crate) fn streams(&self) -> usize {
        self.leading().last().copied().unwrap_or(0)
    }

    /// The exception for inputs of another number of streams than a session has.
    pub(crate) fn other_streams(&self, py: Python<'_>, streams: usize, remedy: &str) -> PyErr {
        let (_, sample) = self.dims.split_at(self.leading().len());
        let mut axes = self.leading().to_vec();
        if let Some(last) = axes.last_mut() {
            *last = streams;
        }
        let sample = [sample[0], sample[1], sample[2]];
        let expected = format!("{}, one for each stream", shape_of(&axes, sample));
        INPUTS.refuse(py, &expected, &tuple(&self.dims), Some(remedy))
    }
}

/// Integer outputs of a model, behind any number of leading axes.
pub(crate) struct Outputs<'py> {
    array: Typed<'py>,
    pub(crate) dims: Vec<usize>,
}

impl<'py> Outputs<'py> {
    pub(crate) fn new(value: &Bound<'py, PyAny>, model: &akida_sim::Model) -> PyResult<Self> {
        let subject = Subject {
            layer: None,
            name: "outputs",
        };
        let array = subject.array(value)?;
        let akida_sim::Signal { shape, format } = model.output();
        let dims = array.shape();
        if !dims.ends_with(&sizes(shape)) {
            let expected = shape_of(&["..."], sizes(shape));
            return Err(subject.refuse(value.py(), &expected, &tuple(dims), None));
        }
        Ok(Self {
            array: Typed::integers(subject, array, ElementType::of(format))?,
            dims: dims.to_vec(),
        })
    }

    /// The values in C order.
    pub(crate) fn values(&self) -> PyResult<ValuesRef<'_>> {
        Ok(match self.array.values()? {
            akida_sim::Inputs::Integers(values) => values,
            akida_sim::Inputs::Floats(_) => ValuesRef::I32(&[]),
        })
    }
}
