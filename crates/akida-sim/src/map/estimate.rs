//! How long a mapped model would take on the chip, and how much energy: an estimate from published benchmarks.

use super::akida1::cycles::cycles as cycles_akida1;
use super::mapping::{Mapping, NpMapping};
use crate::device::EstimateError;
use crate::{IpVersion, Model, Statistics};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What a layer is estimated to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerEstimate {
    /// Milliseconds.
    pub latency_ms: f64,
    /// Millijoules, with the energy that the chip takes at rest meanwhile.
    pub energy_mj: f64,
}

/// What one input is estimated to take. An estimate is no measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// What each layer takes, in layer order. Single layers are less certain than the sum.
    pub layers: Vec<LayerEstimate>,
    /// Milliseconds from input to output.
    pub latency_ms: f64,
    /// Inputs per second, when inputs run one after the other.
    pub fps: f64,
    /// Millijoules per input.
    pub energy_mj: f64,
    /// Relative error of the latency on models held out from the fit.
    pub latency_error: EstimateError,
    /// Relative error of the energy on models held out from the fit.
    pub energy_error: EstimateError,
    /// Where the estimate comes from.
    pub source: &'static str,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EstimateRefusal {
    /// No public benchmark tells the speed of the device.
    Device {
        /// The device.
        name: String,
        /// The generation of the device.
        ip_version: IpVersion,
    },
    /// A sequence runs in software.
    Software {
        /// The sequence.
        name: String,
    },
    /// The statistics are those of another model.
    Statistics,
}

impl EstimateRefusal {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Device { ip_version, .. } => match ip_version {
                IpVersion::V1 => Some("map on AKD1500 for one"),
                IpVersion::V2 => None,
            },
            Self::Software { .. } => Some("change the layers that the chip cannot run"),
            Self::Statistics => None,
        }
    }
}

/// The reason with the remedy after a semicolon; as `{:#}` without the remedy.
impl fmt::Display for EstimateRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { name, .. } => write!(
                f,
                "no estimate for {name}: no public benchmark tells how many cycles it takes"
            ),
            Self::Software { name } => {
                write!(f, "no estimate: sequence {name} runs in software")
            }
            Self::Statistics => {
                f.write_str("no estimate: the statistics are those of a model with other layers")
            }
        }?;
        match self.remedy() {
            Some(remedy) if !f.alternate() => write!(f, "; {remedy}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for EstimateRefusal {}

impl Mapping {
    /// Latency and energy of `model`, the model that was mapped, for inputs with the given statistics.
    ///
    /// # Errors
    ///
    /// A device without public benchmarks, layers in software, or statistics of another model.
    pub fn estimate(
        &self,
        model: &Model,
        statistics: &Statistics,
    ) -> Result<Estimate, EstimateRefusal> {
        let Some(timing) = &self.device().timing else {
            return Err(EstimateRefusal::Device {
                name: self.device().name.clone(),
                ip_version: self.device().ip_version(),
            });
        };
        if let Some(software) = self.sequences().iter().find(|s| !s.is_hardware()) {
            return Err(EstimateRefusal::Software {
                name: software.name().to_string(),
            });
        }
        let count = model.layers().len();
        if statistics.layers().len() != count || self.layers().len() != count {
            return Err(EstimateRefusal::Statistics);
        }
        let cycles = match self.device().ip_version() {
            // No device of Akida 2.0 has a timing, so that none comes here.
            IpVersion::V1 | IpVersion::V2 => cycles_akida1,
        };
        let reloads = self.passes() > 1;
        let layers: Vec<LayerEstimate> = model
            .layers()
            .iter()
            .zip(self.layers())
            .zip(statistics.layers())
            .map(|((layer, mapping), s)| {
                let ms = cycles(timing, layer, mapping, s.events) / (timing.clock_mhz.value * 1e3);
                let bytes = |np: &NpMapping| np.weight_bytes + np.external_bytes;
                let loaded: u64 = mapping.nps.iter().map(bytes).sum();
                let reload = if reloads { loaded as f64 } else { 0.0 };
                LayerEstimate {
                    latency_ms: ms,
                    energy_mj: timing.floor_mw.value * ms * 1e-3
                        + timing.mac_pj.value * s.effective_macs * 1e-9
                        + timing.reload_nj.value * reload * 1e-6,
                }
            })
            .collect();
        let latency_ms: f64 = layers.iter().map(|l| l.latency_ms).sum();
        Ok(Estimate {
            latency_ms,
            fps: if latency_ms > 0.0 {
                1e3 / latency_ms
            } else {
                0.0
            },
            energy_mj: layers.iter().map(|l| l.energy_mj).sum(),
            layers,
            latency_error: timing.latency_error,
            energy_error: timing.energy_error,
            source: timing.macs_per_cycle.source,
        })
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "estimated, not measured: {:.3} ms ({}), {:.1} frames/s, {:.3} mJ per frame ({})",
            self.latency_ms, self.latency_error, self.fps, self.energy_mj, self.energy_error
        )
    }
}
