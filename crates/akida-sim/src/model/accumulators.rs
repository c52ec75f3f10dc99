//! The proof that outputs without a scale fit 32 bits.

use super::connection::{Activation, Connection, Rescale, Stage};
use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::names::{BIAS, BIAS_SHIFT, INPUT_SHIFT, MAX_VALUE, MAX_VALUE_SHIFT};
use super::operation::{Channels, Pooling};
use super::shifts::{saturate, shift_left};
use super::tensor::Weights;
use super::variables::NO_BOUND;
use crate::memory::{self, OutOfMemory};
use alloc::format;
use alloc::vec::Vec;

/// The integers of the variable of a name; none where the layer has no such variable.
type Integers<'a> = &'a dyn Fn(&str) -> &'a [i32];

/// Refuses a global average of accumulators whose sum could leave 32 bits.
///
/// Outputs of 32 bits are accumulators as they are. A single accumulator fits, as it has at most 32 bits. The sum over a map
/// is proved from weights, biases and shifts (`docs/arithmetic-akida2.md`, M1 and M2).
pub(super) fn check(
    connection: &Connection,
    weights: Option<&Weights>,
    integers: Integers<'_>,
) -> Result<(), ModelError> {
    let (Stage::Rescale(stage), Some(windows)) = (connection.stage, connection.operation.windows())
    else {
        return Ok(());
    };
    if connection.output.format != Format::SUMS || windows.pooling != Pooling::GlobalAverage {
        return Ok(());
    }
    let positions = connection.potential_shape.positions() as i128;
    let allowed = i128::from(i32::MIN)..=i128::from(i32::MAX);
    let ends = ends(connection, (windows.channels, stage), weights, integers)?;
    for (f, (low, high)) in ends.into_iter().enumerate() {
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
                ));
            }
        }
    }
    Ok(())
}

/// The least and the largest accumulator of each filter behind its activation, whatever the inputs.
fn ends(
    connection: &Connection,
    (channels, stage): (Channels, Rescale),
    weights: Option<&Weights>,
    integers: Integers<'_>,
) -> Result<Vec<(i64, i64)>, OutOfMemory> {
    let format = connection.input.format;
    let count = connection.input.shape.c;
    let filters = connection.potential_shape.c;
    let saturated = |value| saturate(value, stage.buffer_bits);
    let shifts = integers(INPUT_SHIFT);
    let mut sums = memory::filled((0i64, 0i64), filters)?;
    let weights = match weights {
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
    let of = |name, f: usize, absent| integers(name).get(f).copied().unwrap_or(absent);
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
                let table = integers(super::names::LUT_VALUES);
                let entries = || table.iter().map(|&entry| i64::from(entry));
                (*low, *high) = (entries().min().unwrap_or(0), entries().max().unwrap_or(0));
            }
        }
    }
    Ok(sums)
}
