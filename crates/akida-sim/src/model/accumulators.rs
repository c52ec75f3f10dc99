//! The proof that outputs without a scale fit 32 bits.

use super::connection::{Activation, Rescale, Stage};
use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::model::Layer;
use super::names::{BIAS, BIAS_SHIFT, INPUT_SHIFT, MAX_VALUE, MAX_VALUE_SHIFT};
use super::operation::{Channels, Pooling};
use super::shifts::{saturate, shift_left};
use super::variables::NO_BOUND;
use crate::memory::{self, OutOfMemory};
use alloc::format;
use alloc::vec::Vec;

/// Refuses a global average of accumulators whose sum could leave 32 bits.
///
/// Outputs of 32 bits are accumulators as they are. A single accumulator fits, as it has at most 32 bits. The sum over a map
/// is proved from weights, biases and shifts (`docs/arithmetic-akida2.md`, M1 and M2).
pub(super) fn check(layer: &Layer) -> Result<(), ModelError> {
    let connection = &layer.connection;
    let (Stage::Rescale(stage), Some(windows)) = (connection.stage, connection.operation.windows())
    else {
        return Ok(());
    };
    if connection.output.format != Format::SUMS || windows.pooling != Pooling::GlobalAverage {
        return Ok(());
    }
    let positions = connection.potential_shape.positions() as i128;
    let allowed = i128::from(i32::MIN)..=i128::from(i32::MAX);
    for (f, (low, high)) in ends(layer, windows.channels, stage)?
        .into_iter()
        .enumerate()
    {
        for end in [low, high] {
            let sum = i128::from(end) * positions;
            if !allowed.contains(&sum) {
                return Err(ModelError::new(
                    ModelErrorKind::PotentialRange,
                    "the sums of accumulators over the map",
                    format!("in {}..={} without an output scale", i32::MIN, i32::MAX),
                    format!("up to {sum} for filter {f}"),
                )
                .with_remedy(
                    "give the layer output_bits of 8 or 16, with output_scales and output_shift",
                )
                .at(&layer.name));
            }
        }
    }
    Ok(())
}

/// The least and the largest accumulator of each filter behind its activation, whatever the inputs.
fn ends(layer: &Layer, channels: Channels, stage: Rescale) -> Result<Vec<(i64, i64)>, OutOfMemory> {
    let format = layer.connection.input.format;
    let count = layer.connection.input.shape.c;
    let filters = layer.connection.potential_shape.c;
    let saturated = |value| saturate(value, stage.buffer_bits);
    let shifts = layer.integers(INPUT_SHIFT);
    let mut sums = memory::filled((0i64, 0i64), filters)?;
    let weights = match layer.weights() {
        Some(weights) => weights.try_values()?,
        None => Vec::new(),
    };
    for (row, weights) in weights.chunks_exact(filters).enumerate() {
        for (f, ((low, high), &w)) in sums.iter_mut().zip(weights).enumerate() {
            let c = match channels {
                Channels::Each => f,
                Channels::All | Channels::EachThenAll => row % count,
            };
            let shift = shifts.get(c).copied().unwrap_or(0);
            let shifted = |value: i64| saturated(shift_left(value, shift)) * i64::from(w);
            let (a, b) = (shifted(format.min()), shifted(format.max()));
            *low += a.min(b);
            *high += a.max(b);
        }
    }
    let of = |name, f: usize, absent| layer.integers(name).get(f).copied().unwrap_or(absent);
    for (f, (low, high)) in sums.iter_mut().enumerate() {
        let bias = shift_left(of(BIAS, f, 0).into(), of(BIAS_SHIFT, f, 0));
        let accumulator = |sum| saturated(saturated(sum).saturating_add(bias));
        (*low, *high) = (accumulator(*low), accumulator(*high));
        match stage.activation {
            Activation::NoActivation => {}
            Activation::ReLU => {
                let bound = match of(MAX_VALUE, f, NO_BOUND) {
                    NO_BOUND => i64::MAX,
                    bound => shift_left(bound.into(), of(MAX_VALUE_SHIFT, f, 0)),
                };
                (*low, *high) = ((*low).max(0).min(bound), (*high).max(0).min(bound));
            }
            Activation::Lut => {
                let table = layer.integers(super::names::LUT_VALUES);
                let entries = || table.iter().map(|&entry| i64::from(entry));
                (*low, *high) = (entries().min().unwrap_or(0), entries().max().unwrap_or(0));
            }
        }
    }
    Ok(sums)
}
