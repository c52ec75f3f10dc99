//! Models that are placed on a device.

use crate::device::{Device, violation};
use crate::error::unsupported;
use crate::results::NativeSequence;
use akida_sim::device::EstimateError;
use akida_sim::map::{self, MapMode, NpMapping};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// A mapping. It does not change.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Mapping(pub(crate) Arc<map::Mapping>);

/// The mode of a documented name, one of `AllNps`, `HwPr`, `Minimal`.
pub(crate) fn mode(name: &str) -> MapMode {
    match name {
        "HwPr" => MapMode::HwPr,
        "Minimal" => MapMode::Minimal,
        _ => MapMode::AllNps,
    }
}

#[pymethods]
impl Mapping {
    /// The device.
    #[getter]
    fn device(&self) -> Device {
        Device(self.0.device().clone())
    }

    /// The documented name of the mode.
    #[getter]
    fn mode(&self) -> &'static str {
        self.0.mode().name()
    }

    /// The number of NPs. An NP counts once for each pass that uses it.
    #[getter]
    fn nps(&self) -> usize {
        self.0.nps()
    }

    /// The number of passes of all hardware sequences.
    #[getter]
    fn passes(&self) -> usize {
        self.0.passes()
    }

    /// The skip connections on the chip as (layer that makes the map, layer that joins it), by index.
    #[getter]
    fn skip_connections(&self) -> Vec<(usize, usize)> {
        let skips = self.0.skip_connections().iter();
        skips.map(|skip| (skip.producer, skip.consumer)).collect()
    }

    /// Every sequence, in order.
    #[getter]
    fn sequences(&self) -> Vec<NativeSequence> {
        self.0
            .sequences()
            .iter()
            .map(NativeSequence::from)
            .collect()
    }

    /// The units of a layer; None for a layer in software.
    fn layer<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> PyResult<Option<Vec<Bound<'py, PyDict>>>> {
        let layer = self.0.layers().get(index);
        let on_chip = |l: &&map::LayerMapping| self.0.sequences()[l.sequence].is_hardware();
        let nps = |l: &map::LayerMapping| l.nps.iter().map(|np| unit(py, np)).collect();
        layer.filter(on_chip).map(nps).transpose()
    }

    /// Why layers run in software, and what could go wrong on the chip.
    fn violations<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.0
            .violations()
            .iter()
            .map(|v| violation(py, v))
            .collect()
    }
}

fn unit<'py>(py: Python<'py>, np: &NpMapping) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("ident", np.ident.map(|i| (i.col, i.row, i.id)))?;
    all.set_item("type", np.kind.name())?;
    all.set_item("start_neuron", np.start_neuron)?;
    all.set_item("filters", np.filters)?;
    let space = np.spatial_partition;
    all.set_item("spatial_partition", (space.x, space.y, space.shape))?;
    all.set_item("input_size", np.input_bytes)?;
    all.set_item("weight_size", np.weight_bytes)?;
    all.set_item("external_size", np.external_bytes)?;
    Ok(all)
}

/// The fields of an estimate by name, and its text.
pub(crate) fn estimate<'py>(
    py: Python<'py>,
    model: &akida_sim::Model,
    mapping: Option<&map::Mapping>,
    statistics: Option<&akida_sim::Statistics>,
) -> PyResult<Bound<'py, PyDict>> {
    let estimated = match (mapping, statistics) {
        (None, _) => Err((
            "no estimate: the model is not mapped".into(),
            Some("call map"),
        )),
        (_, None) => {
            let problem = "no estimate: call measure with samples first, which counts events";
            Err((problem.into(), None))
        }
        (Some(mapping), Some(statistics)) => mapping
            .estimate(model, statistics)
            .map_err(|refusal| (format!("{refusal:#}"), refusal.remedy())),
    };
    let refused = |(problem, remedy)| unsupported(py, "estimate", problem, remedy);
    let e = estimated.map_err(refused)?;
    let all = PyDict::new(py);
    let layers = e.layers.iter().map(|l| (l.latency_ms, l.energy_mj));
    all.set_item("layers", layers.collect::<Vec<_>>())?;
    all.set_item("latency_ms", e.latency_ms)?;
    all.set_item("fps", e.fps)?;
    all.set_item("energy_mj", e.energy_mj)?;
    let error = |e: &EstimateError| (e.median, e.largest);
    all.set_item("latency_error", error(&e.latency_error))?;
    all.set_item("energy_error", error(&e.energy_error))?;
    all.set_item("source", e.source)?;
    all.set_item("text", e.to_string())?;
    Ok(all)
}
