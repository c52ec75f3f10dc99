//! Counts of values that are not zero are those of the outputs of every layer, whatever threads and batches.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[path = "common/akida2.rs"]
mod akida2;
mod common;

use akida_sim::{InputData, ModelBuilder, Plan, RunOptions, Session, Shape, Statistics, Values};
use akida2::Kind;
use common::Random;

/// Values that are not zero, of a layer's outputs.
fn active(outputs: &Values) -> u64 {
    outputs.as_ref().iter().filter(|&y| y != 0).count() as u64
}

#[test]
fn counts_are_those_of_every_layer() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let model = random.model();
        // Batches of seven, and the sixteen of fully connected layers, with what remains.
        let inputs = random.inputs(&model, 23);
        let plan = Plan::new(model);
        let taps = plan.taps(&inputs, &RunOptions::default()).unwrap();
        let given = inputs.iter().filter(|&&x| x != 0).count() as u64;
        for (threads, batch_size) in [(1, 0), (2, 0), (3, 0), (1, 7), (2, 7), (3, 1)] {
            let options = RunOptions {
                threads,
                batch_size,
                ..RunOptions::default()
            };
            let (outputs, counts) = plan.forward_counted(&inputs, &options).unwrap();
            assert_eq!(Some(&outputs), taps.last(), "seed {seed}, {options:?}");
            assert_eq!(counts.inputs, given, "seed {seed}, {options:?}");
            let expected: Vec<u64> = taps.iter().map(active).collect();
            assert_eq!(counts.outputs, expected, "seed {seed}, {options:?}");
            // Nothing is left over for the next run, counted or not.
            assert_eq!(plan.forward(&inputs, &options).as_ref(), Ok(&outputs));
        }
        let statistics = Statistics::measure(&plan, &inputs, &RunOptions::default()).unwrap();
        assert_eq!(statistics.samples(), 23);
        for (layer, tap) in statistics.layers().iter().zip(&taps) {
            let sparsity = 1.0 - active(tap) as f64 / tap.as_ref().len() as f64;
            assert!((layer.sparsity - sparsity).abs() < 1e-12, "seed {seed}");
        }
    }
}

#[test]
fn samples_of_models_with_state_are_measured_as_one_stream() {
    const STEPS: usize = 6;
    for (seed, kind) in (0..40).flat_map(|s| [(s, Kind::Queues), (s, Kind::Recurrent)]) {
        let mut random = Random::new(seed);
        let model = akida2::model(&mut random, kind);
        let inputs = akida2::inputs(&mut random, &model, STEPS);
        let sample = model.input().shape.len();
        let plan = Plan::new(model);
        let options = RunOptions::default();
        let mut session = Session::new(&plan, 1).unwrap();
        let mut expected = vec![0; plan.model().layers().len()];
        for step in 0..STEPS {
            let input = inputs.samples(step, step + 1, sample);
            let taps = session.taps(&plan, input, &options).unwrap();
            for (count, tap) in expected.iter_mut().zip(&taps) {
                *count += active(tap);
            }
        }
        let all = inputs.samples(0, STEPS, sample);
        // No state is left over from one call to the next.
        for _ in 0..2 {
            let statistics = Statistics::measure(&plan, all, &options).unwrap();
            assert_eq!(statistics.samples(), STEPS);
            for (i, layer) in plan.model().layers().iter().enumerate() {
                let values = layer.connection().output.shape.len() as f64;
                let share = expected[i] as f64 / STEPS as f64 / values;
                let sparsity = statistics.layers()[i].sparsity;
                assert!((1.0 - share - sparsity).abs() < 1e-12, "seed {seed}");
            }
        }
    }
}

/// Sparse and dense maps of all sizes around those that are counted at once.
#[test]
fn long_maps_are_counted_whole() {
    for width in [1, 63, 64, 65, 255 * 64 - 1, 255 * 64, 255 * 64 + 1, 40_000] {
        let mut builder = ModelBuilder::new();
        let input = InputData::new(Shape::new(1, 1, width), 4);
        builder.add("", input, &[]).unwrap();
        let plan = Plan::new(builder.build().unwrap());
        for every in [1, 2, 3, 100_000] {
            let inputs: Vec<u8> = (0..width).map(|i| u8::from(i % every == 0) * 15).collect();
            let (_, counts) = plan
                .forward_counted(&inputs, &RunOptions::default())
                .unwrap();
            let expected = width.div_ceil(every) as u64;
            assert_eq!((counts.inputs, counts.outputs), (expected, vec![expected]));
        }
    }
}
