//! The proof that outputs without a scale fit 32 bits.

use super::connection::{Activation, Connection, Rescale, Stage};
use super::error::{ModelError, ModelErrorKind};
use super::format::Format;
use super::names::{BIAS, BIAS_SHIFT, INPUT_SHIFT, LUT_VALUES, MAX_VALUE, MAX_VALUE_SHIFT};
use super::operation::{Channels, Pooling};
use super::shifts::{saturate, shift_left};
use super::tensor::Weights;
use super::variables::NO_BOUND;
use alloc::format;

/// The integers of the variable of a name; none where the layer has no such variable.
type Integers<'a> = &'a dyn Fn(&str) -> &'a [i32];

/// Filters whose sums are made side by side: their weights lie beside each other.
const SIDE_BY_SIDE: usize = 64;

/// Refuses a global average of accumulators whose sum could leave 32 bits.
///
/// Outputs of 32 bits are accumulators as they are. A single accumulator fits, as it has at most 32 bits. The sum over a map
/// is proved from weights, biases and shifts (`docs/arithmetic-akida2.md`, M1 and M2). Nothing is allocated, so that building a
/// model takes no memory beside the model's own.
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
    let entries = || integers(LUT_VALUES).iter().map(|&entry| i64::from(entry));
    let entries = (entries().min().unwrap_or(0), entries().max().unwrap_or(0));
    let filters = connection.potential_shape.c;
    for first in (0..filters).step_by(SIDE_BY_SIDE) {
        let mut ends = [(0i64, 0i64); SIDE_BY_SIDE];
        let ends = &mut ends[..SIDE_BY_SIDE.min(filters - first)];
        if let Some(weights) = weights {
            let layer = (connection, windows.channels, stage.buffer_bits);
            add_products(layer, weights, integers, (first, ends));
        }
        for (f, ends) in (first..).zip(ends) {
            let (low, high) = accumulators((stage, entries), integers, f, *ends);
            for end in [low, high] {
                let sum = i128::from(end) * positions;
                if !allowed.contains(&sum) {
                    return Err(refusal(f, sum));
                }
            }
        }
    }
    Ok(())
}

fn refusal(f: usize, sum: i128) -> ModelError {
    ModelError::new(
        ModelErrorKind::PotentialRange,
        "the sums of accumulators over the map",
        format!("in {}..={} without an output scale", i32::MIN, i32::MAX),
        format!("up to {sum} for filter {f}"),
    )
    .with_remedy("give the layer output_bits of 8 or 16, with output_scales and output_shift")
}

/// Adds the least and the largest product of every weight, whatever the inputs, to the ends of the sums of some filters, of
/// which `first` is the first.
fn add_products(
    (connection, channels, buffer_bits): (&Connection, Channels, u8),
    weights: &Weights,
    integers: Integers<'_>,
    (first, ends): (usize, &mut [(i64, i64)]),
) {
    let format = connection.input.format;
    let count = connection.input.shape.c;
    let filters = connection.potential_shape.c;
    let shifts = integers(INPUT_SHIFT);
    for row in 0..weights.len() / filters {
        for (f, (low, high)) in (first..).zip(&mut *ends) {
            let c = match channels {
                Channels::Each => f,
                Channels::All | Channels::EachThenAll => row % count,
            };
            let shift = shifts.get(c).copied().unwrap_or(0);
            let weight = i64::from(weights.element(row * filters + f));
            let shifted = |value: i64| saturate(shift_left(value, shift), buffer_bits) * weight;
            let (a, b) = (shifted(format.min()), shifted(format.max()));
            *low += a.min(b);
            *high += a.max(b);
        }
    }
}

/// What the accumulators of filter `f` can be behind their activation, for the ends of its sums. `entries` are the ends of the
/// table.
fn accumulators(
    (stage, entries): (Rescale, (i64, i64)),
    integers: Integers<'_>,
    f: usize,
    (low, high): (i64, i64),
) -> (i64, i64) {
    let saturated = |value| saturate(value, stage.buffer_bits);
    let of = |name, absent| integers(name).get(f).copied().unwrap_or(absent);
    let bias = shift_left(of(BIAS, 0).into(), of(BIAS_SHIFT, 0));
    let accumulator = |sum| saturated(saturated(sum).saturating_add(bias));
    let (low, high) = (accumulator(low), accumulator(high));
    match stage.activation {
        Activation::NoActivation => (low, high),
        Activation::ReLU => {
            let bound = match of(MAX_VALUE, NO_BOUND) {
                NO_BOUND => i64::MAX,
                bound => shift_left(bound.into(), of(MAX_VALUE_SHIFT, 0)),
            };
            (low.max(0).min(bound), high.max(0).min(bound))
        }
        Activation::Lut => entries,
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{
        Activation, Conv2D, Conv2DParams, DepthwiseConv2D, InputData, LayerSpec, ModelBuilder,
        ModelErrorKind, Pooling, PostOps, Shape, Weights,
    };
    use alloc::vec;
    use alloc::vec::Vec;

    fn averaged(activation: Activation, kernel_size: usize) -> Conv2DParams {
        Conv2DParams {
            pooling: Pooling::GlobalAverage,
            post_ops: PostOps {
                output_bits: 32,
                ..PostOps::new(activation)
            },
            ..Conv2DParams::new(kernel_size)
        }
    }

    /// Whether a model is built of an input of 8 bits and a layer with these variables, and the filter that is refused.
    fn built(
        shape: Shape,
        layer: impl Into<LayerSpec>,
        weight: i8,
        variables: &[(&str, Vec<i32>)],
    ) -> Result<(), usize> {
        let mut builder = ModelBuilder::new();
        builder.add("in", InputData::new(shape, 8), &[]).unwrap();
        let layer = builder.add("out", layer, &[]).unwrap();
        let spec = &builder.layers()[layer].connection().variables[0];
        let (shape, count) = (spec.weight_shape().unwrap(), spec.count());
        let weights = Weights::new(shape, vec![weight; count]).unwrap();
        builder.set_variable(layer, "weights", weights).unwrap();
        for (name, values) in variables {
            builder.set_variable(layer, name, values.clone()).unwrap();
        }
        match builder.build() {
            Ok(_) => Ok(()),
            Err(error) => {
                assert_eq!(error.kind(), ModelErrorKind::PotentialRange, "{error}");
                let filter = error.received().rsplit(' ').next();
                Err(filter.unwrap().parse().unwrap())
            }
        }
    }

    #[test]
    fn the_example_of_the_rule_is_exact() {
        let conv = averaged(Activation::NoActivation, 3);
        let layer = Conv2D { filters: 2, conv };
        let rows = |rows| built(Shape::new(rows, 1, 4), layer, 127, &[]);
        assert_eq!((rows(3669), rows(3670)), (Ok(()), Err(0)));
        // Nothing lies below zero behind a ReLU: 580,644 · 3698 fit, 580,644 · 3699 do not.
        let conv = averaged(Activation::ReLU, 3);
        let layer = Conv2D { filters: 70, conv };
        let rows = |rows| built(Shape::new(rows, 1, 4), layer, 127, &[]);
        assert_eq!((rows(3698), rows(3699)), (Ok(()), Err(0)));
    }

    #[test]
    fn every_filter_has_its_own_sum() {
        let conv = averaged(Activation::NoActivation, 1);
        for filters in [1, 63, 64, 65, 130] {
            let layers: [LayerSpec; 2] = [
                Conv2D { filters, conv }.into(),
                DepthwiseConv2D { conv }.into(),
            ];
            for (layer, channels) in layers.into_iter().zip([3, filters]) {
                let built = |bias: Vec<i32>| {
                    let variables = [("bias", bias), ("bias_shift", vec![23; filters])];
                    built(Shape::new(3, 1, channels), layer.clone(), 0, &variables)
                };
                assert_eq!(built(vec![85; filters]), Ok(()));
                for place in [0, filters / 2, filters - 1] {
                    let mut bias = vec![0; filters];
                    bias[place] = 86;
                    assert_eq!(built(bias), Err(place));
                }
            }
        }
    }

    #[test]
    fn the_entries_of_a_table_are_summed() {
        let conv = averaged(Activation::Lut, 1);
        let layer = Conv2D { filters: 1, conv };
        for (value, expected) in [(1 << 30, Err(0)), (-(1 << 30), Ok(()))] {
            let mut table = vec![0; 2048];
            table[1000] = value;
            let built = built(Shape::new(2, 1, 1), layer, 1, &[("lut_values", table)]);
            assert_eq!(built, expected);
        }
    }
}
