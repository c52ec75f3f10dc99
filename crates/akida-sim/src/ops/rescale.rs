//! From sums to outputs (`docs/arithmetic-akida2.md`, sections D to F).

use super::pooling::{global_sum, max_pool};
use crate::model::names::{
    ACTIVATION_SCALES, ACTIVATION_SHIFT, BIAS, BIAS_SHIFT, LUT_VALUES, MAX_VALUE, MAX_VALUE_SHIFT,
    OUTPUT_SCALES, OUTPUT_SHIFT,
};
use crate::model::shifts::{clip, saturate, shift_left, shift_rounding};
use crate::model::{Activation, Format, Layer, NO_BOUND, Padding, Pooling, Rescale};
use alloc::vec::Vec;

/// The bits of an index of a table without its sign.
const INDEX_BITS: u8 = 10;
/// The bits of a sum over a map without its sign.
const SUM_BITS: u8 = 32;

/// The outputs of a layer whose operation gives `sums`, of the layer's shape of potentials.
pub(super) fn rescale(layer: &Layer, stage: Rescale, sums: &[i64]) -> Vec<i64> {
    let connection = layer.connection();
    let shape = connection.potential_shape;
    let filters: Vec<Rescaling> = (0..shape.c)
        .map(|f| Rescaling::of(layer, stage, f))
        .collect();
    let (pooling, padding) = match connection.operation.windows() {
        Some(windows) => (windows.pooling, windows.padding),
        None => (Pooling::None, Padding::Valid),
    };
    let accumulators = each(&filters, sums, Rescaling::accumulator);
    let pooled = match pooling {
        Pooling::None | Pooling::GlobalAverage => accumulators,
        Pooling::Max { size, stride } => max_pool(&accumulators, shape, size, stride, padding),
    };
    let table = layer.integers(LUT_VALUES);
    let active = each(&filters, &pooled, |filter, accumulator| {
        filter.activated(accumulator, table)
    });
    let values = match pooling {
        Pooling::None | Pooling::Max { .. } => active,
        Pooling::GlobalAverage => global_sum(&active, shape),
    };
    each(&filters, &values, Rescaling::output)
}

/// What `change` makes of each value of positions of all filters.
fn each(
    filters: &[Rescaling],
    values: &[i64],
    change: impl Fn(&Rescaling, i64) -> i64,
) -> Vec<i64> {
    let filters = filters.iter().cycle();
    let pairs = values.iter().zip(filters);
    pairs
        .map(|(&value, filter)| change(filter, value))
        .collect()
}

/// From a sum of one filter to its output, step by step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rescaling {
    stage: Rescale,
    /// The format of outputs.
    format: Format,
    /// What is added to sums.
    pub(crate) bias: i64,
    /// The bound of a ReLU.
    bound: Option<i64>,
    activation_scale: i64,
    activation_shift: i32,
    pub(crate) scale: i64,
    pub(crate) shift: i32,
}

impl Rescaling {
    /// The steps of filter `f` of a layer. What a layer has no variable for is not done.
    pub(crate) fn of(layer: &Layer, stage: Rescale, f: usize) -> Self {
        let variable = |name, absent| *layer.integers(name).get(f).unwrap_or(&absent);
        let bound = match variable(MAX_VALUE, NO_BOUND) {
            NO_BOUND => None,
            bound => Some(shift_left(bound.into(), variable(MAX_VALUE_SHIFT, 0))),
        };
        Self {
            stage,
            format: layer.connection().output.format,
            bias: shift_left(variable(BIAS, 0).into(), variable(BIAS_SHIFT, 0)),
            bound,
            activation_scale: variable(ACTIVATION_SCALES, 1).into(),
            activation_shift: variable(ACTIVATION_SHIFT, 0),
            scale: variable(OUTPUT_SCALES, 1).into(),
            shift: variable(OUTPUT_SHIFT, 0),
        }
    }

    /// A sum, saturated, with the bias, saturated again.
    pub(crate) fn accumulator(&self, sum: i64) -> i64 {
        let bits = self.stage.buffer_bits;
        saturate(saturate(sum, bits).saturating_add(self.bias), bits)
    }

    /// What the activation makes of an accumulator. A table has an entry for each index from the lowest on.
    pub(crate) fn activated(&self, accumulator: i64, table: &[i32]) -> i64 {
        match self.stage.activation {
            Activation::NoActivation => accumulator,
            Activation::ReLU => {
                let positive = accumulator.max(0);
                self.bound.map_or(positive, |bound| positive.min(bound))
            }
            Activation::Lut => {
                let product = accumulator * self.activation_scale;
                let product = clip(product, self.stage.post_op_buffer_bits);
                let index = clip(shift_rounding(product, self.activation_shift), INDEX_BITS);
                let entry = table.get((index + (1 << INDEX_BITS)) as usize);
                entry.copied().unwrap_or(0).into()
            }
        }
    }

    /// The output that follows from an activated value, or from the sum of such values over a map.
    pub(crate) fn output(&self, value: i64) -> i64 {
        let product = clip(value, SUM_BITS) * self.scale;
        let product = clip(product, self.stage.post_op_buffer_bits);
        let shifted = shift_rounding(product, self.shift);
        shifted.clamp(self.format.min(), self.format.max())
    }
}
