//! The methods of a model that Python calls: to edit, run, save and map it.

use crate::arrays::{self, array, output_dims, outputs, tensor};
use crate::convert;
use crate::device::{Device, violation};
use crate::enter::enter;
use crate::error::{
    argument, decode_error, encode_error, interrupted, memory_error, model_error, read_error,
    run_error, write_error,
};
use crate::inputs::Outputs;
use crate::layers::{Layer, Spec};
use crate::mapping::{self, Mapping};
use crate::results::{self, Certificates, Choice};
use crate::session;
use crate::state::Model;
use crate::variables::{no_variable, tensor_of};
use akida_sim::convert::set_fitted_unless;
use akida_sim::map::MapError;
use akida_sim::{
    InputScaling, Inputs, ModelBuilder, Plan, ReachError, RunError, RunOptions, Session,
    Statistics, Values,
};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::path::PathBuf;
use std::sync::Arc;

#[pymethods]
impl Model {
    /// A model without layers.
    #[new]
    fn empty() -> Self {
        Self::new(ModelBuilder::new())
    }

    /// The model in a file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let model =
            enter(py, |_| akida_fbz::read_file(&path))?.map_err(|e| read_error(py, &e, &path))?;
        Ok(Self::new(model.edit()))
    }

    /// The model in the bytes of a file.
    #[staticmethod]
    fn from_buffer(py: Python<'_>, buffer: &[u8]) -> PyResult<Self> {
        let model =
            enter(py, |_| akida_fbz::decode(buffer))?.map_err(|e| decode_error(py, &e, None))?;
        Ok(Self::new(model.edit()))
    }

    /// Writes the model to a file, all of it or nothing.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let model = self.build(py)?;
        enter(py, |_| akida_fbz::write_file(&path, &model))?.map_err(|e| write_error(py, &e, &path))
    }

    /// The bytes of a file.
    fn to_buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let model = self.build(py)?;
        let bytes = enter(py, |_| akida_fbz::encode(&model))?.map_err(|e| encode_error(py, &e))?;
        arrays::bytes(py, &bytes)
    }

    /// Refuses a model that cannot be run or saved yet.
    fn check_complete(&self, py: Python<'_>) -> PyResult<()> {
        self.build(py).map(drop)
    }

    /// Adds a layer that reads the layers at `inbounds`, and gives its index. Without inbounds it reads the last layer.
    fn add(
        &self,
        py: Python<'_>,
        name: &str,
        spec: &Spec,
        inbounds: Vec<usize>,
    ) -> PyResult<usize> {
        self.edit(|builder| builder.add(name, spec.0.clone(), &inbounds))
            .map_err(|e| model_error(py, &e, None))
    }

    /// Removes the last layer.
    fn pop(&self, py: Python<'_>) -> PyResult<()> {
        self.edit(|builder| builder.pop().map(drop).ok_or(()))
            .map_err(|()| argument(py, None, "the model", "of at least one layer", "none", None))
    }

    /// Every layer, in layer order.
    fn layers(&self) -> Vec<Layer> {
        self.state()
            .builder
            .layers()
            .iter()
            .map(|layer| Layer(Arc::clone(layer)))
            .collect()
    }

    /// The layer at an index.
    fn layer(&self, py: Python<'_>, index: usize) -> PyResult<Layer> {
        self.layer_at(py, index).map(Layer)
    }

    /// What is known of the filters of a layer, compared with ideal boundaries.
    fn certify(
        &self,
        index: usize,
        boundaries: &Bound<'_, PyAny>,
        device: &Device,
    ) -> PyResult<Certificates> {
        let layer = self.layer_at(boundaries.py(), index)?;
        convert::certificates(&layer, boundaries, device)
    }

    /// Sets weights by name, and the thresholds and steps that come nearest to the ideal ones. Gives how many boundaries
    /// differ.
    fn set_fitted(
        &self,
        index: usize,
        weights: &Bound<'_, PyDict>,
        ideal: &Bound<'_, PyAny>,
        s: &Bound<'_, PyAny>,
        device: &Device,
    ) -> PyResult<Py<PyAny>> {
        let py = s.py();
        let layer = self.layer_at(py, index)?;
        let weights = weights.iter().map(|(name, values)| {
            let name: String = name.extract()?;
            let values = tensor_of(py, &layer, &name, &values)?;
            Ok((name, values))
        });
        let weights = weights.collect::<PyResult<_>>()?;
        let (ideal, s) = convert::ideal(ideal, s)?;
        let mut edited = self.state().builder.clone();
        let missed = enter(py, |interrupt| {
            let widths = |layer: &_| device.widths(layer);
            set_fitted_unless(&mut edited, index, weights, &ideal, &s, widths, interrupt)
        })?;
        let missed = missed.map_err(|e| convert::set_error(py, &e, layer.name()))?;
        // Other threads may have edited the model meanwhile. So only the variables of the layer are taken over.
        self.edit(|builder| builder.take_variables(index, &edited.layers()[index]))
            .map_err(|e| model_error(py, &e, Some(layer.name())))?;
        let filters = [missed.len()];
        array(py, missed, &filters)
    }

    /// The lowest and the highest potential of each filter, from the weights.
    fn reach(&self, py: Python<'_>, index: usize) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let layer = self.layer_at(py, index)?;
        let reach = enter(py, |interrupt| layer.reach_unless(interrupt))?;
        let reach = reach.map_err(|error| match error {
            ReachError::Memory(error) => memory_error(error),
            ReachError::Interrupted => interrupted(),
        })?;
        let Some(reach) = reach else {
            return Err(argument(
                py,
                Some(layer.name()),
                "reach",
                "asked of a layer with weights",
                "one without",
                None,
            ));
        };
        let filters = [reach.lowest.len()];
        Ok((
            array(py, reach.lowest, &filters)?,
            array(py, reach.highest, &filters)?,
        ))
    }

    /// A copy of a variable.
    fn get_variable(&self, py: Python<'_>, index: usize, name: &str) -> PyResult<Py<PyAny>> {
        let layer = self.layer_at(py, index)?;
        let mut variables = layer.variables();
        match variables.find(|(variable, _)| variable.name == name) {
            Some((variable, values)) => tensor(py, variable, values),
            None => Err(no_variable(py, &layer, name)),
        }
    }

    /// Replaces a variable by an array of the same shape and dtype.
    fn set_variable(&self, index: usize, name: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = values.py();
        let layer = self.layer_at(py, index)?;
        let values = tensor_of(py, &layer, name, values)?;
        self.edit(|builder| builder.set_variable(index, name, values))
            .map_err(|e| model_error(py, &e, Some(layer.name())))
    }

    /// How inputs follow from the inputs of the network that the model was made from: (scale, shift).
    #[getter]
    fn input_scaling(&self) -> Option<(f64, f64)> {
        let scaling = self.state().builder.input_scaling();
        scaling.map(|s| (s.scale(), s.shift()))
    }

    /// Sets how inputs follow from the inputs of the network that the model was made from.
    fn set_input_scaling(&self, py: Python<'_>, scaling: Option<(f64, f64)>) -> PyResult<()> {
        let scaling = scaling.map(|(scale, shift)| InputScaling::new(scale, shift));
        let scaling = scaling.transpose().map_err(|e| model_error(py, &e, None))?;
        // No result depends on the scaling, so that the plan stays.
        self.state().builder.set_input_scaling(scaling);
        Ok(())
    }

    /// Integer outputs of the last layer.
    fn forward(
        &self,
        inputs: &Bound<'_, PyAny>,
        batch_size: usize,
        threads: usize,
    ) -> PyResult<Py<PyAny>> {
        let run = (batch_size, threads);
        let (plan, result, leading) = self.run(inputs, &["n"], run, forward)?;
        outputs(inputs.py(), result, &leading, plan.model().output_shape())
    }

    /// Begins new streams of a model with state.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.forget_session(py)
    }

    /// Streams of the model as it is now.
    fn session(&self, py: Python<'_>, streams: usize) -> PyResult<session::Session> {
        session::Session::new(py, self.plan(py)?, streams)
    }

    /// Whether outputs depend on earlier inputs of a stream.
    #[getter]
    fn has_state(&self) -> bool {
        let state = self.state();
        let mut layers = state.builder.layers().iter();
        layers.any(|layer| layer.connection().operation.has_state())
    }

    /// The floats that the model's Dequantizer makes of outputs.
    fn dequantize(&self, outputs: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = outputs.py();
        let plan = self.plan(py)?;
        let outputs = Outputs::new(outputs, plan.model())?;
        let values = outputs.values()?;
        let floats = enter(py, |_| plan.dequantize(values))?;
        let floats = floats.map_err(|e| run_error(py, &e, &outputs.dims, 0))?;
        array(py, floats, &outputs.dims)
    }

    /// The classes of outputs.
    fn classes_of(&self, outputs: &Bound<'_, PyAny>, classes: usize) -> PyResult<Py<PyAny>> {
        let py = outputs.py();
        let plan = self.plan(py)?;
        let outputs = Outputs::new(outputs, plan.model())?;
        let values = outputs.values()?;
        let found = enter(py, |_| plan.classes_of(values, classes))?;
        let found = found.map_err(|e| run_error(py, &e, &outputs.dims, 0))?;
        let found = found.into_iter().map(|class| class as i32).collect();
        array(py, found, &outputs.dims[..outputs.dims.len() - 3])
    }

    /// Float outputs: those of a Dequantizer, or of Akida 1.0 without activation.
    fn predict(
        &self,
        inputs: &Bound<'_, PyAny>,
        batch_size: usize,
        threads: usize,
    ) -> PyResult<Py<PyAny>> {
        let run = (batch_size, threads);
        let (plan, result, leading) =
            self.run(inputs, &["n"], run, |plan, session, inputs, options| {
                if session.is_none() {
                    return plan.predict(inputs, options);
                }
                // Refuses a model without floats before the streams move on.
                plan.dequantize(&[0u8; 0])?;
                plan.dequantize(&forward(plan, session, inputs, options)?)
            })?;
        let shape = plan.model().output_shape();
        array(inputs.py(), result, &output_dims(&leading, shape))
    }

    /// Outputs of every layer, in layer order.
    fn forward_taps(&self, inputs: &Bound<'_, PyAny>) -> PyResult<Py<PyList>> {
        let py = inputs.py();
        let (plan, result, leading) = self.run(
            inputs,
            &["n"],
            (0, 1),
            |plan, session, inputs, options| match session {
                None => plan.taps(inputs, options),
                Some(session) => session.taps(plan, inputs, options),
            },
        )?;
        arrays::taps(py, result, &leading, plan.model())
    }

    /// The limits of a device that layers break. Each violation is a dictionary of its fields.
    fn check<'py>(&self, py: Python<'py>, device: &Device) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let model = self.build(py)?;
        let found = enter(py, |_| akida_sim::map::check(&model, &device.0))?;
        let found = found.map_err(memory_error)?;
        found.iter().map(|v| violation(py, v)).collect()
    }

    /// Places the model on a device. Gives None when it is placed, else the violations that stand in the way.
    fn map<'py>(
        &self,
        py: Python<'py>,
        device: &Device,
        mode: &str,
        hw_only: bool,
    ) -> PyResult<Option<Vec<Bound<'py, PyDict>>>> {
        let (builder, edits) = {
            let state = self.state();
            (state.builder.clone(), state.edits)
        };
        let model = builder.build().map_err(|e| model_error(py, &e, None))?;
        let mode = mapping::mode(mode);
        let mapped = enter(py, |_| {
            akida_sim::map::map(&model, &device.0, mode, hw_only)
        })?;
        match mapped {
            Ok(mapping) => {
                let mut state = self.state();
                // Every edit unmaps the model, also an edit that another thread has made meanwhile.
                if state.edits == edits {
                    state.mapping = Some(Arc::new(mapping));
                }
                Ok(None)
            }
            Err(MapError::Memory(error)) => Err(memory_error(error)),
            Err(error) => {
                let found = error.violations().iter().map(|v| violation(py, v));
                found.collect::<PyResult<_>>().map(Some)
            }
        }
    }

    /// Forgets the mapping.
    fn unmap(&self) {
        self.state().mapping = None;
    }

    /// The mapping; None before the model is mapped and after every edit.
    #[getter]
    fn mapping(&self) -> Option<Mapping> {
        self.state().mapping.clone().map(Mapping)
    }

    /// Runs inputs and counts zeros and events.
    fn measure(&self, inputs: &Bound<'_, PyAny>) -> PyResult<results::Statistics> {
        let edits = self.state().edits;
        let statistics = self.run_apart(inputs, &["n"], |plan, inputs, options| {
            Statistics::measure(plan, inputs, options)
        })?;
        let counted = results::Statistics::from(&statistics);
        let mut state = self.state();
        if state.edits == edits {
            state.statistics = Some(Arc::new(statistics));
        }
        Ok(counted)
    }

    /// The statistics of the last call of `measure`; None before one.
    #[getter]
    fn statistics(&self) -> Option<results::Statistics> {
        let statistics = self.state().statistics.clone();
        statistics.map(|s| results::Statistics::from(&*s))
    }

    /// Latency and energy on the device that the model is mapped on, for the inputs that were measured.
    fn estimate<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (builder, mapping, statistics) = {
            let state = self.state();
            let parts = (state.mapping.clone(), state.statistics.clone());
            (state.builder.clone(), parts.0, parts.1)
        };
        let model = builder.build().map_err(|e| model_error(py, &e, None))?;
        mapping::estimate(py, &model, mapping.as_deref(), statistics.as_deref())
    }

    /// The kernels chosen, and the earlier kernels of each table with the reason against them.
    fn choices(&self, py: Python<'_>) -> PyResult<Vec<Choice>> {
        let plan = self.plan(py)?;
        Ok(plan.choices().iter().map(Choice::from).collect())
    }

    /// The bytes of packed weights and other parameters of each layer, and the bytes of the scratch memory of a thread.
    fn plan_bytes(&self, py: Python<'_>) -> PyResult<(Vec<usize>, usize)> {
        let plan = self.plan(py)?;
        let scratch = plan.try_scratch();
        let scratch = scratch.map_err(|e| PyMemoryError::new_err(e.to_string()))?;
        Ok((plan.packed_bytes(), scratch.bytes()))
    }
}

/// Outputs of the last layer. The streams of a session move on by a step.
fn forward(
    plan: &Plan,
    session: Option<&mut Session>,
    inputs: Inputs<'_>,
    options: &RunOptions<'_>,
) -> Result<Values, RunError> {
    match session {
        None => plan.forward(inputs, options),
        Some(session) => session.step(plan, inputs, options),
    }
}
