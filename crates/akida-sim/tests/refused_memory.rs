//! Memory that the system refuses is an error, at each large request, whatever the layers, kernels and threads.

#![allow(unsafe_code, reason = "an allocator that refuses")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "common/akida2.rs"]
mod akida2;
mod common;
#[path = "common/refusing.rs"]
mod refusing;

use akida_sim::{
    Dense1D, InputData, Inputs, Model, ModelBuilder, ModelError, ModelErrorKind, Plan, PlanError,
    PlanOptions, RunError, RunOptions, Session, Shape, Statistics, Tensor, Weights,
    available_kernels, memory,
};
use akida2::Kind;
use common::Random;
use refusing::refuse;
use std::fmt::Debug;

#[global_allocator]
static ALLOCATOR: refusing::Refusing = refusing::Refusing;

/// Random networks of each kind.
const NETWORKS: u64 = 12;
/// Samples of a run, and streams of a session.
const SAMPLES: usize = 3;
/// What a layer holds beside its variables is smaller, and so are lists with an entry for each of a few layers.
const LARGE: usize = 4 << 10;
/// Lists of some tens of bytes for each of 1024 layers are smaller.
const LARGE_FOR_MANY: usize = 32 << 10;

/// Why there are no outputs.
#[derive(Debug, PartialEq)]
enum Failure {
    Model(ModelError),
    Plan(PlanError),
    Run(RunError),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl Failure {
    fn is_memory(&self) -> bool {
        match self {
            Self::Model(error) => error.kind() == ModelErrorKind::Memory,
            Self::Plan(error) => matches!(error, PlanError::Memory { .. }),
            Self::Run(error) => matches!(error, RunError::Memory),
        }
    }
}

/// Checks that each refused request gives an error of memory, or what the call gives without refusals. Returns how many
/// calls gave an error.
fn check<T: PartialEq + Debug>(
    large: usize,
    what: &str,
    work: impl Fn() -> Result<T, Failure>,
) -> usize {
    let expected = work();
    let mut results = refuse(large, &work);
    assert!(results.pop().unwrap() == expected, "{what}");
    let refused = |result: &Result<T, Failure>| match result {
        result if *result == expected => false,
        Err(error) if error.is_memory() => true,
        other => panic!("{what}: {other:?} instead of {expected:?}"),
    };
    results.iter().filter(|result| refused(result)).count()
}

/// A copy of a variable.
fn copied(tensor: &Tensor) -> Result<Tensor, ModelError> {
    Ok(match tensor {
        Tensor::Weights(weights) => {
            Tensor::Weights(Weights::new(weights.shape(), weights.try_values()?)?)
        }
        Tensor::Integers(values) => Tensor::Integers(memory::copied(values)?),
        Tensor::Floats(values) => Tensor::Floats(memory::copied(values)?),
    })
}

/// The model, made again layer by layer.
fn built(model: &Model) -> Result<Model, Failure> {
    let mut builder = ModelBuilder::new();
    for (index, layer) in model.layers().iter().enumerate() {
        builder.add(layer.name(), layer.spec().clone(), layer.inbounds())?;
        for (spec, tensor) in layer.variables() {
            builder.set_variable(index, spec.name, copied(tensor)?)?;
        }
    }
    Ok(builder.build()?)
}

/// Checks all calls on one model. Returns how many gave an error, for building, plans, runs and sessions.
fn check_all(large: usize, what: &str, model: &Model, inputs: Inputs<'_>) -> [usize; 4] {
    let mut refused = [0; 4];
    refused[0] += check(large, &format!("{what}, build"), || built(model));

    let kernels = available_kernels().into_iter().map(String::from);
    for kernel in kernels.map(Some).chain([None]) {
        let options = PlanOptions {
            kernel,
            ..PlanOptions::default()
        };
        let what = format!("{what}, {:?}", options.kernel);
        // Each call begins with a plan that has lent no memory yet.
        let plan = || Plan::with_options(model.clone(), &options);
        let packed = || Ok(plan()?.packed_bytes());
        refused[1] += check(large, &format!("{what}, plan"), packed);
        if plan().is_err() {
            continue;
        }
        let run = RunOptions {
            threads: 1,
            ..RunOptions::default()
        };
        if model.has_state() {
            let step = || {
                let plan = plan()?;
                let mut session = Session::new(&plan, SAMPLES)?;
                let taps = session.taps(&plan, inputs, &run)?;
                let mut session = Session::restore(&plan, &session.save()?)?;
                Ok((taps, session.run_clip(&plan, inputs, &run)?))
            };
            refused[3] += check(large, &format!("{what}, session"), step);
            continue;
        }
        refused[2] += check(large, &format!("{what}, forward"), || {
            Ok(plan()?.forward(inputs, &run)?)
        });
    }

    if !model.has_state() {
        for threads in [2, 3] {
            let run = RunOptions {
                threads,
                ..RunOptions::default()
            };
            let what = format!("{what}, {threads} threads");
            let plan = || Plan::with_options(model.clone(), &PlanOptions::default());
            refused[2] += check(large, &format!("{what}, forward"), || {
                Ok(plan()?.forward(inputs, &run)?)
            });
            refused[2] += check(large, &format!("{what}, predict"), || {
                Ok(plan()?.predict(inputs, &run)?)
            });
            refused[2] += check(large, &format!("{what}, taps"), || {
                Ok(plan()?.taps(inputs, &run)?)
            });
            refused[2] += check(large, &format!("{what}, measure"), || {
                Ok(Statistics::measure(&plan()?, inputs, &run)?)
            });
        }
    }
    refused
}

/// As many layers as a model may have.
fn deep() -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1), 8);
    builder.add("", input, &[]).unwrap();
    for _ in 1..1024 {
        builder.add("", Dense1D::new(1), &[]).unwrap();
    }
    builder.build().unwrap()
}

// One test, as the allocator counts the requests of all threads.
#[test]
fn each_refused_request_of_random_models_is_an_error() {
    let mut refused = [0; 4];
    let mut add = |found: [usize; 4]| refused.iter_mut().zip(found).for_each(|(r, f)| *r += f);
    for seed in 0..NETWORKS {
        let mut random = Random::new(seed);
        let model = random.model();
        let inputs = random.inputs(&model, SAMPLES);
        add(check_all(
            LARGE,
            &format!("Akida 1.0, seed {seed}"),
            &model,
            (&inputs).into(),
        ));
        for kind in [Kind::Still, Kind::Queues, Kind::Recurrent] {
            let model = akida2::model(&mut random, kind);
            let batch = akida2::inputs(&mut random, &model, SAMPLES);
            let inputs = batch.samples(0, SAMPLES, model.input().shape.len());
            add(check_all(
                LARGE,
                &format!("Akida 2.0, seed {seed}"),
                &model,
                inputs,
            ));
        }
    }
    let model = deep();
    let inputs = vec![1i8; SAMPLES];
    add(check_all(
        LARGE_FOR_MANY,
        "many layers",
        &model,
        (&inputs).into(),
    ));
    assert!(refused.iter().all(|count| *count > 20), "{refused:?}");
}
