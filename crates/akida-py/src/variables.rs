//! Variables of a layer, from arrays.

use crate::arrays::Subject;
use crate::error::argument;
use akida_sim::Tensor;
use pyo3::prelude::*;

/// An array, as the values of a variable.
pub(crate) fn tensor_of(
    py: Python<'_>,
    layer: &akida_sim::Layer,
    name: &str,
    values: &Bound<'_, PyAny>,
) -> PyResult<Tensor> {
    let Some((_, variable)) = layer.connection().variable(name) else {
        return Err(no_variable(py, layer, name));
    };
    let subject = Subject {
        layer: Some(layer.name()),
        name,
    };
    subject.tensor(values, variable)
}

/// The exception for a variable that a layer does not have.
pub(crate) fn no_variable(py: Python<'_>, layer: &akida_sim::Layer, received: &str) -> PyErr {
    let names = layer.variables().map(|(variable, _)| variable.name);
    let names: Vec<&str> = names.collect();
    let expected = match names.is_empty() {
        true => format!("absent: {} has no variables", layer.spec().type_name()),
        false => format!("one of {}", names.join(", ")),
    };
    let received = format!("\"{received}\"");
    argument(
        py,
        Some(layer.name()),
        "the variable",
        &expected,
        &received,
        None,
    )
}
