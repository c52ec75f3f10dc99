//! Devices, and which of their limits a model breaks.

use akida_sim::Layer;
use akida_sim::convert::Widths;
use akida_sim::device::{self, HwVersion, SramSize};
use akida_sim::map::Violation;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A chip, made or imagined.
#[pyclass(frozen, module = "cnn2snn._akida")]
pub(crate) struct Device(pub(crate) device::Device);

type Version = (u8, u8, u8, u8);
type Place = (usize, usize, usize);

#[pymethods]
impl Device {
    /// The device of a documented name; None for an unknown name.
    #[staticmethod]
    fn by_name(name: &str) -> Option<Self> {
        device::Device::by_name(name).map(Self)
    }

    /// The documented names.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        device::CHIPS.iter().map(|chip| chip.name).collect()
    }

    /// A device that is not made, of any mesh, version and memory.
    #[staticmethod]
    fn custom(
        convolution: usize,
        fully_connected: usize,
        hrc: bool,
        sram: Option<(usize, usize)>,
        version: Version,
    ) -> Self {
        let sram = sram.map(|(input_bytes, weight_bytes)| SramSize {
            input_bytes,
            weight_bytes,
        });
        let (vendor_id, product_id, major_rev, minor_rev) = version;
        let version = HwVersion {
            vendor_id,
            product_id,
            major_rev,
            minor_rev,
        };
        let nps = (convolution, fully_connected);
        Self(device::Device::custom(nps.0, nps.1, hrc, sram, version))
    }

    /// The documented name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// `VirtualDevice/` and the version.
    #[getter]
    fn desc(&self) -> String {
        self.0.desc()
    }

    /// (vendor, product, major revision, minor revision).
    #[getter]
    fn version(&self) -> Version {
        let v = self.0.version;
        (v.vendor_id, v.product_id, v.major_rev, v.minor_rev)
    }

    /// Every NP as ((column, row, number), types).
    #[getter]
    fn nps(&self) -> Vec<(Place, Vec<&'static str>)> {
        let nps = self.0.mesh.nps.iter();
        nps.map(|np| {
            let types = np.types.iter().map(|t| t.name()).collect();
            ((np.ident.col, np.ident.row, np.ident.id), types)
        })
        .collect()
    }

    /// Whether there is a unit for image convolutions.
    #[getter]
    fn hrc(&self) -> bool {
        self.0.mesh.hrc
    }

    /// The bytes of memory of one NP: (for inputs, for filters).
    #[getter]
    fn sram(&self) -> (usize, usize) {
        let sram = self.0.mesh.sram;
        (sram.input_bytes, sram.weight_bytes)
    }
}

impl Device {
    /// What the device holds of a layer's thresholds and steps.
    pub(crate) fn widths(&self, layer: &Layer) -> Widths {
        Widths::of(self.0.limits.registers_of(layer.spec()))
    }
}

/// The fields of a violation by name, and its text.
pub(crate) fn violation<'py>(py: Python<'py>, v: &Violation) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("layer", &v.layer)?;
    all.set_item("rule", v.rule)?;
    all.set_item("received", &v.received)?;
    all.set_item("allowed", &v.allowed)?;
    all.set_item("source", v.source)?;
    all.set_item("standing", v.standing.name())?;
    all.set_item("effect", v.effect.name())?;
    all.set_item("remedy", &v.remedy)?;
    all.set_item("text", v.to_string())?;
    Ok(all)
}
