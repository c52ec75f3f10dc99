//! The numeric part of conversion, as functions on arrays.

use crate::arrays::{Subject, array};
use crate::device::Device;
use crate::enter::enter;
use crate::error::{Class, Failure, interrupted, memory_error, model_error};
use crate::results::{Certificates, NativeWidths};
use akida_sim::convert::{self, Certificate, Fit, FitError, SetError, Widths};
use akida_sim::{Layer, Reach, memory};
use pyo3::prelude::*;

fn subject(name: &str) -> Subject<'_> {
    Subject { layer: None, name }
}

pub(crate) fn fit_error(py: Python<'_>, error: &FitError) -> PyErr {
    if let Some(error) = error.out_of_memory() {
        return memory_error(error);
    }
    if error.is_interrupted() {
        return interrupted();
    }
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

/// The reach that two arrays give (lowest, highest). Without them every potential is within reach.
fn reach(given: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>, channels: usize) -> PyResult<Reach> {
    let Some((lowest, highest)) = given else {
        return Reach::unknown(channels).map_err(memory_error);
    };
    Ok(Reach {
        lowest: subject("lowest").vector(&lowest)?,
        highest: subject("highest").vector(&highest)?,
    })
}

/// Two arrays: ideal boundaries of all filters, or ideal thresholds; and the interval of each filter.
pub(crate) fn ideal(
    ideal: &Bound<'_, PyAny>,
    s: &Bound<'_, PyAny>,
) -> PyResult<(Vec<i64>, Vec<f64>)> {
    Ok((subject("boundaries").flat(ideal)?, subject("s").vector(s)?))
}

/// The exception for a layer that could not be set.
pub(crate) fn set_error(py: Python<'_>, error: &SetError, layer: &str) -> PyErr {
    match error {
        SetError::Model(error) => model_error(py, error, Some(layer)),
        SetError::Fit(error) => fit_error(py, error),
    }
}

/// The certificates of a layer, compared with ideal boundaries.
pub(crate) fn certificates(
    layer: &Layer,
    boundaries: &Bound<'_, PyAny>,
    device: &Device,
) -> PyResult<Certificates> {
    let py = boundaries.py();
    let ideal: Vec<i64> = subject("boundaries").flat(boundaries)?;
    let widths = device.widths(layer);
    let found = enter(py, |interrupt| {
        convert::certify_unless(layer, &ideal, widths, interrupt)
    })?;
    let found = found.map_err(|e| fit_error(py, &e))?;
    let filters = [found.len()];
    let per_filter = |value: &dyn Fn(&Certificate) -> i32| {
        let values = memory::collected(found.iter().map(value));
        array(py, values.map_err(memory_error)?, &filters)
    };
    let levels = |c: &Certificate| c.levels.unwrap_or((0, 0));
    let rows = found.iter().map(|c| c.differences.len()).sum();
    let mut differences: Vec<i64> = memory::with_capacity(5 * rows).map_err(memory_error)?;
    for (certificate, filter) in found.iter().zip(0i64..) {
        differences.extend(certificate.differences.iter().flat_map(|d| {
            let (held, witness) = (i64::from(d.held), i64::from(d.witness));
            [filter, i64::from(d.level), d.ideal, held, witness]
        }));
    }
    Ok(Certificates {
        lowest: per_filter(&|c| c.lowest)?,
        highest: per_filter(&|c| c.highest)?,
        lowest_level: per_filter(&|c| i32::from(levels(c).0))?,
        highest_level: per_filter(&|c| i32::from(levels(c).1))?,
        held: per_filter(&|c| i32::from(c.held))?,
        moved_if_clipped: per_filter(&|c| i32::from(c.moved_if_clipped))?,
        differences: array(py, differences, &[rows, 5])?,
    })
}

/// The threshold and the step of each channel, and how many of its boundaries differ from the ideal ones.
#[pyfunction]
#[pyo3(signature = (boundaries, s, act_bits, reach=None, widths=None))]
pub(crate) fn fit_boundaries(
    boundaries: &Bound<'_, PyAny>,
    s: &Bound<'_, PyAny>,
    act_bits: u8,
    reach: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
    widths: Option<NativeWidths>,
) -> PyResult<(Py<PyAny>, Py<PyAny>, Py<PyAny>)> {
    let py = s.py();
    let ideal: Vec<i64> = subject("boundaries").flat(boundaries)?;
    let s: Vec<f64> = subject("s").vector(s)?;
    let reach = self::reach(reach, s.len())?;
    let widths = widths.map_or(Widths::UNLIMITED, |widths| widths.0);
    let result = enter(py, |interrupt| {
        convert::fit_boundaries_unless(&ideal, &s, act_bits, &reach, widths, interrupt)
    })?;
    let fit = fit(py, result)?;
    let channels = [s.len()];
    Ok((
        array(py, fit.threshold, &channels)?,
        array(py, fit.act_step, &channels)?,
        array(py, fit.mismatches, &channels)?,
    ))
}

/// The threshold and the step of each channel of a layer without activation.
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
