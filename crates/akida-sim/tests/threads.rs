//! Threads change nothing: not those of a batch, not those that share an input, not callers side by side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[allow(dead_code, reason = "each test uses its part")]
mod common;

use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, LayerSpec, Model,
    ModelBuilder, Outputs, Padding, Pair, Plan, PlanOptions, Pooling, RunError, RunOptions,
    SeparableConvolutional, Shape, ops,
};
use common::Random;
use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: a caller that finds the threads busy works alone.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn network(seed: u64, specs: Vec<LayerSpec>) -> (Model, Random) {
    let mut random = Random::new(seed);
    let mut builder = ModelBuilder::new();
    for spec in specs {
        let connection = builder.connect("", &spec, &[]).unwrap();
        let variables = random.variables(&spec, &connection);
        builder
            .add_with_variables("", spec, &[], variables)
            .unwrap();
    }
    (builder.build().unwrap(), random)
}

fn conv(size: usize, filters: usize) -> ConvParams {
    ConvParams {
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(size), filters)
    }
}

fn max(size: usize, stride: usize) -> Pooling {
    Pooling::Max {
        size: Pair::square(size),
        stride: Pair::square(stride),
    }
}

/// Networks whose layers are large enough to be shared, of all kinds.
fn networks() -> Vec<(Model, Random)> {
    let separable = |conv| SeparableConvolutional { conv }.into();
    let convolutional = |conv| Convolutional { conv }.into();
    let dense = |units, act_bits| {
        let layer = FullyConnected {
            weights_bits: 4,
            act_bits,
            ..FullyConnected::new(units)
        };
        layer.into()
    };
    let input = |shape, conv| InputConvolutional::new(shape, conv).into();
    let data = |shape| InputData::new(shape, 4).into();
    vec![
        // Maps of an odd number of positions, pooled by windows that overlap, and potentials.
        network(
            11,
            vec![
                input(Shape::new(31, 27, 3), conv(3, 40)),
                separable(conv(3, 72)),
                convolutional(ConvParams {
                    pooling: max(3, 2),
                    ..conv(3, 33)
                }),
                convolutional(ConvParams {
                    act_bits: None,
                    ..conv(3, 20)
                }),
            ],
        ),
        // Potentials that are pooled, without a border.
        network(
            12,
            vec![
                data(Shape::new(30, 21, 16)),
                convolutional(ConvParams {
                    act_bits: None,
                    pooling: max(2, 2),
                    padding: Padding::Valid,
                    ..conv(3, 24)
                }),
            ],
        ),
        // Averages after a separable layer; then single windows.
        network(
            13,
            vec![
                data(Shape::new(11, 7, 96)),
                separable(ConvParams {
                    kernel_stride: Pair::square(2),
                    ..conv(3, 200)
                }),
                separable(ConvParams {
                    pooling: Pooling::GlobalAverage,
                    ..conv(3, 250)
                }),
                dense(1000, Some(2)),
                dense(700, Some(4)),
                dense(501, None),
            ],
        ),
        // Averages after a convolution, and single windows of inputs that are no multiple of a group.
        network(
            14,
            vec![
                data(Shape::new(9, 10, 37)),
                convolutional(ConvParams {
                    pooling: Pooling::GlobalAverage,
                    ..conv(3, 85)
                }),
                dense(2000, None),
            ],
        ),
        network(
            15,
            vec![
                data(Shape::new(3, 5, 67)),
                dense(600, Some(1)),
                dense(900, Some(4)),
            ],
        ),
    ]
}

fn forward(plan: &Plan, inputs: &[u8], threads: usize) -> Outputs {
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    plan.forward(inputs, &options).unwrap()
}

#[test]
fn threads_change_nothing_whatever_the_layers() {
    let _alone = alone();
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
                for threads in [2, 3, 64] {
                    let found = forward(&plan, inputs, threads);
                    assert_eq!(found, expected, "{threads} threads, {samples} inputs");
                }
            }
        }
    }
}

#[test]
fn callers_side_by_side_get_their_own_results() {
    let _alone = alone();
    let plans: Vec<(Plan, Vec<u8>)> = networks()
        .into_iter()
        .map(|(model, mut random)| {
            let inputs = random.inputs(&model, 3);
            (Plan::new(model), inputs)
        })
        .collect();
    let expected: Vec<Outputs> = plans.iter().map(|(plan, i)| forward(plan, i, 1)).collect();
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let (plans, expected) = (&plans, &expected);
            scope.spawn(move || {
                for turn in 0..20 {
                    let place = (turn + caller) % plans.len();
                    let (plan, inputs) = &plans[place];
                    let found = forward(plan, inputs, 2 + turn % 3);
                    assert_eq!(found, expected[place], "caller {caller}, turn {turn}");
                }
            });
        }
    });
}

#[test]
fn an_interrupt_stops_threads_between_batches() {
    let _alone = alone();
    let (model, mut random) = networks().remove(0);
    let inputs = random.inputs(&model, 10);
    let plan = Plan::new(model);
    let asked = Cell::new(0);
    let interrupt = || {
        asked.set(asked.get() + 1);
        asked.get() == 2
    };
    let options = RunOptions {
        threads: 2,
        batch_size: 3,
        interrupt: Some(&interrupt),
    };
    assert_eq!(plan.forward(&inputs, &options), Err(RunError::Interrupted));
    assert_eq!(asked.get(), 2);
    assert_eq!(forward(&plan, &inputs, 2), forward(&plan, &inputs, 1));
}
