//! The state of a model that is edited, and the lock that guards it.

use crate::enter::{enter, lock};
use crate::error::{argument, interrupted, model_error, run_error};
use crate::inputs::Inputs;
use crate::session::StreamError;
use akida_sim::{
    ModelBuilder, Plan, PlanError, PlanOptions, RunError, RunOptions, Session, Statistics,
};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A model that can be edited. The first run after an edit makes a plan.
///
/// A run keeps a reference to its plan, so that edits by other threads do not disturb it. The lock is held for moments only,
/// and never while a thread releases the interpreter or waits for it.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Model {
    state: Mutex<State>,
    /// The streams of a model with state; `None` before its first run. It is locked only by threads that have released the
    /// interpreter.
    session: Mutex<Option<Session>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) builder: ModelBuilder,
    /// The number of edits. A plan that was made of an older state is not kept.
    pub(crate) edits: u64,
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) mapping: Option<Arc<akida_sim::map::Mapping>>,
    pub(crate) statistics: Option<Arc<Statistics>>,
}

impl Model {
    pub(crate) fn new(builder: ModelBuilder) -> Self {
        Self {
            state: Mutex::new(State {
                builder,
                ..State::default()
            }),
            session: Mutex::new(None),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A lock that a panic has poisoned may be used: an edit that panics leaves the builder as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn edit<T, E>(
        &self,
        edit: impl FnOnce(&mut ModelBuilder) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.state();
        let result = edit(&mut state.builder)?;
        state.edits += 1;
        state.plan = None;
        state.mapping = None;
        state.statistics = None;
        Ok(result)
    }

    pub(crate) fn layer_at(&self, py: Python<'_>, index: usize) -> PyResult<Arc<akida_sim::Layer>> {
        // The lock is given back before an error is made. To make an error runs Python code, and that may switch threads.
        let (layer, count) = {
            let state = self.state();
            let layers = state.builder.layers();
            (layers.get(index).cloned(), layers.len())
        };
        layer.ok_or_else(|| {
            let expected = format!("below {count}");
            argument(py, None, "index", &expected, &index.to_string(), None)
        })
    }

    /// The complete model, as it is now.
    pub(crate) fn build(&self, py: Python<'_>) -> PyResult<akida_sim::Model> {
        let builder = self.state().builder.clone();
        builder.build().map_err(|e| model_error(py, &e, None))
    }

    pub(crate) fn plan(&self, py: Python<'_>) -> PyResult<Arc<Plan>> {
        let (builder, edits) = {
            let state = self.state();
            if let Some(plan) = &state.plan {
                return Ok(Arc::clone(plan));
            }
            (state.builder.clone(), state.edits)
        };
        let model = builder.build().map_err(|e| model_error(py, &e, None))?;
        let plan = enter(py, |interrupt| {
            Plan::with_options_unless(model, &PlanOptions::default(), interrupt)
        })?;
        let plan = plan.map_err(|error| match error {
            PlanError::Interrupted => interrupted(),
            error => PyMemoryError::new_err(error.to_string()),
        });
        let plan = Arc::new(plan?);
        let mut state = self.state();
        if state.edits != edits {
            return Ok(plan);
        }
        Ok(Arc::clone(state.plan.get_or_insert(plan)))
    }

    /// Calls `run` with checked inputs. Gives the plan, the result, and the sizes of the axes before the sample's.
    ///
    /// `axes` names these axes. A model with state is run with the model's own session, whose streams are the last of these
    /// axes. One run after the other has the session.
    pub(crate) fn run<T: Send>(
        &self,
        inputs: &Bound<'_, PyAny>,
        axes: &[&str],
        (batch_size, threads): (usize, usize),
        run: impl FnOnce(
            &Plan,
            Option<&mut Session>,
            akida_sim::Inputs<'_>,
            &RunOptions<'_>,
        ) -> Result<T, RunError>
        + Send,
    ) -> PyResult<(Arc<Plan>, T, Vec<usize>)> {
        let py = inputs.py();
        let plan = self.plan(py)?;
        let inputs = Inputs::new(inputs, plan.model(), axes)?;
        let (values, streams) = (inputs.values()?, inputs.streams());
        let has_state = plan.model().has_state();
        let result = enter(py, |interrupt| {
            let options = RunOptions {
                threads,
                batch_size,
                interrupt: Some(interrupt),
            };
            match has_state {
                true => self.run_session(&plan, streams, interrupt, |session| {
                    run(&plan, Some(session), values, &options)
                }),
                false => Ok(run(&plan, None, values, &options)?),
            }
        })?;
        let remedy = "call reset() to begin other streams";
        let result = result.map_err(|e| e.raise(py, &inputs, &plan, remedy))?;
        Ok((plan, result, inputs.leading().to_vec()))
    }

    /// Calls `run` with checked inputs, apart from the model's own session.
    pub(crate) fn run_apart<T: Send>(
        &self,
        inputs: &Bound<'_, PyAny>,
        axes: &[&str],
        run: impl FnOnce(&Plan, akida_sim::Inputs<'_>, &RunOptions<'_>) -> Result<T, RunError> + Send,
    ) -> PyResult<T> {
        let py = inputs.py();
        let plan = self.plan(py)?;
        let inputs = Inputs::new(inputs, plan.model(), axes)?;
        let values = inputs.values()?;
        let result = enter(py, |interrupt| {
            let options = RunOptions {
                interrupt: Some(interrupt),
                ..RunOptions::default()
            };
            run(&plan, values, &options)
        })?;
        let bits = plan.model().input().format.bits;
        result.map_err(|e| run_error(py, &e, &inputs.dims, bits))
    }

    /// Calls `run` with the model's own session. The session of an older plan gives way to a new one.
    fn run_session<T>(
        &self,
        plan: &Plan,
        streams: usize,
        interrupt: &dyn Fn() -> bool,
        run: impl FnOnce(&mut Session) -> Result<T, RunError>,
    ) -> Result<T, StreamError> {
        let mut own = lock(&self.session, interrupt)?;
        if let Some(session) = own.as_mut().filter(|s| s.is_of(plan)) {
            return match session.streams() == streams {
                true => Ok(run(session)?),
                false => Err(StreamError::Streams(session.streams())),
            };
        }
        let mut session = Session::new(plan, streams)?;
        let result = run(&mut session)?;
        // A run that was refused, or had no inputs, settles no number of streams.
        *own = (streams > 0).then_some(session);
        Ok(result)
    }

    /// Forgets the session of a model with state. The next run begins new streams.
    pub(crate) fn forget_session(&self, py: Python<'_>) -> PyResult<()> {
        enter(py, |_| {
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        })
    }
}
