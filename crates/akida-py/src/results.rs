//! Results of several values, each by its name.

use akida_fbz::ValueSummary;
use akida_sim::convert::Widths;
use akida_sim::map::Sequence;
use akida_sim::{KernelChoice, LayerStatistics};
use pyo3::prelude::*;

/// What a chip holds of the thresholds and steps of a layer.
#[pyclass(frozen, from_py_object, module = "cnn2snn._akida", name = "Widths")]
#[derive(Clone)]
pub(crate) struct NativeWidths(pub(crate) Widths);

#[pymethods]
impl NativeWidths {
    #[new]
    fn new(min_threshold: i32, max_threshold: i32, max_step: f32, step_unit: f32) -> Self {
        Self(Widths {
            min_threshold,
            max_threshold,
            max_step,
            step_unit,
        })
    }

    /// The smallest threshold.
    #[getter]
    fn min_threshold(&self) -> i32 {
        self.0.min_threshold
    }

    /// The largest threshold.
    #[getter]
    fn max_threshold(&self) -> i32 {
        self.0.max_threshold
    }

    /// The largest step.
    #[getter]
    fn max_step(&self) -> f32 {
        self.0.max_step
    }

    /// The unit of steps: a chip stores steps as multiples of it.
    #[getter]
    fn step_unit(&self) -> f32 {
        self.0.step_unit
    }
}

/// What is known of the filters of a layer. The arrays have a value per filter, except for the differences.
#[pyclass(frozen, get_all, module = "cnn2snn._akida")]
pub(crate) struct Certificates {
    /// The lowest potentials.
    pub(crate) lowest: Py<PyAny>,
    /// The highest potentials.
    pub(crate) highest: Py<PyAny>,
    /// The levels of the lowest potentials.
    pub(crate) lowest_level: Py<PyAny>,
    /// The levels of the highest potentials.
    pub(crate) highest_level: Py<PyAny>,
    /// Whether the device holds threshold and step.
    pub(crate) held: Py<PyAny>,
    /// Boundaries that clipping would move.
    pub(crate) moved_if_clipped: Py<PyAny>,
    /// An array of shape (differences, 5): filter, level, ideal boundary, boundary of the layer, witness.
    pub(crate) differences: Py<PyAny>,
}

/// What a variable consists of.
#[pyclass(frozen, get_all, module = "cnn2snn._akida")]
pub(crate) struct VariableSummary {
    /// The documented name.
    pub(crate) name: &'static str,
    /// The number of values.
    pub(crate) count: u64,
    /// The number of bytes in a file.
    pub(crate) bytes: u64,
    /// For weights: each value, and how often it occurs.
    pub(crate) histogram: Option<Vec<(i8, u64)>>,
    /// For other values: the smallest and the largest. `None` for bounds of which no filter has one.
    pub(crate) range: Option<Py<PyAny>>,
}

impl VariableSummary {
    pub(crate) fn new(py: Python<'_>, summary: akida_fbz::VariableSummary) -> PyResult<Self> {
        let (histogram, range) = match summary.values {
            ValueSummary::Histogram(histogram) => (Some(histogram), None),
            ValueSummary::Integers(low, high) => (None, Some((low, high).into_pyobject(py)?)),
            ValueSummary::Floats(low, high) => (None, Some((low, high).into_pyobject(py)?)),
            ValueSummary::Bounds { range: None, .. } => (None, None),
            ValueSummary::Bounds {
                range: Some((low, high)),
                ..
            } => (None, Some((low, high).into_pyobject(py)?)),
        };
        Ok(Self {
            name: summary.name,
            count: summary.count,
            bytes: summary.bytes,
            histogram,
            range: range.map(|range| range.into_any().unbind()),
        })
    }
}

/// Statistics of samples.
#[pyclass(frozen, get_all, module = "cnn2snn._akida")]
pub(crate) struct Statistics {
    /// The number of samples.
    pub(crate) samples: usize,
    /// For each layer: (sparsity, events, effective multiply-accumulates).
    pub(crate) layers: Vec<(f64, f64, f64)>,
}

impl From<&akida_sim::Statistics> for Statistics {
    fn from(statistics: &akida_sim::Statistics) -> Self {
        let row = |l: &LayerStatistics| (l.sparsity, l.events, l.effective_macs);
        Self {
            samples: statistics.samples(),
            layers: statistics.layers().iter().map(row).collect(),
        }
    }
}

/// A kernel that a plan has chosen, and why no earlier one.
#[pyclass(frozen, get_all, module = "cnn2snn._akida")]
pub(crate) struct Choice {
    /// The name of the layer.
    pub(crate) layer: String,
    /// The name of the kernel.
    pub(crate) kernel: &'static str,
    /// The kernels before it in the table, each with the reason against it.
    pub(crate) declined: Vec<(&'static str, String)>,
}

impl From<&KernelChoice> for Choice {
    fn from(choice: &KernelChoice) -> Self {
        Self {
            layer: choice.layer.clone(),
            kernel: choice.kernel,
            declined: choice.declined.clone(),
        }
    }
}

/// Layers that run without a stop.
#[pyclass(frozen, get_all, module = "cnn2snn._akida")]
pub(crate) struct NativeSequence {
    /// The documented name.
    pub(crate) name: String,
    /// Whether the layers run on the chip.
    pub(crate) is_hardware: bool,
    /// The passes as (first layer, end).
    pub(crate) passes: Vec<(usize, usize)>,
    /// The bytes of the program; None for layers in software.
    pub(crate) program_bytes: Option<u64>,
}

impl From<&Sequence> for NativeSequence {
    fn from(sequence: &Sequence) -> Self {
        let passes = sequence.passes().iter();
        Self {
            name: sequence.name().to_owned(),
            is_hardware: sequence.is_hardware(),
            passes: passes.map(|p| (p.layers.start, p.layers.end)).collect(),
            program_bytes: sequence.program_bytes(),
        }
    }
}
