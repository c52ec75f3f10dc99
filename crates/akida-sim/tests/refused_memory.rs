//! Memory that the system refuses is an error, at each large request, whatever the layers, kernels and threads.

#![allow(unsafe_code, reason = "an allocator that refuses")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/akida2.rs"]
mod akida2;
mod common;
#[path = "common/refusing.rs"]
mod refusing;

use akida_sim::{
    Inputs, Model, ModelBuilder, ModelError, ModelErrorKind, Plan, PlanError, PlanOptions,
    RunError, RunOptions, Session, Statistics, Tensor, Weights, available_kernels, memory,
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
/// Lists with an entry for each layer, and what a layer holds beside its variables, are smaller.
const LARGE: usize = 2 << 10;

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
fn check<T: PartialEq + Debug>(what: &str, work: impl Fn() -> Result<T, Failure>) -> usize {
    let expected = work();
    let mut results = refuse(LARGE, &work);
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
fn check_all(what: &str, model: &Model, inputs: Inputs<'_>) -> [usize; 4] {
    let mut refused = [0; 4];
    refused[0] += check(&format!("{what}, build"), || built(model));

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
        refused[1] += check(&format!("{what}, plan"), packed);
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
            refused[3] += check(&format!("{what}, session"), step);
            continue;
        }
        refused[2] += check(&format!("{what}, forward"), || {
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
            refused[2] += check(&format!("{what}, forward"), || {
                Ok(plan()?.forward(inputs, &run)?)
            });
            refused[2] += check(&format!("{what}, predict"), || {
                Ok(plan()?.predict(inputs, &run)?)
            });
            refused[2] += check(&format!("{what}, taps"), || Ok(plan()?.taps(inputs, &run)?));
            refused[2] += check(&format!("{what}, measure"), || {
                Ok(Statistics::measure(&plan()?, inputs, &run)?)
            });
        }
    }
    refused
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
            &format!("Akida 1.0, seed {seed}"),
            &model,
            (&inputs).into(),
        ));
        for kind in [Kind::Still, Kind::Queues, Kind::Recurrent] {
            let model = akida2::model(&mut random, kind);
            let batch = akida2::inputs(&mut random, &model, SAMPLES);
            let inputs = batch.samples(0, SAMPLES, model.input().shape.len());
            add(check_all(
                &format!("Akida 2.0, seed {seed}"),
                &model,
                inputs,
            ));
        }
    }
    assert!(refused.iter().all(|count| *count > 20), "{refused:?}");
}
