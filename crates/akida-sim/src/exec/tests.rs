//! Threads change nothing: neither threads that divide a batch, nor threads that share an input. Questions inside layers
//! change nothing either.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../tests/common/akida2.rs"]
mod akida2;
#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/networks.rs"]
mod networks;

use crate::interrupt::WORK_PER_QUESTION;
use crate::model::{Concat, InputData, ModelBuilder, Pooling, Shape};
use crate::threads::CORES;
use crate::{
    Inputs, Model, Plan, PlanError, PlanOptions, RunError, RunOptions, Session, Values, ops,
};
use akida2::Kind;
use common::Random;
use networks::networks;
use std::borrow::ToOwned;
use std::cell::Cell;
use std::sync::atomic::Ordering;

fn forward(plan: &Plan, inputs: &[u8], threads: usize) -> Values {
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    plan.forward(inputs, &options).unwrap()
}

#[test]
fn threads_change_nothing_whatever_the_layers() {
    // As on a host of so many cores.
    CORES.store(7, Ordering::Relaxed);
    for (model, mut random) in networks() {
        let inputs = random.inputs(&model, 5);
        let sample = model.input().shape.len();
        let defined = ops::run(&model, &inputs[..sample]).unwrap();
        for without in [&[][..], &["avx512", "vnni"], &["x86_64", "aarch64"]] {
            let options = PlanOptions {
                without: without.iter().map(|&part| part.to_owned()).collect(),
                ..PlanOptions::default()
            };
            let plan = Plan::with_options(model.clone(), &options).unwrap();
            assert_eq!(Some(&forward(&plan, &inputs[..sample], 1)), defined.last());
            for samples in [1, 3, 5] {
                let inputs = &inputs[..samples * sample];
                let expected = forward(&plan, inputs, 1);
                for threads in [7, 2, 3, 64] {
                    let found = forward(&plan, inputs, threads);
                    assert_eq!(found, expected, "{threads} threads, {samples} inputs");
                }
            }
        }
    }
}

/// The number of questions of a run that goes on to its end.
fn questions<'a>(plan: &Plan, inputs: impl Into<Inputs<'a>>, threads: usize) -> usize {
    let inputs = inputs.into();
    let asked = Cell::new(0);
    let question = || {
        asked.set(asked.get() + 1);
        false
    };
    let options = RunOptions {
        threads,
        interrupt: Some(&question),
        ..RunOptions::default()
    };
    let silent = RunOptions {
        threads,
        ..RunOptions::default()
    };
    assert_eq!(
        plan.forward(inputs, &options),
        plan.forward(inputs, &silent)
    );
    asked.get()
}

/// Runs until the answer to a question is to stop. Whether the run ended before it.
fn ends_before<'a>(
    plan: &Plan,
    inputs: impl Into<Inputs<'a>>,
    threads: usize,
    question: usize,
) -> bool {
    let asked = Cell::new(0);
    let interrupt = || {
        asked.set(asked.get() + 1);
        asked.get() == question
    };
    let options = RunOptions {
        threads,
        interrupt: Some(&interrupt),
        ..RunOptions::default()
    };
    match plan.forward_counted(inputs, &options) {
        Ok(_) => assert!(asked.get() < question),
        Err(error) => assert_eq!((error, asked.get()), (RunError::Interrupted, question)),
    }
    asked.get() < question
}

/// How many questions a run of one input is left for at least, so that none comes late.
///
/// At most 32 multiplications are a unit of work. A piece may have twice as much as planned. A global average needs few of its
/// products.
fn least_questions(model: &Model) -> u64 {
    let connections = model.layers().iter().map(|layer| layer.connection());
    let macs = connections.filter_map(|connection| {
        let windows = connection.operation.windows();
        let is_averaged = windows.is_some_and(|w| w.pooling == Pooling::GlobalAverage);
        (!is_averaged).then_some(connection.macs)
    });
    macs.sum::<u64>() / 32 / WORK_PER_QUESTION / 2
}

#[test]
fn a_run_stops_at_any_question_and_the_next_run_is_right() {
    CORES.store(7, Ordering::Relaxed);
    for (model, mut random) in networks() {
        let inputs = random.inputs(&model, 3);
        let one = &inputs[..model.input().shape.len()];
        for without in [&[][..], &["x86_64", "aarch64"]] {
            let options = PlanOptions {
                without: without.iter().map(|&part| part.to_owned()).collect(),
                ..PlanOptions::default()
            };
            let plan = Plan::with_options(model.clone(), &options).unwrap();
            let expected = plan
                .forward_counted(&inputs, &RunOptions::default())
                .unwrap();
            let asked = questions(&plan, one, 1);
            let least = least_questions(&model);
            assert!(asked as u64 > least, "{asked} questions, not {least}");
            for question in (1..=asked).step_by(1 + asked / 20) {
                assert!(!ends_before(&plan, one, 1, question));
            }
            assert!(ends_before(&plan, one, 1, asked + 1));
            for threads in [2, 7] {
                for question in [1, 2, 3, asked / 2, asked] {
                    ends_before(&plan, &inputs, threads, question);
                }
                let options = RunOptions {
                    threads,
                    ..RunOptions::default()
                };
                let found = plan.forward_counted(&inputs, &options).unwrap();
                assert_eq!(found, expected, "{threads} threads");
            }
        }
    }
}

#[test]
fn layers_without_products_are_left_for_questions() {
    let mut builder = ModelBuilder::new();
    let shape = Shape::new(300, 300, 2);
    let data = builder.add("data", InputData::new(shape, 4), &[]).unwrap();
    builder.add("joined", Concat, &[data, data]).unwrap();
    let plan = Plan::new(builder.build().unwrap());
    let inputs: std::vec::Vec<u8> = (0..shape.len()).map(|i| (i % 16) as u8).collect();
    let asked = questions(&plan, &inputs, 1);
    // Every position of each inbound is some units of work.
    assert!(asked as u64 > 2 * 300 * 300 / WORK_PER_QUESTION, "{asked}");
    for question in 1..=asked {
        assert!(!ends_before(&plan, &inputs, 1, question));
    }
}

#[test]
fn a_wrong_value_is_found_at_its_index_among_many() {
    let mut builder = ModelBuilder::new();
    builder
        .add("data", InputData::new(Shape::new(1, 1, 3), 1), &[])
        .unwrap();
    let plan = Plan::new(builder.build().unwrap());
    // More values than are checked at once.
    let mut inputs = std::vec![0u8; 3 << 25];
    let index = inputs.len() - 2;
    inputs[index] = 2;
    let error = plan.forward(&inputs, &RunOptions::default()).unwrap_err();
    assert!(matches!(
        error,
        RunError::Value { index: found, received: 2, .. } if found == index
    ));
}

#[test]
fn a_plan_that_is_being_made_stops_at_any_question() {
    for (model, _) in networks() {
        for without in [&[][..], &["vnni"], &["x86_64", "aarch64"]] {
            let options = PlanOptions {
                without: without.iter().map(|&part| part.to_owned()).collect(),
                ..PlanOptions::default()
            };
            let asked = Cell::new(0);
            let made = |question: usize| {
                asked.set(0);
                let interrupt = || {
                    asked.set(asked.get() + 1);
                    asked.get() == question
                };
                Plan::with_options_unless(model.clone(), &options, &interrupt)
            };
            let whole = Plan::with_options(model.clone(), &options).unwrap();
            assert_eq!(made(0).unwrap().packed_bytes(), whole.packed_bytes());
            let questions = asked.get();
            // A block of filters is more work than that between two questions.
            let least = model
                .layers()
                .iter()
                .map(|layer| layer.connection().potential_shape.c / 64);
            assert!(questions > least.max().unwrap_or(0), "{questions}");
            for question in [1, 2, questions / 2, questions] {
                assert_eq!(made(question).err(), Some(PlanError::Interrupted));
            }
        }
    }
}

#[test]
fn a_run_of_akida_2_stops_at_any_question_and_the_next_run_is_right() {
    let mut inside = 0;
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let model = akida2::model(&mut random, Kind::Still);
        let batch = akida2::inputs(&mut random, &model, 2);
        let sample = model.input().shape.len();
        let (one, all) = (batch.samples(0, 1, sample), batch.samples(0, 2, sample));
        let plan = Plan::new(model);
        let expected = plan.taps(all, &RunOptions::default()).unwrap();
        let asked = questions(&plan, one, 1);
        let least = least_questions(plan.model());
        assert!(asked as u64 > least, "seed {seed}: {asked}, not {least}");
        inside += asked - 1;
        for question in (1..=asked).step_by(1 + asked / 12) {
            assert!(!ends_before(&plan, one, 1, question), "seed {seed}");
            ends_before(&plan, all, 3, question);
        }
        assert!(ends_before(&plan, one, 1, asked + 1), "seed {seed}");
        let found = plan.taps(all, &RunOptions::default()).unwrap();
        assert_eq!(found, expected, "seed {seed}");
    }
    assert!(inside > 200, "{inside} questions inside of runs");
}

/// The outcome of `run`, and how many questions were asked. The answer to one of them is to stop.
fn stopped_at<T>(question: usize, run: impl FnOnce(&RunOptions<'_>) -> T) -> (T, usize) {
    let asked = Cell::new(0);
    let interrupt = || {
        asked.set(asked.get() + 1);
        asked.get() == question
    };
    let outcome = run(&RunOptions {
        interrupt: Some(&interrupt),
        ..RunOptions::default()
    });
    (outcome, asked.get())
}

#[test]
fn an_interrupt_leaves_streams_where_they_were() {
    let (streams, steps) = (3, 2);
    for seed in 0..40 {
        for kind in [Kind::Queues, Kind::Recurrent] {
            let mut random = Random::new(seed);
            let model = akida2::model(&mut random, kind);
            let batch = akida2::inputs(&mut random, &model, steps * streams);
            let sample = model.input().shape.len();
            let step = |i: usize| batch.samples(i * streams, (i + 1) * streams, sample);
            let clip = batch.samples(0, steps * streams, sample);
            let plan = Plan::new(model);
            let mut session = Session::new(&plan, streams).unwrap();
            session
                .step(&plan, step(0), &RunOptions::default())
                .unwrap();
            let before = session.save().unwrap();
            let mut expected = session.clone();
            let expected = expected.step(&plan, step(1), &RunOptions::default());
            let asked = stopped_at(0, |o| session.clone().run_clip(&plan, clip, o).unwrap()).1;
            for question in (1..=asked).step_by(1 + asked / 12) {
                let (found, count) = stopped_at(question, |o| session.run_clip(&plan, clip, o));
                assert_eq!((found, count), (Err(RunError::Interrupted), question));
                assert_eq!(session.save().unwrap(), before, "seed {seed}");
                let (found, _) = stopped_at(question, |o| session.clone().taps(&plan, step(1), o));
                assert!(matches!(found, Ok(_) | Err(RunError::Interrupted)));
            }
            assert_eq!(
                session.step(&plan, step(1), &RunOptions::default()),
                expected
            );
        }
    }
}

#[test]
fn a_step_of_many_streams_is_left_for_questions() {
    let model = akida2::model(&mut Random::new(1), Kind::Recurrent);
    let (layers, sample) = (model.layers().len(), model.input().shape.len());
    let streams = 1000;
    let batch = akida2::inputs(&mut Random::new(2), &model, streams);
    let inputs = batch.samples(0, streams, sample);
    let plan = Plan::new(model);
    let mut session = Session::new(&plan, streams).unwrap();
    let (_, asked) = stopped_at(0, |options| session.step(&plan, inputs, options).unwrap());
    // Each layer of each stream is some units of work, however small it is.
    let least = (layers * streams) as u64 * 256 / WORK_PER_QUESTION;
    assert!(asked as u64 > least, "{asked} questions, not {least}");
}
