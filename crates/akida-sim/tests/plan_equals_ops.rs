//! A plan gives the integers of `ops`, whatever its kernels, threads and batches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

mod common;

use akida_sim::{
    ElementType, LayerSpec, Pair, Plan, PlanOptions, Pooling, RunError, RunOptions, Values,
    available_kernels, ops,
};
use common::Random;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Random networks compared per kernel choice.
const NETWORKS: u64 = 240;
const SAMPLES: usize = 3;

/// The outputs of `ops` for every layer, samples joined.
fn definition(model: &akida_sim::Model, inputs: &[u8]) -> Vec<Values> {
    let mut joined: Vec<Values> = Vec::new();
    for sample in inputs.chunks_exact(model.input().shape.len()) {
        let outputs = ops::run(model, sample).unwrap();
        if joined.is_empty() {
            joined = outputs;
            continue;
        }
        for (all, new) in joined.iter_mut().zip(outputs) {
            match (all, new) {
                (Values::U8(all), Values::U8(new)) => all.extend(new),
                (Values::I32(all), Values::I32(new)) => all.extend(new),
                _ => panic!("a layer gives levels or potentials, not both"),
            }
        }
    }
    joined
}

#[test]
fn every_layer_equals_the_definition() {
    for seed in 0..NETWORKS {
        let mut random = Random::new(seed);
        let model = random.model();
        let inputs = random.inputs(&model, SAMPLES);
        let plan = Plan::new(model);
        let taps = plan.taps(&inputs, &RunOptions::default()).unwrap();
        let expected = definition(plan.model(), &inputs);
        for ((layer, tap), expected) in plan.model().layers().iter().zip(&taps).zip(&expected) {
            assert_eq!(tap, expected, "seed {seed}, layer {layer:?}");
        }
        let forward = plan.forward(&inputs, &RunOptions::default()).unwrap();
        assert_eq!(Some(&forward), expected.last(), "seed {seed}");
    }
}

#[test]
fn the_random_models_have_every_layer_type() {
    let models = (0..NETWORKS).map(|seed| Random::new(seed).model());
    let layers = models.flat_map(|model| model.layers().to_vec());
    let types: BTreeSet<&str> = layers.map(|layer| layer.spec().type_name()).collect();
    // `plan_equals_ops_akida2.rs` draws the layers of Akida 2.0.
    let of_akida1 = LayerSpec::TYPES
        .iter()
        .take_while(|name| **name != "Quantizer");
    assert_eq!(types, of_akida1.copied().collect());
}

/// What a layer of a random model exercises beyond its type.
fn extremes(model: &akida_sim::Model, layer: &akida_sim::Layer) -> Vec<&'static str> {
    let mut found = Vec::new();
    let inbounds: BTreeSet<usize> = layer.inbounds().iter().copied().collect();
    let input = layer.connection().input.shape;
    let largest = |pair: Pair| pair.x.max(pair.y);
    let mut note = |holds: bool, what| {
        if holds {
            found.push(what);
        }
    };
    note(
        inbounds.len() < layer.inbounds().len(),
        "a repeated inbound",
    );
    note(inbounds.len() > 4, "many inbounds");
    note(model.layers().len() > 10, "many layers");
    note(input.c > 99, "hundreds of channels");
    note(input.positions() == 1, "a map of one pixel");
    let Some(windows) = layer.connection().operation.windows() else {
        return found;
    };
    let (size, stride) = (windows.size, windows.stride);
    let whole = size == Pair::new(input.x, input.y) && input.x.min(input.y) > 2;
    note(
        whole && !windows.is_fully_connected(),
        "a kernel of the whole map",
    );
    note(
        size.x > input.x && size.y > input.y,
        "a kernel beyond the map",
    );
    note(
        stride.x > size.x && stride.y > size.y,
        "a stride beyond the kernel",
    );
    if let Pooling::Max { size, stride } = windows.pooling {
        note(largest(size) > 5, "a wide pool");
        note(
            stride.x > size.x && stride.y > size.y,
            "a stride beyond the pool",
        );
    }
    let thresholds = layer
        .thresholds()
        .map(|t| t.filters().map(|(t, _)| t).collect::<Vec<_>>());
    let near = |t: &i32| *t != i32::MAX && *t > i32::MAX - 4;
    let near_end = thresholds.is_some_and(|all| all.iter().any(near));
    note(near_end, "a threshold near the end of 32 bits");
    found
}

#[test]
fn the_random_models_reach_the_extremes() {
    let mut seen = BTreeMap::new();
    for seed in 0..NETWORKS {
        let model = Random::new(seed).model();
        for layer in model.layers() {
            for what in extremes(&model, layer) {
                *seen.entry(what).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(seen.len(), 11, "{seen:?}");
    assert!(seen.values().all(|&count| count >= 3), "{seen:?}");
}

#[test]
fn every_forced_kernel_equals_the_definition() {
    // Only layers of Akida 2.0 make outputs of depthwise products of bytes.
    let of_akida1 = |kernel: &&str| !kernel.contains("depthwise-u8");
    for kernel in available_kernels().into_iter().filter(of_akida1) {
        let options = PlanOptions {
            kernel: Some(kernel.to_owned()),
            ..PlanOptions::default()
        };
        let mut used = 0;
        for seed in 0..NETWORKS {
            let mut random = Random::new(seed);
            let model = random.model();
            let inputs = random.inputs(&model, SAMPLES);
            // A kernel that would not be exact for a layer is refused, which the next test looks at.
            let Ok(plan) = Plan::with_options(model, &options) else {
                continue;
            };
            used += usize::from(plan.choices().iter().any(|choice| choice.kernel == kernel));
            let forward = plan.forward(&inputs, &RunOptions::default()).unwrap();
            let expected = definition(plan.model(), &inputs);
            assert_eq!(
                Some(&forward),
                expected.last(),
                "kernel {kernel}, seed {seed}"
            );
        }
        assert!(used > 20, "kernel {kernel} was used by {used} networks");
    }
}

/// As on hosts with older instructions; sums of depthwise convolutions as bytes also where they are many.
#[test]
fn plans_without_the_fastest_kernels_equal_the_definition() {
    let depthwise = available_kernels();
    let depthwise = depthwise.iter().filter(|name| name.contains("depthwise"));
    let kernels: Vec<_> = depthwise.map(Some).chain([None]).collect();
    for left_out in [&["amx"][..], &["amx", "avx512", "vnni"], &["dense-u8"]] {
        for seed in 0..NETWORKS {
            let mut random = Random::new(seed);
            let model = random.model();
            let inputs = random.inputs(&model, 1);
            let expected = definition(&model, &inputs);
            for &kernel in &kernels {
                let options = PlanOptions {
                    kernel: kernel.map(|&name| name.to_owned()),
                    without: left_out.iter().map(|&part| part.to_owned()).collect(),
                };
                // Some networks are not for the kernel that is asked for.
                let Ok(plan) = Plan::with_options(Random::new(seed).model(), &options) else {
                    assert!(kernel.is_some());
                    continue;
                };
                let forward = plan.forward(&inputs, &RunOptions::default()).unwrap();
                assert_eq!(Some(&forward), expected.last(), "{options:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_kernel_that_cannot_be_exact_is_refused_with_the_reason() {
    let narrow = PlanOptions {
        kernel: Some("generic-depthwise-i16".to_owned()),
        ..PlanOptions::default()
    };
    let refused = (0..2000)
        .filter_map(|seed| Plan::with_options(Random::new(seed).model(), &narrow).err())
        .next()
        .expect("some network has wide depthwise sums");
    let text = refused.to_string();
    assert!(
        text.contains("layer \"") && text.contains("beyond 32767"),
        "{text}"
    );

    let unknown = PlanOptions {
        kernel: Some("abacus".to_owned()),
        ..PlanOptions::default()
    };
    let text = Plan::with_options(Random::new(1).model(), &unknown)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("abacus") && text.contains("generic-dense-i16"),
        "{text}"
    );
}

#[test]
fn threads_and_batches_change_nothing() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let model = random.model();
        let inputs = random.inputs(&model, 23);
        let plan = Plan::new(model);
        let one = RunOptions {
            threads: 1,
            ..RunOptions::default()
        };
        let expected = plan.forward(&inputs, &one).unwrap();
        let defined = definition(plan.model(), &inputs);
        assert_eq!(Some(&expected), defined.last(), "seed {seed}");
        for threads in [0, 2, 3, 64] {
            for batch_size in [0, 1, 2, 7, 1000] {
                let options = RunOptions {
                    threads,
                    batch_size,
                    ..RunOptions::default()
                };
                assert_eq!(
                    plan.forward(&inputs, &options).unwrap(),
                    expected,
                    "{options:?}"
                );
            }
        }
    }
}

#[test]
fn predictions_are_the_potentials_made_real() {
    let mut seen = 0;
    for seed in 0..NETWORKS {
        let mut random = Random::new(seed);
        let model = random.model();
        let inputs = random.inputs(&model, SAMPLES);
        let plan = Plan::new(model);
        let predicted = plan.predict(&inputs, &RunOptions::default());
        let last = plan.model().layers().last().unwrap();
        if !last.connection().gives_potentials() {
            assert!(matches!(predicted, Err(RunError::NotPredictable { .. })));
            continue;
        }
        seen += 1;
        let Values::I32(potentials) = plan.forward(&inputs, &RunOptions::default()).unwrap() else {
            panic!("potentials");
        };
        let units: Vec<(i32, f32)> = last.thresholds().unwrap().filters().collect();
        for (i, (&y, &p)) in predicted.unwrap().iter().zip(&potentials).enumerate() {
            let (t, s) = units[i % units.len()];
            assert_eq!(y, ops::prediction(p, t, s));
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn an_interrupt_stops_between_batches() {
    let mut random = Random::new(5);
    let model = random.model();
    let inputs = random.inputs(&model, 10);
    let plan = Plan::new(model);
    let asked = Cell::new(0);
    let interrupt = || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    };
    let options = RunOptions {
        threads: 1,
        batch_size: 2,
        interrupt: Some(&interrupt),
    };
    assert_eq!(plan.forward(&inputs, &options), Err(RunError::Interrupted));
    assert_eq!(asked.get(), 3);
}

#[test]
fn inputs_are_checked_on_every_call() {
    let mut builder = akida_sim::ModelBuilder::new();
    builder
        .add(
            "in",
            akida_sim::InputData::new(akida_sim::Shape::new(1, 1, 3), 2),
            &[],
        )
        .unwrap();
    let plan = Plan::new(builder.build().unwrap());
    let options = RunOptions::default();
    assert_eq!(
        plan.forward(&[0u8, 3, 1], &options),
        Ok(Values::U8(vec![0, 3, 1]))
    );
    assert_eq!(plan.forward(&[0u8; 0], &options), Ok(Values::U8(vec![])));
    assert_eq!(
        plan.forward(&[0u8, 3], &options),
        Err(RunError::Length {
            received: 2,
            sample: 3
        })
    );
    assert_eq!(
        plan.forward(&[0u8, 3, 3, 3, 0, 4], &options),
        Err(RunError::Value {
            index: 5,
            received: 4,
            min: 0,
            max: 3
        })
    );
    assert_eq!(
        plan.forward(&[0i8, 3, 1], &options),
        Err(RunError::Type {
            received: ElementType::I8,
            expected: ElementType::U8
        })
    );
    assert!(plan.run(&mut plan.scratch(), &[1u8, 2]).is_err());
    assert!(ops::run(plan.model(), &[1u8, 2]).is_err());
    assert!(ops::run(plan.model(), &[1u8, 2, 4]).is_err());
}

#[test]
fn scratch_memory_of_another_plan_is_refused() {
    let mut random = Random::new(3);
    let (model, other) = (random.model(), random.model());
    let input = random.inputs(&model, 1);
    let (plan, other) = (Plan::new(model), Plan::new(other));
    assert_eq!(
        plan.run(&mut other.scratch(), &input),
        Err(RunError::Scratch)
    );
    assert!(plan.run(&mut plan.scratch(), &input).is_ok());
}

/// Sums of 1,127,288 products, the most that 32 bits hold, against thresholds at both ends and around the sums.
#[test]
fn sums_at_the_ends_of_32_bits_equal_the_definition() {
    use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Weights};
    let inputs = (i32::MAX / (15 * 127)) as usize;
    let largest = inputs as i32 * 15 * 127;
    let thresholds: Vec<i32> = [largest, -largest]
        .iter()
        .flat_map(|sum| (-2..3).map(move |away| sum.saturating_add(away)))
        .chain([i32::MIN, i32::MAX, 0])
        .collect();
    let units = thresholds.len();
    for steps in [f32::from_bits(1), 1.0, f32::MAX] {
        for act_bits in [None, Some(4)] {
            let mut builder = ModelBuilder::new();
            let input = InputData::new(Shape::new(1, 1, inputs), 4);
            builder.add("in", input, &[]).unwrap();
            let spec = FullyConnected {
                units,
                weights_bits: 8,
                act_bits,
            };
            // The signs change with every second unit: each threshold meets a large sum or a small one.
            let sign = |i: usize| {
                if (i % units).is_multiple_of(2) {
                    127
                } else {
                    -127
                }
            };
            let weights = (0..inputs * units).map(sign).collect();
            let weights = Weights::new([1, 1, inputs, units], weights).unwrap();
            let tensors = vec![
                weights.into(),
                thresholds.clone().into(),
                vec![steps; units].into(),
            ];
            builder.add_with_variables("", spec, &[0], tensors).unwrap();
            let plan = Plan::new(builder.build().unwrap());
            let sample = vec![15u8; inputs];
            let found = plan.forward(&sample, &RunOptions::default()).unwrap();
            let sums = (0..units).map(|unit| if sign(unit) > 0 { largest } else { -largest });
            let expected = match act_bits {
                None => Values::I32(sums.collect()),
                Some(bits) => Values::U8(
                    sums.zip(&thresholds)
                        .map(|(sum, &t)| ops::level(sum, &ops::boundaries(t, steps, bits)))
                        .collect(),
                ),
            };
            assert_eq!(found, expected, "steps {steps}, {act_bits:?} bits");
        }
    }
}

/// A few kilobytes of model whose maps together have a terabyte.
#[cfg(target_os = "linux")]
#[test]
fn maps_beyond_the_memory_are_refused() {
    use akida_sim::{ConvParams, Convolutional, InputData, ModelBuilder, Pair, Shape};
    let overcommit = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    if overcommit.trim() == "1" {
        return; // such a system grants whatever is asked for
    }
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1 << 15, 1 << 15, 1), 4);
    builder.add("in", input, &[]).unwrap();
    for _ in 0..1000 {
        let conv = ConvParams::new(Pair::square(1), 1);
        builder.add("", Convolutional { conv }, &[]).unwrap();
    }
    let plan = Plan::new(builder.build().unwrap());
    assert_eq!(plan.try_scratch().err(), Some(RunError::Memory));
}
