//! NumPy arrays in and out.
//!
//! C-contiguous arrays are read where they lie. Other arrays are copied first. Results are moved out, not copied. As with
//! NumPy's own functions, no other thread may write to an array during a call that reads it.

use crate::error::{Class, Failure, argument, memory_error, model_error};
use akida_sim::memory;
use akida_sim::{Shape, Tensor, Values, VariableRule, VariableSpec, Weights};
use numpy::prelude::*;
use numpy::{Element, PyArray1, PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArray};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// A shape as Python prints it.
fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    }
}

/// The names that errors give to an array.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) layer: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Subject<'_> {
    fn refuse(self, py: Python<'_>, expected: &str, received: &str, remedy: Option<&str>) -> PyErr {
        argument(py, self.layer, self.name, expected, received, remedy)
    }

    /// `value` as an array, of elements of any type.
    fn array<'a, 'py>(
        self,
        value: &'a Bound<'py, PyAny>,
    ) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
        let py = value.py();
        if let Ok(array) = value.cast::<PyUntypedArray>() {
            return Ok(array);
        }
        let received = value.get_type().name()?.to_string();
        let layer = match self.layer {
            Some(layer) => format!("layer \"{layer}\": "),
            None => String::new(),
        };
        Err(Failure {
            class: Class::InvalidType,
            problem: format!(
                "{layer}{} must be a numpy.ndarray, received {received}",
                self.name
            ),
            remedy: None,
            layer: self.layer,
            kind: self.name,
            expected: "a numpy.ndarray",
            received: &received,
        }
        .raise(py))
    }

    /// The elements of an array of type `T`, C-contiguous and aligned.
    fn read<'py, T: Element>(
        self,
        array: &Bound<'py, PyUntypedArray>,
    ) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
        let py = array.py();
        let expected = T::get_dtype(py);
        if !array.dtype().is_equiv_to(&expected) {
            let received = array.dtype().to_string();
            let remedy = format!("convert with astype(numpy.{expected}) if every value fits");
            return Err(self.refuse(
                py,
                &format!("of dtype {expected}"),
                &received,
                Some(&remedy),
            ));
        }
        let flags = array.getattr("flags")?;
        let ready = array.is_c_contiguous() && flags.get_item("ALIGNED")?.extract::<bool>()?;
        let array = if ready {
            array.clone().into_any()
        } else {
            let options = PyDict::new(py);
            options.set_item("requirements", ["C_CONTIGUOUS", "ALIGNED"])?;
            py.import("numpy")?
                .call_method("require", (array,), Some(&options))?
        };
        Ok(array.cast::<PyArrayDyn<T>>()?.try_readonly()?)
    }

    /// All elements of an array of exactly this shape, copied.
    pub(crate) fn values<T: Element + Copy>(
        self,
        value: &Bound<'_, PyAny>,
        shape: &[usize],
    ) -> PyResult<Vec<T>> {
        let array = self.array(value)?;
        if array.shape() != shape {
            let expected = format!("of shape {}", tuple(shape));
            return Err(self.refuse(value.py(), &expected, &tuple(array.shape()), None));
        }
        let values = self.read::<T>(array)?;
        memory::copied(values.as_slice()?).map_err(memory_error)
    }

    /// An array as values of a variable, copied.
    pub(crate) fn tensor(
        self,
        value: &Bound<'_, PyAny>,
        variable: &VariableSpec,
    ) -> PyResult<Tensor> {
        let shape = &variable.shape;
        Ok(match variable.rule {
            VariableRule::Weights { .. } => {
                let values = self.values(value, shape)?;
                let shape = variable.weight_shape().unwrap_or_default();
                let weights = Weights::new(shape, values);
                weights
                    .map_err(|e| model_error(value.py(), &e, self.layer))?
                    .into()
            }
            VariableRule::Integers => Tensor::Integers(self.values(value, shape)?),
            VariableRule::Positive => Tensor::Floats(self.values(value, shape)?),
        })
    }

    /// All elements of an array of one axis, copied.
    pub(crate) fn vector<T: Element + Copy>(self, value: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
        let array = self.array(value)?;
        if array.ndim() != 1 {
            return Err(self.refuse(value.py(), "of one axis", &tuple(array.shape()), None));
        }
        self.flat(value)
    }

    /// All elements of an array in C order, copied.
    pub(crate) fn flat<T: Element + Copy>(self, value: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
        let array = self.array(value)?;
        let values = self.read::<T>(array)?;
        memory::copied(values.as_slice()?).map_err(memory_error)
    }
}

/// A batch of inputs.
pub(crate) struct Inputs<'py> {
    array: PyReadonlyArrayDyn<'py, u8>,
    /// Samples, height, width, channels.
    pub(crate) dims: [usize; 4],
}

impl<'py> Inputs<'py> {
    /// A uint8 array of samples of the given shape.
    pub(crate) fn new(value: &Bound<'py, PyAny>, sample: Shape) -> PyResult<Self> {
        let subject = Subject {
            layer: None,
            name: "inputs",
        };
        let array = subject.array(value)?;
        let sample = [sample.x, sample.y, sample.c];
        let samples = match array.shape() {
            [samples, rest @ ..] if *rest == sample => *samples,
            shape => {
                let expected = format!("of shape (n, {}, {}, {})", sample[0], sample[1], sample[2]);
                let remedy = (*shape == sample)
                    .then_some("for a single sample add the batch axis: inputs[numpy.newaxis]");
                return Err(subject.refuse(value.py(), &expected, &tuple(shape), remedy));
            }
        };
        let [x, y, c] = sample;
        Ok(Self {
            array: subject.read(array)?,
            dims: [samples, x, y, c],
        })
    }

    /// The values in C order.
    pub(crate) fn values(&self) -> PyResult<&[u8]> {
        Ok(self.array.as_slice()?)
    }
}

/// `values` as an array of this shape. Nothing is copied.
pub(crate) fn array<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Py<PyAny>> {
    let array = PyArray1::from_vec(py, values).reshape(shape)?;
    Ok(array.into_any().unbind())
}

/// Outputs of one layer for `samples` inputs.
pub(crate) fn outputs(
    py: Python<'_>,
    outputs: Values,
    samples: usize,
    shape: Shape,
) -> PyResult<Py<PyAny>> {
    let dims = [samples, shape.x, shape.y, shape.c];
    match outputs {
        Values::U8(values) => array(py, values, &dims),
        Values::I8(values) => array(py, values, &dims),
        Values::I16(values) => array(py, values, &dims),
        Values::I32(values) => array(py, values, &dims),
    }
}

/// A copy of the values of a variable.
pub(crate) fn tensor(
    py: Python<'_>,
    variable: &VariableSpec,
    tensor: &Tensor,
) -> PyResult<Py<PyAny>> {
    let shape = &variable.shape;
    match tensor {
        Tensor::Weights(weights) => array(py, weights.try_values().map_err(memory_error)?, shape),
        Tensor::Integers(integers) => {
            array(py, memory::copied(integers).map_err(memory_error)?, shape)
        }
        Tensor::Floats(floats) => array(py, memory::copied(floats).map_err(memory_error)?, shape),
    }
}

/// A list of arrays.
pub(crate) fn list(py: Python<'_>, arrays: Vec<Py<PyAny>>) -> PyResult<Py<PyList>> {
    Ok(PyList::new(py, arrays)?.unbind())
}
