//! How many cycles a layer takes on an Akida 1.0 chip: the formulas of `docs/mapping.md`.

use crate::device::{NpType, Timing};
use crate::map::mapping::LayerMapping;
use crate::{Channels, Layer};

/// The cycles of a layer whose input has so many events.
pub(in crate::map) fn cycles(
    timing: &Timing,
    layer: &Layer,
    mapping: &LayerMapping,
    events: f64,
) -> f64 {
    let connection = layer.connection();
    let (Some(windows), Some(weights)) = (connection.operation.windows(), layer.weights()) else {
        return 0.0;
    };
    let [kx, ky, channels, _] = weights.shape();
    let filters = connection.output.shape.c as f64;
    match mapping.nps.first().map(|np| np.kind) {
        None => 0.0,
        Some(NpType::Hrc) => timing.image_cycles.value * connection.potential_shape.len() as f64,
        Some(NpType::Fnp2 | NpType::Fnp3) => {
            timing.fully_weight_cycles.value * channels as f64 * filters
        }
        Some(NpType::Cnp1 | NpType::TnpB | NpType::TnpR) => {
            let macs = events * (kx * ky) as f64 * filters / mapping.nps.len() as f64;
            let weights = match windows.channels {
                Channels::EachThenAll => {
                    let held = mapping.nps.iter().map(|np| np.filters).sum::<usize>();
                    (held * channels) as f64
                }
                Channels::All | Channels::Each => 0.0,
            };
            macs / timing.macs_per_cycle.value + timing.separable_weight_cycles.value * weights
        }
    }
}
