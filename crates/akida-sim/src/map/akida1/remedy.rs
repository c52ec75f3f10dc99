//! What makes a threshold or a step too wide for its register, and what helps.

use crate::memory::OutOfMemory;
use crate::{Layer, Pooling, Stage, Thresholds};
use alloc::format;
use alloc::string::String;

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
) -> Result<String, OutOfMemory> {
    let ratio = thresholds.act_step[filter] / median(thresholds.act_step);
    if ratio > OUTLIER {
        return Ok(of_act_step(layer, thresholds, filter, excess));
    }
    let threshold = thresholds.threshold[filter];
    if is_of_scale(layer, thresholds, filter) {
        return Ok(of_act_step(layer, thresholds, filter, excess));
    }
    let reach = layer.reach()?;
    if reach.is_some_and(|reach| threshold >= reach.highest[filter]) {
        let remedy = "no input can reach it: the filter never fires; remove the filter";
        return Ok(String::from(remedy));
    }
    Ok(format!(
        "its bias (batch normalization beta) is large beside its weights; make it at least {} times smaller, or remove the filter",
        round_up(excess)
    ))
}

/// Whether a threshold is wide because potentials are: without a bias it is half the distance of two levels.
fn is_of_scale(layer: &Layer, thresholds: Thresholds<'_>, filter: usize) -> bool {
    let connection = layer.connection();
    let bits = i32::from(connection.output.format.bits);
    let distance = f64::from(thresholds.act_step[filter]) * libm::exp2(f64::from(4 - bits));
    let threshold = f64::from(thresholds.threshold[filter]);
    connection.stage == Stage::Thresholds && threshold > 0.0 && threshold <= distance
}

/// The lower median of positive numbers, found without a sorted copy, which can be large.
///
/// The bits of positive numbers rise with the numbers. Halving finds the smallest bits that enough numbers do not exceed.
fn median(values: &[f32]) -> f32 {
    let wanted = values.len().div_ceil(2);
    let (mut low, mut high) = (0, f32::MAX.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        let up_to = values.iter().filter(|v| v.to_bits() <= middle).count();
        match up_to >= wanted {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    f32::from_bits(low)
}

/// Rounded up to two digits, so that a change by this factor is enough.
fn round_up(factor: f64) -> f64 {
    let unit = libm::pow(10.0, libm::floor(libm::log10(factor)) - 1.0);
    let rounded = libm::ceil(factor / unit) * unit;
    libm::rint(rounded * 100.0) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_a_sorted_copy() {
        let mut values = alloc::vec![f32::MAX, f32::from_bits(1), 1.0, 0.1, 3e9, 1.0, 7.5];
        while !values.is_empty() {
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(median(&values), sorted[(sorted.len() - 1) / 2]);
            values.pop();
        }
    }
}
