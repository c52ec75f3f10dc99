//! A plan of an Akida 2.0 model gives the integers of `ops`, whatever its kernels, threads and batches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[path = "common/akida2.rs"]
mod akida2;
mod common;

use akida_sim::{
    LayerSpec, Model, Plan, PlanOptions, RunError, RunOptions, Session, Values, ValuesRef,
    available_kernels, ops,
};
use akida2::{Batch, Kind};
use common::Random;
use std::collections::BTreeSet;

/// Random networks compared per kernel choice.
const NETWORKS: u64 = 300;
const SAMPLES: usize = 3;
/// Streams of a model with state.
const STREAMS: usize = 2;

/// Whether values of two batches are the same, in the same type.
fn equal(values: ValuesRef<'_>, expected: &[Values]) -> bool {
    let all = expected.iter().flat_map(|part| part.as_ref().iter());
    expected
        .iter()
        .all(|part| part.as_ref().element() == values.element())
        && values.iter().eq(all.collect::<Vec<_>>())
}

/// The outputs of `ops` for every layer and sample. Samples of a model with state are the inputs of one stream.
fn definition(
    model: &Model,
    batch: &Batch,
    samples: impl Iterator<Item = usize>,
) -> Vec<Vec<Values>> {
    let sample = model.input().shape.len();
    let mut stream = ops::Stream::new(model);
    let mut layers = vec![Vec::new(); model.layers().len()];
    for place in samples {
        let outputs = stream
            .run(model, batch.samples(place, place + 1, sample))
            .unwrap();
        if !model.has_state() {
            stream = ops::Stream::new(model);
        }
        for (layer, output) in layers.iter_mut().zip(outputs) {
            layer.push(output);
        }
    }
    layers
}

fn check(seed: u64, options: &PlanOptions) {
    let mut random = Random::new(seed);
    let model = akida2::model(&mut random, Kind::Still);
    let batch = akida2::inputs(&mut random, &model, SAMPLES);
    let sample = model.input().shape.len();
    let plan = Plan::with_options(model, options).unwrap();
    let all = batch.samples(0, SAMPLES, sample);
    let taps = plan.taps(all, &RunOptions::default()).unwrap();
    let expected = definition(plan.model(), &batch, 0..SAMPLES);
    for ((layer, tap), expected) in plan.model().layers().iter().zip(&taps).zip(&expected) {
        assert!(
            equal(tap.as_ref(), expected),
            "seed {seed}, {options:?}, {:?}: {:?} of {:?}\n{tap:?}\n{expected:?}",
            layer.name(),
            layer.spec(),
            layer.connection().input,
        );
    }
    let forward = plan.forward(all, &RunOptions::default()).unwrap();
    assert!(
        equal(forward.as_ref(), expected.last().unwrap()),
        "seed {seed}"
    );
}

#[test]
fn every_layer_equals_the_definition() {
    for seed in 0..NETWORKS {
        check(seed, &PlanOptions::default());
    }
}

#[test]
fn every_forced_kernel_equals_the_definition() {
    // Only layers of Akida 1.0 need sums of depthwise products.
    let of_akida2 = |kernel: &&str| !kernel.contains("depthwise-i");
    for kernel in available_kernels().into_iter().filter(of_akida2) {
        let mut used = 0;
        let options = PlanOptions {
            kernel: Some(kernel.to_owned()),
            ..PlanOptions::default()
        };
        for seed in 0..NETWORKS {
            let mut random = Random::new(seed);
            let model = akida2::model(&mut random, Kind::Still);
            if let Ok(plan) = Plan::with_options(model, &options) {
                check(seed, &options);
                used += usize::from(plan.choices().iter().any(|choice| choice.kernel == kernel));
            }
        }
        assert!(used > 10, "kernel {kernel} was used by {used} networks");
    }
}

#[test]
fn plans_without_the_fastest_kernels_equal_the_definition() {
    let without = [vec!["amx"], vec!["amx", "512"], vec!["amx", "avx"]];
    for without in without {
        let options = PlanOptions {
            without: without.into_iter().map(str::to_owned).collect(),
            ..PlanOptions::default()
        };
        (0..NETWORKS).for_each(|seed| check(seed, &options));
    }
}

#[test]
fn the_random_models_have_every_layer_type_of_akida_2() {
    let mut types = BTreeSet::new();
    for seed in 0..NETWORKS {
        for kind in [Kind::Still, Kind::Queues, Kind::Recurrent] {
            let model = akida2::model(&mut Random::new(seed), kind);
            types.extend(model.layers().iter().map(|layer| layer.spec().type_name()));
        }
    }
    let akida1 = [
        "InputConvolutional",
        "Convolutional",
        "SeparableConvolutional",
        "FullyConnected",
        "Concat",
    ];
    let all = LayerSpec::TYPES.iter().copied();
    assert_eq!(types, all.filter(|name| !akida1.contains(name)).collect());
}

#[test]
fn threads_change_nothing() {
    for seed in 0..NETWORKS / 4 {
        let mut random = Random::new(seed);
        let model = akida2::model(&mut random, Kind::Still);
        let samples = 1 + random.below(9);
        let batch = akida2::inputs(&mut random, &model, samples);
        let sample = model.input().shape.len();
        let plan = Plan::new(model);
        let inputs = batch.samples(0, samples, sample);
        let expected = plan.forward(
            inputs,
            &RunOptions {
                threads: 1,
                ..RunOptions::default()
            },
        );
        for threads in [2, 3, 0] {
            let options = RunOptions {
                threads,
                batch_size: random.below(4),
                interrupt: None,
            };
            assert_eq!(plan.forward(inputs, &options), expected, "seed {seed}");
        }
    }
}

/// Inputs of a session: every step has one sample of every stream.
fn streams(seed: u64, kind: Kind, steps: usize) -> (Plan, Batch) {
    let mut random = Random::new(seed);
    let model = akida2::model(&mut random, kind);
    let batch = akida2::inputs(&mut random, &model, steps * STREAMS);
    (Plan::new(model), batch)
}

#[test]
fn every_stream_of_a_session_equals_the_definition() {
    let steps = 5;
    for seed in 0..NETWORKS / 2 {
        for kind in [Kind::Queues, Kind::Recurrent] {
            let (plan, batch) = streams(seed, kind, steps);
            let sample = plan.model().input().shape.len();
            let of_stream = |stream| (0..steps).map(move |step| step * STREAMS + stream);
            let expected: Vec<_> = (0..STREAMS)
                .map(|stream| definition(plan.model(), &batch, of_stream(stream)))
                .collect();
            let mut session = Session::new(&plan, STREAMS).unwrap();
            for step in 0..steps {
                let first = step * STREAMS;
                let inputs = batch.samples(first, first + STREAMS, sample);
                let taps = session.taps(&plan, inputs, &RunOptions::default()).unwrap();
                for (index, tap) in taps.iter().enumerate() {
                    let layer = &plan.model().layers()[index];
                    let expected: Vec<Values> = (0..STREAMS)
                        .map(|stream| expected[stream][index][step].clone())
                        .collect();
                    assert!(
                        equal(tap.as_ref(), &expected),
                        "seed {seed}, step {step}, {:?}: {:?}",
                        layer.name(),
                        layer.spec(),
                    );
                }
            }
        }
    }
}

#[test]
fn clips_equal_steps_and_a_saved_session_goes_on() {
    let (steps, options) = (6, RunOptions::default());
    for seed in 0..NETWORKS / 4 {
        for kind in [Kind::Queues, Kind::Recurrent] {
            let (plan, batch) = streams(seed, kind, steps);
            let sample = plan.model().input().shape.len();
            let part =
                |first: usize, end: usize| batch.samples(first * STREAMS, end * STREAMS, sample);
            let mut session = Session::new(&plan, STREAMS).unwrap();
            let clip = session.run_clip(&plan, part(0, steps), &options).unwrap();
            session.reset();
            let mut found = Vec::new();
            for step in 0..steps {
                if step == 3 {
                    let bytes = session.save().unwrap();
                    session = Session::restore(&plan, &bytes).unwrap();
                }
                found.push(session.step(&plan, part(step, step + 1), &options).unwrap());
            }
            assert!(equal(clip.as_ref(), &found), "seed {seed}");
        }
    }
}

#[test]
fn saved_sessions_of_other_models_and_damaged_ones_are_refused() {
    let (plan, _) = streams(1, Kind::Recurrent, 1);
    let (other, _) = streams(2, Kind::Queues, 1);
    let session = Session::new(&plan, STREAMS).unwrap();
    let bytes = session.save().unwrap();
    assert_eq!(
        Session::restore(&other, &bytes).unwrap_err(),
        RunError::SavedSession
    );
    for end in 0..bytes.len() {
        let cut = Session::restore(&plan, &bytes[..end]);
        assert_eq!(cut.unwrap_err(), RunError::SavedSession);
    }
    for place in 0..12 {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0xff;
        assert!(Session::restore(&plan, &damaged).is_err(), "byte {place}");
    }
}

#[test]
fn models_with_state_run_in_sessions_only() {
    let (plan, batch) = streams(3, Kind::Recurrent, 1);
    let (other, _) = streams(3, Kind::Recurrent, 1);
    let sample = plan.model().input().shape.len();
    let options = RunOptions::default();
    let inputs = batch.samples(0, STREAMS, sample);
    assert_eq!(plan.forward(inputs, &options), Err(RunError::Session));
    assert_eq!(plan.taps(inputs, &options), Err(RunError::Session));
    let mut session = Session::new(&plan, STREAMS).unwrap();
    assert_eq!(
        session.step(&other, inputs, &options),
        Err(RunError::Session)
    );
    let one = batch.samples(0, 1, sample);
    let streams = RunError::Streams {
        received: 1,
        streams: STREAMS,
    };
    assert_eq!(session.step(&plan, one, &options), Err(streams));
}
