//! What makes a threshold or a step too wide for its register, and what helps.

use crate::{Layer, Pooling, Stage, Thresholds};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A step beyond this many times the median of the layer is a fault of its filter, not of the layer.
const OUTLIER: f32 = 4.0;

/// The remedy for the `act_step` of a filter, which is `excess` times the largest that fits.
pub(super) fn of_act_step(
    layer: &Layer,
    thresholds: Thresholds<'_>,
    filter: usize,
    excess: f64,
) -> String {
    let times = round_up(excess);
    let ratio = thresholds.act_step[filter] / median(thresholds.act_step);
    if ratio > OUTLIER {
        return format!(
            "it is {ratio:.0} times the median of the layer: the filter has a tiny batch normalization gamma, or weights all close to \
             zero; make its gamma at least {times} times as large (while training: constrain every gamma to 0.01 or more), or \
             remove the filter"
        );
    }
    let windows = layer.connection().operation.windows();
    let mut remedy = String::from(
        "the filters of the layer are alike: its outputs as a whole are small, as before training or with tiny batch normalization \
         gammas throughout; train it (statistics of batch normalization from a few batches can be enough)",
    );
    if layer.connection().stage == Stage::Thresholds {
        remedy += &format!(
            ", or lower max_value of its activation {times} times, to where its outputs are"
        );
    }
    if windows.is_some_and(|w| w.pooling == Pooling::GlobalAverage) {
        let summed = layer.connection().potential_shape.positions();
        let fit = libm::floor(summed as f64 / excess);
        remedy += &format!(
            "; global average pooling sums {summed} positions, of which at this scale {fit} fit"
        );
    }
    remedy
}

/// The remedy for the `threshold` of a filter, which is `excess` times the largest that fits.
pub(super) fn of_threshold(
    layer: &Layer,
    thresholds: Thresholds<'_>,
    filter: usize,
    excess: f64,
) -> String {
    let ratio = thresholds.act_step[filter] / median(thresholds.act_step);
    if ratio > OUTLIER {
        return of_act_step(layer, thresholds, filter, excess);
    }
    let threshold = thresholds.threshold[filter];
    let never = layer
        .reach()
        .is_some_and(|reach| threshold >= reach.highest[filter]);
    if never {
        return String::from("no input can reach it: the filter never fires; remove the filter");
    }
    format!(
        "its bias (batch normalization beta) is large beside its weights; make it at least {} times smaller, or remove the filter",
        round_up(excess)
    )
}

fn median(values: &[f32]) -> f32 {
    let mut sorted: Vec<f32> = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// Rounded up to two digits, so that a change by this factor is enough.
fn round_up(factor: f64) -> f64 {
    let unit = libm::pow(10.0, libm::floor(libm::log10(factor)) - 1.0);
    let rounded = libm::ceil(factor / unit) * unit;
    libm::rint(rounded * 100.0) / 100.0
}
