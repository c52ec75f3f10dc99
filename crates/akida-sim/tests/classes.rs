//! Classes are those of the real numbers that outputs stand for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use akida_sim::{
    Dequantizer, FullyConnected, InputData, ModelBuilder, Plan, RunError, RunOptions, Shape,
    Values, Weights,
};
use proptest::prelude::*;

/// A dense layer of `step.len()` outputs on two inputs of 4 bits.
fn dense(weights: &[i8], threshold: &[i32], step: &[f32], act_bits: Option<u8>) -> Plan {
    let units = step.len();
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 2), 4);
    builder.add("in", input, &[]).unwrap();
    let spec = FullyConnected {
        weights_bits: 4,
        act_bits,
        ..FullyConnected::new(units)
    };
    let layer = builder.add("out", spec, &[]).unwrap();
    let weights = Weights::new([1, 1, 2, units], weights.to_vec()).unwrap();
    builder.set_variable(layer, "weights", weights).unwrap();
    builder
        .set_variable(layer, "threshold", threshold.to_vec())
        .unwrap();
    builder
        .set_variable(layer, "act_step", step.to_vec())
        .unwrap();
    Plan::new(builder.build().unwrap())
}

/// The first largest of each group of `channels` numbers.
fn first_largest<T: PartialOrd + Copy>(values: &[T], channels: usize) -> Vec<usize> {
    let largest = |row: &[T]| (0..channels).find(|&i| row.iter().all(|v| row[i] >= *v));
    values
        .chunks(channels)
        .map(|row| largest(row).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn classes_are_those_of_predict(
        weights in prop::collection::vec(-7i8..=7, 12),
        threshold in prop::collection::vec(-60i32..60, 6),
        step in prop::collection::vec((1u8..40).prop_map(|s| f32::from(s) / 8.0), 6),
        inputs in prop::collection::vec(0u8..16, 20),
    ) {
        let plan = dense(&weights, &threshold, &step, None);
        let options = RunOptions::default();
        let expected = first_largest(&plan.predict(&inputs, &options).unwrap(), 6);
        prop_assert_eq!(&plan.classes(&inputs, 0, &options).unwrap(), &expected);
        let potentials = plan.forward(&inputs, &options).unwrap();
        prop_assert_eq!(&plan.classes_of(&potentials, 6).unwrap(), &expected);
        let pairs: Vec<usize> = expected.iter().map(|class| class / 2).collect();
        prop_assert_eq!(plan.classes_of(&potentials, 3).unwrap(), pairs);
    }

    #[test]
    fn classes_of_levels_are_the_largest_levels(
        weights in prop::collection::vec(-7i8..=7, 12),
        threshold in prop::collection::vec(-60i32..60, 6),
        inputs in prop::collection::vec(0u8..16, 20),
    ) {
        let plan = dense(&weights, &threshold, &[3.0; 6], Some(4));
        let options = RunOptions::default();
        let Values::U8(levels) = plan.forward(&inputs, &options).unwrap() else { unreachable!() };
        prop_assert_eq!(plan.classes(&inputs, 0, &options).unwrap(), first_largest(&levels, 6));
    }

    #[test]
    fn classes_of_akida2_are_those_of_the_dequantizer(
        scales in prop::collection::vec((1u8..40).prop_map(|s| f32::from(s) / 8.0), 4),
        inputs in prop::collection::vec(-128i8..=127, 20),
    ) {
        let mut builder = ModelBuilder::new();
        builder.add("in", InputData::new(Shape::new(1, 1, 4), 8), &[]).unwrap();
        let last = builder.add("floats", Dequantizer, &[]).unwrap();
        builder.set_variable(last, "scales", scales).unwrap();
        let plan = Plan::new(builder.build().unwrap());
        let options = RunOptions::default();
        let expected = first_largest(&plan.predict(&inputs, &options).unwrap(), 4);
        prop_assert_eq!(&plan.classes(&inputs, 0, &options).unwrap(), &expected);
        prop_assert_eq!(plan.classes_of(&inputs, 0).unwrap(), expected);
    }
}

#[test]
fn the_largest_potential_is_another_output_where_steps_differ() {
    let plan = dense(&[1, 1, 0, 0], &[0, 0], &[4.0, 1.0], None);
    let potentials = vec![5, 4];
    assert_eq!(plan.classes_of(&potentials, 0).unwrap(), [1]);
    // A tie of real numbers takes the first, though its potential is the largest of all.
    assert_eq!(plan.classes_of(&vec![-8, -2], 0).unwrap(), [0]);
}

#[test]
fn what_has_no_classes_is_refused() {
    let plan = dense(&[1, 1, 0, 0], &[0, 0], &[4.0, 1.0], None);
    let options = RunOptions::default();
    let error = plan.classes(&[1u8, 2], 3, &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of classes must be 0 or a divisor of 2, the number of outputs, received 3"
    );
    let error = plan.classes_of(&vec![1, 2, 3], 0).unwrap_err();
    assert_eq!(
        error,
        RunError::Length {
            received: 3,
            sample: 2
        }
    );
    let mut builder = ModelBuilder::new();
    builder
        .add("in", InputData::new(Shape::new(3, 3, 1), 4), &[])
        .unwrap();
    let plan = Plan::new(builder.build().unwrap());
    let error = plan.classes(&[0u8; 9], 0, &options).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "layer \"in\": classes need an output of shape (1, 1, C), received (3, 3, 1)"
        ),
        "{error}"
    );
}
