//! The proof that outputs without a scale fit 32 bits.

use super::connection::Stage;
use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::model::Layer;
use super::names::{BIAS, BIAS_SHIFT, INPUT_SHIFT};
use super::operation::Pooling;
use super::tensor::Weights;
use crate::memory;
use alloc::format;
use alloc::vec::Vec;

/// Refuses a global average of accumulators whose sum could leave 32 bits.
///
/// Outputs of 32 bits are accumulators as they are. A single accumulator fits, as it has at most 32 bits. The sum over a map
/// is proved from weights, biases and shifts (`docs/arithmetic-akida2.md`, section M).
pub(super) fn check(layer: &Layer) -> Result<(), ModelError> {
    let connection = &layer.connection;
    let (Stage::Rescale(stage), Some(windows)) = (connection.stage, connection.operation.windows())
    else {
        return Ok(());
    };
    if connection.output.format != Format::SUMS || windows.pooling != Pooling::GlobalAverage {
        return Ok(());
    }
    let positions = connection.potential_shape.positions() as u128;
    let most = u128::from(Format::signed(stage.buffer_bits).magnitude());
    if positions.saturating_mul(most) <= i32::MAX as u128 {
        return Ok(());
    }
    let Some(weights) = layer.weights() else {
        return Ok(());
    };
    let reach = reach(layer, weights)?;
    let sum = reach.min(most).saturating_mul(positions);
    if sum <= i32::MAX as u128 {
        return Ok(());
    }
    Err(ModelError::new(
        ModelErrorKind::PotentialRange,
        "the largest possible sum over the map",
        format!("at most {} without an output scale", i32::MAX),
        sum,
    )
    .with_remedy("give the layer output_bits of 8 or 16, with output_scales and output_shift")
    .at(&layer.name))
}

/// The largest absolute value that an accumulator of some filter reaches, whatever the inputs.
fn reach(layer: &Layer, weights: &Weights) -> Result<u128, ModelError> {
    let [_, _, channels, filters] = weights.shape();
    let shifts = layer.integers(INPUT_SHIFT);
    let input = u128::from(layer.connection.input.format.magnitude());
    let values = weights.try_values()?;
    let mut reach: Vec<u128> = memory::filled(0, filters)?;
    for (row, weights) in values.chunks_exact(filters).enumerate() {
        let shift = shifts.get(row % channels % shifts.len().max(1));
        let input = shifted(input, shift.copied().unwrap_or(0));
        for (reach, w) in reach.iter_mut().zip(weights) {
            *reach = reach.saturating_add(input.saturating_mul(w.unsigned_abs().into()));
        }
    }
    let biases = layer.integers(BIAS).iter().zip(layer.integers(BIAS_SHIFT));
    let biases = biases.map(|(bias, &shift)| shifted(bias.unsigned_abs().into(), shift));
    let ends = reach.iter().zip(biases);
    Ok(ends
        .map(|(sum, bias)| sum.saturating_add(bias))
        .max()
        .unwrap_or(0))
}

/// A value shifted to the left, or a number beyond every limit where it would leave 64 bits.
fn shifted(value: u128, shift: i32) -> u128 {
    match u32::try_from(shift) {
        Ok(shift) if shift < 64 => value << shift,
        _ if value == 0 => 0,
        _ => u128::MAX,
    }
}
