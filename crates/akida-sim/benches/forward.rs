//! Time of whole networks, one image at a time and in batches, with the multiply-accumulates of each.
#![allow(clippy::expect_used, reason = "the networks are written out below")]

use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, LayerSpec, Model, ModelBuilder,
    Pair, Plan, Pooling, RunOptions, SeparableConvolutional, Shape, Variable, Weights,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Deterministic values of about the distribution of trained 4-bit weights.
fn weight(index: usize) -> i8 {
    ((index.wrapping_mul(2_654_435_761) >> 7) % 15) as i8 - 7
}

fn add(builder: &mut ModelBuilder, spec: impl Into<LayerSpec>) {
    let index = builder
        .add("", spec, &[])
        .expect("the networks below are valid");
    let connection = builder.layers()[index].connection().clone();
    for (shape, variable) in [
        (
            connection.weights,
            Variable::Weights as fn(Weights) -> Variable,
        ),
        (connection.weights_pw, Variable::WeightsPw),
    ] {
        let Some(shape) = shape else { continue };
        let values = (0..shape.iter().product()).map(weight).collect();
        let weights = Weights::new(shape, values).expect("as many values as the shape has");
        builder
            .set_variable(index, variable(weights))
            .expect("weights of 4 bits");
    }
    // About half of the levels are 0, as after a ReLU.
    let step = f32::max(
        1.0,
        (f64::from(connection.potential_bound).sqrt() / 4.0) as f32,
    );
    let steps = vec![step; connection.output_shape.c];
    builder
        .set_variable(index, Variable::ActStep(steps))
        .expect("positive steps");
}

fn conv(kernel: usize, stride: usize, filters: usize) -> ConvParams {
    ConvParams {
        kernel_stride: Pair::square(stride),
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(kernel), filters)
    }
}

fn pooled(kernel: usize, filters: usize) -> ConvParams {
    ConvParams {
        pooling: Pooling::Max {
            size: Pair::square(2),
            stride: Pair::square(2),
        },
        ..conv(kernel, 1, filters)
    }
}

fn classes(units: usize) -> FullyConnected {
    FullyConnected {
        units,
        weights_bits: 4,
        act_bits: None,
    }
}

/// Full convolutions on small maps: 3x3 kernels, 64 to 256 filters.
fn vgg() -> Model {
    let mut builder = ModelBuilder::new();
    add(
        &mut builder,
        InputConvolutional::new(Shape::new(32, 32, 3), conv(3, 1, 64)),
    );
    for params in [
        pooled(3, 64),
        conv(3, 1, 128),
        pooled(3, 128),
        conv(3, 1, 256),
        pooled(3, 256),
    ] {
        add(&mut builder, Convolutional { conv: params });
    }
    add(&mut builder, classes(512));
    builder.build().expect("a valid network")
}

/// Separable convolutions, as in a keyword spotter or a small MobileNet.
fn separable() -> Model {
    let mut builder = ModelBuilder::new();
    add(
        &mut builder,
        InputConvolutional::new(Shape::new(96, 96, 3), conv(3, 2, 16)),
    );
    for (stride, filters) in [
        (1, 32),
        (2, 64),
        (1, 64),
        (2, 128),
        (1, 128),
        (2, 256),
        (1, 256),
    ] {
        add(
            &mut builder,
            SeparableConvolutional {
                conv: conv(3, stride, filters),
            },
        );
    }
    let last = ConvParams {
        pooling: Pooling::GlobalAverage,
        ..conv(3, 1, 256)
    };
    add(&mut builder, SeparableConvolutional { conv: last });
    add(&mut builder, classes(100));
    builder.build().expect("a valid network")
}

fn forward(c: &mut Criterion) {
    for (name, model) in [("vgg", vgg()), ("separable", separable())] {
        let mut group = c.benchmark_group(name);
        group.sample_size(20);
        for batch in [1usize, 32] {
            let sample = model.input().shape.len();
            let inputs: Vec<u8> = (0..batch * sample).map(|i| (i * 37 % 251) as u8).collect();
            let plan = Plan::new(model.clone());
            let options = RunOptions {
                threads: 1,
                ..RunOptions::default()
            };
            group.throughput(Throughput::Elements(model.macs() * batch as u64));
            group.bench_with_input(BenchmarkId::new("batch", batch), &inputs, |b, inputs| {
                b.iter(|| plan.forward(inputs, &options));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
