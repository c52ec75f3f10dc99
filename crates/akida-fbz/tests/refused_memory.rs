//! Memory that the system refuses is an error: each large request is refused once, in each call that asks for memory.

#![allow(unsafe_code, reason = "an allocator that refuses")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../akida-sim/tests/common/refusing.rs"]
mod refusing;

use akida_fbz::{DecodeErrorKind, EncodeErrorKind, decode, encode, inspect};
use akida_sim::convert::{SetError, certify, fit_boundaries, set_fitted};
use akida_sim::device::Device;
use akida_sim::map::{self, MapError, MapMode};
use akida_sim::*;
use refusing::refuse;
use std::fmt::Debug;

#[global_allocator]
static ALLOCATOR: refusing::Refusing = refusing::Refusing;

/// A deterministic source of values.
fn values(len: usize, low: i32, high: i32) -> impl Iterator<Item = i32> {
    let mut state = 1u32;
    (0..len).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        low + ((state >> 8) as i32) % (high - low + 1)
    })
}

/// A layer of each type. Each layer and each map is large, so that every request of memory for it counts.
fn model() -> Model {
    let conv = |size, filters| ConvParams {
        padding: Padding::Same,
        ..ConvParams::new(Pair::square(size), filters)
    };
    let pooled = |size, filters| ConvParams {
        pooling: Pooling::Max {
            size: Pair::square(2),
            stride: Pair::square(2),
        },
        ..conv(size, filters)
    };
    let averaged = |filters| ConvParams {
        pooling: Pooling::GlobalAverage,
        ..conv(3, filters)
    };
    let mut builder = ModelBuilder::new();
    let input = InputConvolutional {
        input_shape: Shape::new(48, 48, 3),
        padding_value: 3,
        conv: pooled(3, 64),
    };
    builder.add("image", input, &[]).unwrap();
    let left = builder
        .add("conv", Convolutional { conv: conv(3, 64) }, &[0])
        .unwrap();
    let right = builder
        .add(
            "separable",
            SeparableConvolutional { conv: conv(3, 64) },
            &[0],
        )
        .unwrap();
    builder.add("join", Concat, &[left, right]).unwrap();
    let conv = averaged(1200);
    builder
        .add("average", SeparableConvolutional { conv }, &[])
        .unwrap();
    let dense = FullyConnected {
        act_bits: Some(4),
        ..FullyConnected::new(1200)
    };
    builder.add("dense", dense, &[]).unwrap();
    let classes = FullyConnected {
        act_bits: None,
        ..FullyConnected::new(1100)
    };
    builder.add("classes", classes, &[]).unwrap();
    for index in 0..builder.layers().len() {
        let layer = builder.layers()[index].clone();
        for spec in &layer.connection().variables {
            if let VariableRule::Weights { bits } = spec.rule {
                let top = (1 << (bits - 1)) - 1;
                let weights = values(spec.count(), -top, top).map(|w| w as i8).collect();
                let weights = Weights::new(spec.weight_shape().unwrap(), weights).unwrap();
                builder.set_variable(index, spec.name, weights).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

/// Layers of Akida 2.0 with every type of variables, each so large that every request of memory for it counts.
fn akida2() -> Model {
    let post_ops = PostOps::new(Activation::Lut);
    let conv = Conv2DParams {
        post_ops,
        weights_bits: 4,
        ..Conv2DParams::new(3)
    };
    let accumulators = PostOps {
        output_bits: 32,
        ..PostOps::new(Activation::ReLU)
    };
    let averaged = Conv2DParams {
        pooling: Pooling::GlobalAverage,
        post_ops: accumulators,
        weights_bits: 2,
        ..Conv2DParams::new(1)
    };
    let channels = 5000;
    let quantizer = Quantizer {
        input_shape: Shape::new(1, 2, channels),
        output_bits: 8,
        output_signed: true,
        channels_first: false,
    };
    let states = StatefulRecurrent::new(5000, 10);
    let mut builder = ModelBuilder::new();
    let mut add = |spec: LayerSpec, inbounds: &[usize]| builder.add("", spec, inbounds).unwrap();
    let floats = add(quantizer.into(), &[]);
    let left = add(DepthwiseConv2D { conv }.into(), &[floats]);
    let sum = add(Add::default().into(), &[floats, left]);
    let few = Dense1D::new(3);
    let few = add(few.into(), &[sum]);
    let states = add(states.into(), &[few]);
    let many = add(Dense1D::new(channels).into(), &[states]);
    let averaged = Conv2D {
        filters: 3,
        conv: averaged,
    };
    let last = add(averaged.into(), &[many]);
    add(Dequantizer.into(), &[last]);
    builder.build().unwrap()
}

/// Calls that ask for little memory for some layers or devices.
const SMALL: [&str; 5] = ["values", "set_variable", "reach", "check", "map"];

/// Checks that each refused call gave an error of memory, and the last call what it gives without refusals.
fn check<T: PartialEq + Debug, E: Debug>(
    what: &str,
    work: impl Fn() -> Result<T, E>,
    is_memory: impl Fn(&E) -> bool,
) {
    let expected = work().unwrap();
    let large = match what {
        // The compression library has memory of a fixed size.
        "encode" => 512 << 10,
        // The lists of a device's processors are at most as long as the device is large.
        "map" => 16 << 10,
        _ => 4 << 10,
    };
    let mut results = refuse(large, &work);
    let last = results.pop().unwrap();
    assert!(last.unwrap() == expected, "{what}");
    assert!(
        SMALL.contains(&what) || !results.is_empty(),
        "{what} asks for no memory"
    );
    for (n, result) in results.into_iter().enumerate() {
        match result {
            // The call could do without: another thread, or another kernel, or one thread less.
            Ok(given) => assert!(given == expected, "{what}, request {n}"),
            Err(error) => assert!(is_memory(&error), "{what}, request {n}: {error:?}"),
        }
    }
}

// One test, as the allocator counts the requests of all threads.
#[test]
fn each_refused_request_is_an_error() {
    let model = model();
    let inputs: Vec<u8> = values(5 * model.input().shape.len(), 0, 255)
        .map(|v| v as u8)
        .collect();
    let model_memory = |e: &ModelError| e.kind() == ModelErrorKind::Memory;
    let run_memory = |e: &RunError| matches!(e, RunError::Memory);

    check(
        "add",
        || {
            let mut builder = ModelBuilder::new();
            for layer in model.layers() {
                builder.add(layer.name(), layer.spec().clone(), layer.inbounds())?;
            }
            builder.build()
        },
        model_memory,
    );
    for layer in model.layers() {
        for (index, (spec, tensor)) in layer.variables().enumerate() {
            if let Some(weights) = tensor.weights() {
                check("values", || weights.try_values(), |_| true);
                let at = model
                    .layers()
                    .iter()
                    .position(|l| l.name() == layer.name())
                    .unwrap();
                check(
                    "set_variable",
                    || {
                        let values = weights.try_values()?;
                        let mut builder = model.edit();
                        builder.set_variable(
                            at,
                            spec.name,
                            Weights::new(spec.weight_shape().unwrap_or_default(), values)?,
                        )?;
                        builder.build()
                    },
                    model_memory,
                );
                assert!(index < 4);
            }
        }
        if layer.variables().len() > 0 {
            check("reach", || layer.reach(), |_| true);
        }
    }

    let second = akida2();
    for model in [&model, &second] {
        let file = encode(model).unwrap();
        check(
            "encode",
            || encode(model),
            |e| e.kind() == EncodeErrorKind::Memory,
        );
        check(
            "decode",
            || decode(&file),
            |e| e.kind() == DecodeErrorKind::Memory,
        );
        check(
            "inspect",
            || inspect(&file),
            |e| e.kind() == DecodeErrorKind::Memory,
        );
    }

    let placed = [
        (&model, Device::akd1000()),
        (&model, Device::akd1500()),
        (&second, Device::six_nodes_ip_v2()),
    ];
    for (model, device) in placed {
        check("check", || map::check(model, &device), |_| true);
        for hw_only in [false, true] {
            let map = || match map::map(model, &device, MapMode::AllNps, hw_only) {
                Err(MapError::Refused(violations)) => Ok(Err(violations)),
                Err(error) => Err(error),
                Ok(mapping) => Ok(Ok(mapping)),
            };
            check("map", map, |e| matches!(e, MapError::Memory(_)));
        }
    }

    check(
        "plan",
        || {
            let plan = Plan::with_options(model.clone(), &PlanOptions::default());
            plan.map(|plan| plan.packed_bytes())
        },
        |e| matches!(e, PlanError::Memory { .. }),
    );
    for threads in 1..=3 {
        let options = RunOptions {
            threads,
            ..RunOptions::default()
        };
        // Each call begins with a plan that has lent no memory yet.
        let plan = || {
            Plan::with_options(model.clone(), &PlanOptions::default()).map_err(|_| RunError::Memory)
        };
        check("forward", || plan()?.forward(&inputs, &options), run_memory);
        check("predict", || plan()?.predict(&inputs, &options), run_memory);
        check("taps", || plan()?.taps(&inputs, &options), run_memory);
        check(
            "measure",
            || Statistics::measure(&plan()?, &inputs, &options),
            run_memory,
        );
    }

    let layer = model.layers().iter().find(|l| l.name() == "dense").unwrap();
    let filters = 1200;
    let boundaries: Vec<i64> = (0..filters * 15)
        .map(|i| (i % 15 * 40 + i / 15) as i64)
        .collect();
    let s = vec![40.0; filters];
    let reach = layer.reach().unwrap().unwrap();
    let widths = convert::Widths::UNLIMITED;
    check(
        "fit",
        || fit_boundaries(&boundaries, &s, 4, &reach, widths),
        |e| e.out_of_memory().is_some(),
    );
    check(
        "certify",
        || certify(layer, &boundaries, widths),
        |e| e.out_of_memory().is_some(),
    );
    let index = model
        .layers()
        .iter()
        .position(|l| l.name() == "dense")
        .unwrap();
    check(
        "set_fitted",
        || {
            let mut builder = model.edit();
            set_fitted(&mut builder, index, Vec::new(), &boundaries, &s, |_| widths)
        },
        |e| match e {
            SetError::Model(e) => model_memory(e),
            SetError::Fit(e) => e.out_of_memory().is_some(),
        },
    );
}
