//! What is known of a chip's speed and energy.

use super::fact::Fact;
use core::fmt;

/// Constants of the estimate of latency and energy (`docs/mapping.md`).
///
/// The errors say how far estimates were off on models that the constants were not fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Clock in MHz.
    pub clock_mhz: Fact<f64>,
    /// Cycles of the image convolution unit per output of its convolution.
    pub image_cycles: Fact<f64>,
    /// Multiply-accumulates that an NP does in a cycle. An event counts as one for each cell of the kernel and each filter.
    pub macs_per_cycle: Fact<f64>,
    /// Cycles per pointwise weight of a separable layer, for each part of the layer's rows.
    pub separable_weight_cycles: Fact<f64>,
    /// Cycles per weight of a fully connected layer.
    pub fully_weight_cycles: Fact<f64>,
    /// Power of the chip at rest, mW.
    pub floor_mw: Fact<f64>,
    /// Energy of an effective multiply-accumulate, pJ.
    pub mac_pj: Fact<f64>,
    /// Energy per byte of filters that a frame loads, nJ. Frames load filters where a model takes several passes.
    pub reload_nj: Fact<f64>,
    /// Errors of estimated latencies.
    pub latency_error: EstimateError,
    /// Errors of estimated energies.
    pub energy_error: EstimateError,
}

/// Relative errors of estimates, on models that the constants were not fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EstimateError {
    /// Half of the estimates were off by less.
    pub median: f64,
    /// No estimate was off by more.
    pub largest: f64,
}

impl fmt::Display for EstimateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, largest) = (100.0 * self.median, 100.0 * self.largest);
        write!(f, "± {largest:.0} %, half of them ± {median:.0} %")
    }
}
