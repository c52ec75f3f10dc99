//! How far a prediction is from its target (`docs/arithmetic-akida2.md`, section J).

use crate::model::names::{INPUT_SCALES, INPUT_SHIFT, THRESHOLD};
use crate::model::shifts::{clip, shift_rounding};
use crate::model::{Deviation, Layer};
use alloc::vec::Vec;

/// The bits of predictions and distances without their sign.
const VALUE_BITS: u8 = 15;
/// The largest distance.
const MOST: i64 = (1 << VALUE_BITS) - 1;

/// For each channel 1 where the mean distance reaches the threshold, else 0.
pub(super) fn deviation(
    layer: &Layer,
    operation: Deviation,
    prediction: &[i64],
    target: &[i64],
) -> Vec<i64> {
    let channels = layer.connection().output.shape.c;
    let of = |index: usize| (prediction[index], target[index]);
    let channel = |c: usize| i64::from(deviates(layer, operation, c, prediction.len(), of));
    (0..channels).map(channel).collect()
}

/// Whether the mean distance of channel `c` reaches the threshold. `of` gives each of `count` predictions with its target.
pub(crate) fn deviates(
    layer: &Layer,
    operation: Deviation,
    c: usize,
    count: usize,
    of: impl Fn(usize) -> (i64, i64),
) -> bool {
    let channels = layer.connection().output.shape.c;
    let (scale, shift) = (
        layer.integers(INPUT_SCALES)[c],
        layer.integers(INPUT_SHIFT)[c],
    );
    let distance = |place: usize| {
        let (prediction, target) = of(place);
        let predicted = shift_rounding(
            clip(prediction * i64::from(scale), operation.buffer_bits),
            shift,
        );
        let predicted = clip(predicted, VALUE_BITS);
        clip(predicted - target, VALUE_BITS).abs().min(MOST)
    };
    let sum: i64 = (c..count).step_by(channels).map(distance).sum();
    let mean = sum / (count / channels) as i64;
    mean >= i64::from(layer.integers(THRESHOLD)[c])
}
