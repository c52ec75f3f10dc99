//! Streams of a model with state, and the lock that guards them.

use crate::arrays::{self, outputs};
use crate::enter::{enter, lock};
use crate::error::run_error;
use crate::inputs::Inputs;
use akida_sim::{Plan, RunError, RunOptions, Values};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why streams were not moved on.
pub(crate) enum StreamError {
    /// The inputs are for another number of streams than there are.
    Streams(usize),
    /// The run was refused or stopped.
    Run(RunError),
}

impl From<RunError> for StreamError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl StreamError {
    /// The exception, with what to do about another number of streams.
    pub(crate) fn raise(
        &self,
        py: Python<'_>,
        inputs: &Inputs<'_>,
        plan: &Plan,
        remedy: &str,
    ) -> PyErr {
        match self {
            Self::Streams(streams) => inputs.other_streams(py, *streams, remedy),
            Self::Run(error) => {
                run_error(py, error, &inputs.dims, plan.model().input().format.bits)
            }
        }
    }
}

/// Streams of a model as it was when the session was made. Edits of the model do not disturb them.
///
/// The lock is taken only by threads that have released the interpreter.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Session {
    plan: Arc<Plan>,
    session: Mutex<akida_sim::Session>,
}

#[pymethods]
impl Session {
    /// The number of streams.
    #[getter]
    fn streams(&self, py: Python<'_>) -> PyResult<usize> {
        enter(py, |_| self.lock().streams())
    }

    /// Outputs of the last layer for the next input of every stream.
    fn step(&self, inputs: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.outputs(inputs, &["n"])
    }

    /// Outputs of the last layer for clips, whose first axis is time.
    fn run_clip(&self, inputs: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.outputs(inputs, &["t", "n"])
    }

    /// Outputs of every layer for the next input of every stream, in layer order.
    fn taps(&self, inputs: &Bound<'_, PyAny>) -> PyResult<Py<PyList>> {
        let py = inputs.py();
        let inputs = Inputs::new(inputs, self.plan.model(), &["n"])?;
        let result = self.run(py, &inputs, |session, values, options| {
            session.taps(&self.plan, values, options)
        })?;
        arrays::taps(py, result, inputs.leading(), self.plan.model())
    }

    /// Puts every stream before its first input.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        enter(py, |_| self.lock().reset())
    }

    /// The streams as bytes.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let saved = enter(py, |_| self.lock().save())?.map_err(|e| run_error(py, &e, &[], 0))?;
        arrays::bytes(py, &saved)
    }

    /// Takes over the streams that `save` has written, whatever their number.
    fn restore(&self, py: Python<'_>, saved: &[u8]) -> PyResult<()> {
        let restored = enter(py, |_| {
            let restored = akida_sim::Session::restore(&self.plan, saved)?;
            *self.lock() = restored;
            Ok(())
        })?;
        restored.map_err(|e| run_error(py, &e, &[], 0))
    }
}

impl Session {
    pub(crate) fn new(py: Python<'_>, plan: Arc<Plan>, streams: usize) -> PyResult<Self> {
        let session = enter(py, |_| akida_sim::Session::new(&plan, streams))?;
        let session = Mutex::new(session.map_err(|e| run_error(py, &e, &[], 0))?);
        Ok(Self { plan, session })
    }

    fn lock(&self) -> MutexGuard<'_, akida_sim::Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outputs(&self, inputs: &Bound<'_, PyAny>, axes: &[&str]) -> PyResult<Py<PyAny>> {
        let py = inputs.py();
        let inputs = Inputs::new(inputs, self.plan.model(), axes)?;
        let values: Values = self.run(py, &inputs, |session, values, options| {
            session.run_clip(&self.plan, values, options)
        })?;
        let shape = self.plan.model().output_shape();
        outputs(py, values, inputs.leading(), shape)
    }

    fn run<T: Send>(
        &self,
        py: Python<'_>,
        inputs: &Inputs<'_>,
        run: impl FnOnce(
            &mut akida_sim::Session,
            akida_sim::Inputs<'_>,
            &RunOptions<'_>,
        ) -> Result<T, RunError>
        + Send,
    ) -> PyResult<T> {
        let (values, streams) = (inputs.values()?, inputs.streams());
        let result = enter(py, |interrupt| {
            let options = RunOptions {
                interrupt: Some(interrupt),
                ..RunOptions::default()
            };
            let mut session = lock(&self.session, interrupt)?;
            match session.streams() == streams {
                true => Ok(run(&mut session, values, &options)?),
                false => Err(StreamError::Streams(session.streams())),
            }
        })?;
        let remedy = "make another session for other streams";
        result.map_err(|e| e.raise(py, inputs, &self.plan, remedy))
    }
}
