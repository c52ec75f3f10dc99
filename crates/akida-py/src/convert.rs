//! The numeric part of conversion.

use crate::arrays::{Subject, array};
use crate::enter::enter;
use crate::error::{Class, Failure};
use akida_sim::Reach;
use akida_sim::convert::{self, Fit, FitError, Widths};
use pyo3::prelude::*;

fn subject(name: &str) -> Subject<'_> {
    Subject { layer: None, name }
}

pub(crate) fn fit_error(py: Python<'_>, error: &FitError) -> PyErr {
    Failure {
        class: Class::InvalidArgument,
        problem: error.to_string(),
        remedy: None,
        layer: None,
        kind: "fit",
        expected: "",
        received: "",
    }
    .raise(py)
}

fn fit(py: Python<'_>, result: Result<Fit, FitError>) -> PyResult<Fit> {
    result.map_err(|error| fit_error(py, &error))
}

/// A reach of arrays (lowest, highest); every potential without.
fn reach(given: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>, channels: usize) -> PyResult<Reach> {
    let Some((lowest, highest)) = given else {
        return Ok(Reach::unknown(channels));
    };
    Ok(Reach {
        lowest: subject("lowest").vector(&lowest)?,
        highest: subject("highest").vector(&highest)?,
    })
}

/// Widths as (smallest threshold, largest, largest step, unit of steps); no limit without.
fn widths(given: Option<(i32, i32, f32, f32)>) -> Widths {
    given.map_or(
        Widths::UNLIMITED,
        |(min_threshold, max_threshold, max_step, step_unit)| Widths {
            min_threshold,
            max_threshold,
            max_step,
            step_unit,
        },
    )
}

/// Thresholds, steps and number of boundaries that differ from the ideal ones, per channel.
#[pyfunction]
#[pyo3(signature = (boundaries, s, act_bits, reach=None, widths=None))]
pub(crate) fn fit_boundaries(
    boundaries: &Bound<'_, PyAny>,
    s: &Bound<'_, PyAny>,
    act_bits: u8,
    reach: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
    widths: Option<(i32, i32, f32, f32)>,
) -> PyResult<(Py<PyAny>, Py<PyAny>, Py<PyAny>)> {
    let py = s.py();
    let ideal: Vec<i64> = subject("boundaries").flat(boundaries)?;
    let s: Vec<f64> = subject("s").vector(s)?;
    let reach = self::reach(reach, s.len())?;
    let widths = self::widths(widths);
    let result = enter(py, |_| {
        convert::fit_boundaries(&ideal, &s, act_bits, &reach, widths)
    })?;
    let fit = fit(py, result)?;
    let channels = [s.len()];
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
    let t: Vec<i64> = subject("t").vector(t)?;
    let a: Vec<f64> = subject("a").vector(a)?;
    let result = enter(py, |_| convert::fit_output(&t, &a))?;
    let fit = fit(py, result)?;
    let channels = [t.len()];
    Ok((
        array(py, fit.threshold, &channels)?,
        array(py, fit.act_step, &channels)?,
    ))
}
