//! The worked examples of `docs/arithmetic-akida2.md` whose code the definition and plans share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use akida_sim::{
    Activation, Conv2D, Conv2DParams, InputData, Inputs, Model, ModelBuilder, PicoPostProcessing,
    Plan, Pooling, PostOps, Quantizer, RunOptions, Session, Shape, StatefulRecurrent, Values,
    Weights, ops,
};

/// The outputs of the last layer, which a plan and the definition give alike.
fn outputs<'a>(model: &Model, inputs: impl Into<Inputs<'a>>) -> Vec<i32> {
    let inputs = inputs.into();
    let defined: Values = ops::run(model, inputs).unwrap().pop().unwrap();
    let plan = Plan::new(model.clone());
    let mut session = Session::new(&plan, 1).unwrap();
    let planned = session.step(&plan, inputs, &RunOptions::default());
    assert_eq!(planned.unwrap(), defined);
    defined.as_ref().iter().collect()
}

/// Accumulators, or values of 16 bits, that are sums of inputs.
fn sums(output_bits: u8) -> Conv2D {
    let post_ops = PostOps {
        output_bits,
        ..PostOps::new(Activation::NoActivation)
    };
    Conv2D {
        filters: 2,
        conv: Conv2DParams {
            post_ops,
            ..Conv2DParams::new(1)
        },
    }
}

/// Section J. The second prediction is the first one with another sign.
#[test]
fn a_decision_compares_the_mean_distance_of_each_channel() {
    for (thresholds, expected) in [([34, 1034], [1, 1]), ([35, 1035], [0, 0])] {
        let mut builder = ModelBuilder::new();
        let input = InputData::new(Shape::new(1, 2, 2), 16);
        let input = builder.add("", input, &[]).unwrap();
        let weights = |values| Weights::new([1, 1, 2, 2], values).unwrap();
        let prediction = builder.add("prediction", sums(32), &[input]).unwrap();
        let values = weights(vec![1, -1, 0, 0]);
        builder.set_variable(prediction, "weights", values).unwrap();
        let target = builder.add("target", sums(16), &[input]).unwrap();
        let values = weights(vec![0, 0, 1, 1]);
        builder.set_variable(target, "weights", values).unwrap();
        let last = PicoPostProcessing::default();
        let last = builder.add("", last, &[prediction, target]).unwrap();
        let mut set = |name, values: [i32; 2]| {
            builder.set_variable(last, name, values.to_vec()).unwrap();
        };
        set("input_scales", [40_000; 2]);
        set("input_shift", [-18; 2]);
        set("threshold", thresholds);
        // Distances are 63 and 5 in the first channel, 1463 and 605 in the second one.
        let found = outputs(&builder.build().unwrap(), &[5000i16, 700, -2000, -300]);
        assert_eq!(found, expected);
    }
}

/// Section I.
#[test]
fn states_follow_from_each_other() {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 2, 1), 16);
    builder.add("", input, &[]).unwrap();
    let mut states = StatefulRecurrent::new(1, 1);
    states.subsample = 2;
    states.post_ops.output_bits = 32;
    let states = builder.add("", states, &[]).unwrap();
    for (name, value) in [("in_proj", 100), ("out_proj", 2)] {
        let values = Weights::new([1, 1, 1, 1], vec![value]).unwrap();
        builder.set_variable(states, name, values).unwrap();
    }
    for (name, value) in [
        ("A_real", 16_384),
        ("A_imag", 8192),
        ("new_state_scale", 128),
        ("new_state_shift", 3),
        ("internal_state_outputs_shift", -15),
    ] {
        builder.set_variable(states, name, vec![value]).unwrap();
    }
    let model = builder.build().unwrap();
    assert_eq!(outputs(&model, &[1000i16, 0]), [3126]);
}

/// Section K.
#[test]
fn floats_become_integers_with_ties_to_even() {
    let mut builder = ModelBuilder::new();
    let quantizer = Quantizer {
        input_shape: Shape::new(1, 1, 3),
        output_bits: 8,
        output_signed: false,
        channels_first: false,
    };
    builder.add("", quantizer, &[]).unwrap();
    builder
        .set_variable(0, "scales", vec![100.0f32; 3])
        .unwrap();
    builder
        .set_variable(0, "zero_points", vec![128; 3])
        .unwrap();
    let model = builder.build().unwrap();
    assert_eq!(outputs(&model, &[0.125f32, -2.0, 9.0]), [140, 0, 255]);
}

/// Section M2. The first filter is of zeros.
#[test]
fn sums_of_a_global_average_stay_within_32_bits() {
    for (map, allowed) in [
        (Shape::new(3, 1223, 4), true),
        (Shape::new(10, 367, 4), false),
    ] {
        let mut builder = ModelBuilder::new();
        builder.add("", InputData::new(map, 8), &[]).unwrap();
        let mut average = sums(32);
        average.conv.kernel_size = 3;
        average.conv.pooling = Pooling::GlobalAverage;
        let average = builder.add("", average, &[]).unwrap();
        let weights = (0..72).map(|place| 127 * (place % 2)).collect();
        let weights = Weights::new([3, 3, 4, 2], weights).unwrap();
        builder.set_variable(average, "weights", weights).unwrap();
        assert_eq!(builder.build().is_ok(), allowed, "{map}");
    }
}
