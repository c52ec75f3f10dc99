//! NumPy arrays in and out.
//!
//! C-contiguous arrays are read where they lie. Other arrays are copied first. Results are moved out, not copied. As with
//! NumPy's own functions, no other thread may write to an array during a call that reads it.

use crate::error::{Class, Failure, argument, memory_error, model_error};
use akida_sim::memory::{self, OutOfMemory};
use akida_sim::{Shape, Tensor, Values, VariableRule, VariableSpec, Weights};
use numpy::prelude::*;
use numpy::{Element, PyArray1, PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArray};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// A shape as Python prints it.
pub(crate) fn tuple(shape: &[usize]) -> String {
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
    pub(crate) fn refuse(
        self,
        py: Python<'_>,
        expected: &str,
        received: &str,
        remedy: Option<&str>,
    ) -> PyErr {
        argument(py, self.layer, self.name, expected, received, remedy)
    }

    /// `value` as an array, of elements of any type.
    pub(crate) fn array<'a, 'py>(
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
            remedy: Some("make it one with numpy.asarray, of the documented dtype"),
            layer: self.layer,
            kind: self.name,
            expected: "a numpy.ndarray",
            received: &received,
        }
        .raise(py))
    }

    /// The elements of an array of type `T`, C-contiguous and aligned.
    pub(crate) fn read<'py, T: Element>(
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
            VariableRule::Integers { .. } | VariableRule::Bounds => {
                Tensor::Integers(self.integers(value, variable.dtype(), shape)?)
            }
            VariableRule::Positive => Tensor::Floats(self.values(value, shape)?),
        })
    }

    /// All elements of an array of exactly this shape, as 32-bit integers.
    ///
    /// Every integer type is taken whose values all fit the documented one, as by NumPy's safe casting.
    fn integers(
        self,
        value: &Bound<'_, PyAny>,
        dtype: &str,
        shape: &[usize],
    ) -> PyResult<Vec<i32>> {
        let py = value.py();
        let numpy = py.import("numpy")?;
        let array = self.array(value)?;
        let safe = numpy.call_method1("can_cast", (array.dtype(), dtype, "safe"))?;
        if !safe.extract::<bool>()? {
            let received = array.dtype().to_string();
            let remedy = format!("convert with astype(numpy.{dtype}) if every value fits");
            return Err(self.refuse(py, &format!("of dtype {dtype}"), &received, Some(&remedy)));
        }
        self.values(&array.call_method1("astype", ("int32",))?, shape)
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

/// `values` as an array of this shape. Nothing is copied.
pub(crate) fn array<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Py<PyAny>> {
    let array = PyArray1::from_vec(py, values).reshape(shape)?;
    Ok(array.into_any().unbind())
}

/// The axes of outputs of this shape, behind the leading axes of the inputs.
pub(crate) fn output_dims(leading: &[usize], shape: Shape) -> Vec<usize> {
    let sizes = [shape.x, shape.y, shape.c];
    leading.iter().copied().chain(sizes).collect()
}

/// Outputs of one layer. `leading` has the sizes of the axes before the sample's.
pub(crate) fn outputs(
    py: Python<'_>,
    outputs: Values,
    leading: &[usize],
    shape: Shape,
) -> PyResult<Py<PyAny>> {
    let dims = output_dims(leading, shape);
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
            let integers = array(py, memory::copied(integers).map_err(memory_error)?, shape)?;
            match variable.dtype() {
                "int32" => Ok(integers),
                dtype => Ok(integers.bind(py).call_method1("astype", (dtype,))?.unbind()),
            }
        }
        Tensor::Floats(floats) => array(py, memory::copied(floats).map_err(memory_error)?, shape),
    }
}

/// Outputs of every layer of a model, in a list. `leading` has the sizes of the axes before the sample's.
pub(crate) fn taps(
    py: Python<'_>,
    taps: Vec<Values>,
    leading: &[usize],
    model: &akida_sim::Model,
) -> PyResult<Py<PyList>> {
    let arrays = taps.into_iter().zip(model.layers());
    let arrays =
        arrays.map(|(tap, layer)| outputs(py, tap, leading, layer.connection().output.shape));
    let arrays: Vec<Py<PyAny>> = arrays.collect::<PyResult<_>>()?;
    Ok(PyList::new(py, arrays)?.unbind())
}

/// A copy as bytes of Python. Without memory `PyBytes::new` would panic, and Python's own error has no text.
pub(crate) fn bytes<'py>(py: Python<'py>, values: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let copy = PyBytes::new_with(py, values.len(), |copy| {
        copy.copy_from_slice(values);
        Ok(())
    });
    copy.map_err(|_| {
        memory_error(OutOfMemory {
            bytes: values.len(),
        })
    })
}
