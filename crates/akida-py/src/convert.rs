//! The numeric part of conversion.

use crate::arrays::{Subject, array};
use crate::enter::enter;
use crate::error::{Class, Failure};
use akida_sim::convert::{self, Fit, FitError};
use pyo3::prelude::*;

fn vector(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    Subject { layer: None, name }.vector(value)
}

fn fit(py: Python<'_>, result: Result<Fit, FitError>) -> PyResult<Fit> {
    result.map_err(|error| {
        Failure {
            class: Class::InvalidArgument,
            message: error.to_string(),
            layer: None,
            kind: "fit",
            expected: "",
            received: "",
        }
        .raise(py)
    })
}

/// Thresholds, steps and number of boundaries that differ from the ideal ones, per channel.
#[pyfunction]
#[pyo3(signature = (t, s, act_bits))]
pub(crate) fn fit_boundaries(
    t: &Bound<'_, PyAny>,
    s: &Bound<'_, PyAny>,
    act_bits: u8,
) -> PyResult<(Py<PyAny>, Py<PyAny>, Py<PyAny>)> {
    let py = t.py();
    let (t, s) = (vector("t", t)?, vector("s", s)?);
    let result = enter(py, |_| convert::fit_boundaries(&t, &s, act_bits))?;
    let fit = fit(py, result)?;
    let channels = [t.len()];
    Ok((
        array(py, fit.threshold, &channels)?,
        array(py, fit.act_step, &channels)?,
        array(py, fit.mismatches, &channels)?,
    ))
}

/// Thresholds and steps of a layer without activation, per channel.
#[pyfunction]
#[pyo3(signature = (t, a))]
pub(crate) fn fit_output(
    t: &Bound<'_, PyAny>,
    a: &Bound<'_, PyAny>,
) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
    let py = t.py();
    let (t, a) = (vector("t", t)?, vector("a", a)?);
    let result = enter(py, |_| convert::fit_output(&t, &a))?;
    let fit = fit(py, result)?;
    let channels = [t.len()];
    Ok((
        array(py, fit.threshold, &channels)?,
        array(py, fit.act_step, &channels)?,
    ))
}
