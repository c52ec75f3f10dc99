//! Devices, and which of their limits a model breaks.

use akida_sim::convert::Widths;
use akida_sim::device::akida2::REVISIONS;
use akida_sim::device::{self, HwVersion, SramSize};
use akida_sim::map::Violation;
use akida_sim::{IpVersion, Layer};
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

    /// Every name that `by_name` knows.
    #[staticmethod]
    fn names() -> Vec<String> {
        device::Device::names()
    }

    /// The documented name of the generation of hardware that has a version.
    #[staticmethod]
    fn generation_of(version: Version) -> &'static str {
        generation(hw_version(version).ip_version())
    }

    /// A device that is not made, of any mesh, version and memory.
    #[staticmethod]
    fn custom(
        convolution: usize,
        fully_connected: usize,
        hrc: bool,
        sram: Option<(usize, usize)>,
        version: Version,
        skip_channels: usize,
    ) -> Self {
        let sram = sram.map(|(input_bytes, weight_bytes)| SramSize {
            input_bytes,
            weight_bytes,
        });
        Self(device::Device::custom(
            convolution,
            fully_connected,
            hrc,
            sram,
            hw_version(version),
            skip_channels,
        ))
    }

    /// The same device of another revision; None for a revision that it does not have.
    fn with_revision(&self, revision: &str) -> Option<Self> {
        self.0.clone().with_revision(revision).map(Self)
    }

    /// The revisions of devices of Akida 2.0, the newest one first.
    #[staticmethod]
    fn revisions() -> Vec<&'static str> {
        REVISIONS.iter().map(|limits| limits.revision).collect()
    }

    /// The revision; None for a device of Akida 1.0.
    #[getter]
    fn revision(&self) -> Option<&'static str> {
        self.0.revision()
    }

    /// The documented name of the generation.
    #[getter]
    fn ip_version(&self) -> &'static str {
        generation(self.0.ip_version())
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

    /// The bytes of memory of one NP: (for inputs, for filters); None where nothing public tells them.
    #[getter]
    fn sram(&self) -> Option<(usize, usize)> {
        let sram = self.0.mesh.sram?;
        Some((sram.input_bytes, sram.weight_bytes))
    }

    /// Channels for skip connections; None where nothing public tells how many there are.
    #[getter]
    fn skip_channels(&self) -> Option<usize> {
        self.0.mesh.skip_channels
    }
}

fn hw_version((vendor_id, product_id, major_rev, minor_rev): Version) -> HwVersion {
    HwVersion {
        vendor_id,
        product_id,
        major_rev,
        minor_rev,
    }
}

/// The documented name of a generation.
pub(crate) fn generation(ip_version: IpVersion) -> &'static str {
    match ip_version {
        IpVersion::V1 => "v1",
        IpVersion::V2 => "v2",
    }
}

impl Device {
    /// What the device holds of a layer's thresholds and steps. Devices of Akida 2.0 have neither, and limit none.
    pub(crate) fn widths(&self, layer: &Layer) -> Widths {
        let registers = self.0.limits.registers_of(layer.spec());
        registers.map_or(Widths::UNLIMITED, Widths::of)
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
