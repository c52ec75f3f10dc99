//! Placing a model asks each layer a bounded number of times, however large the model is.
#![allow(clippy::unwrap_used, reason = "a failure is what a test reports")]

use super::{MapMode, check, map};
use crate::device::{Device, HwVersion};
use crate::model::steps;
use crate::{
    Add, Concat, Concatenate, Conv2D, Conv2DParams, ConvParams, Convolutional, FullyConnected,
    InputData, MAX_INBOUNDS, MAX_LAYERS, Model, ModelBuilder, Pair, Shape, Statistics,
};
use alloc::vec::Vec;

/// A chain of `layers` layers.
fn deep(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(4, 4, 1), 1);
    builder.add("", data, &[]).unwrap();
    for _ in 2..layers {
        let conv = ConvParams::new(Pair::square(1), 1);
        builder.add("", Convolutional { conv }, &[]).unwrap();
    }
    builder.add("", FullyConnected::new(1), &[]).unwrap();
    builder.build().unwrap()
}

/// Joins that read one layer as often as is allowed, each beside a convolution of the join before.
fn repeated(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(1, 1, 1), 1);
    let first = builder.add("", data, &[]).unwrap();
    let mut last = first;
    for _ in 1..layers / 2 {
        let mut inbounds = alloc::vec![first; MAX_INBOUNDS - 1];
        inbounds.push(last);
        let join = builder.add("", Concat, &inbounds).unwrap();
        let conv = ConvParams::new(Pair::square(1), 1);
        last = builder.add("", Convolutional { conv }, &[join]).unwrap();
    }
    builder.build().unwrap()
}

/// Convolutions, each added to its input.
fn residual(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(4, 4, 1), 8);
    let mut last = builder.add("", data, &[]).unwrap();
    for _ in 1..layers / 2 {
        let conv = builder.add("", conv2d(), &[last]).unwrap();
        last = builder.add("", Add::default(), &[conv, last]).unwrap();
    }
    builder.build().unwrap()
}

/// A chain of convolutions, then joins that read the chain from its end to its beginning.
fn nested(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(4, 4, 1), 8);
    builder.add("", data, &[]).unwrap();
    for _ in 1..layers / 2 {
        builder.add("", conv2d(), &[]).unwrap();
    }
    let mut last = layers / 2 - 1;
    for skipped in (0..layers / 2 - 1).rev() {
        last = builder.add("", Add::default(), &[last, skipped]).unwrap();
    }
    builder.build().unwrap()
}

/// Joins that read one layer as often as is allowed.
fn repeated_akida2(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(1, 1, 1), 8);
    let first = builder.add("", data, &[]).unwrap();
    let mut last = first;
    for _ in 1..layers / 2 {
        let mut inbounds = alloc::vec![first; MAX_INBOUNDS - 1];
        inbounds.push(last);
        let join = builder.add("", Concatenate, &inbounds).unwrap();
        last = builder.add("", conv2d(), &[join]).unwrap();
    }
    builder.build().unwrap()
}

fn conv2d() -> Conv2D {
    Conv2D {
        filters: 1,
        conv: Conv2DParams::new(1),
    }
}

#[test]
fn every_layer_is_asked_a_bounded_number_of_times() {
    let akida2 = |channels| Device::custom(9, 1, true, None, HwVersion::new(0xa2, 1, 0), channels);
    type Make = fn(usize) -> Model;
    let cases: [(Make, Device); 8] = [
        (deep, Device::akd1500()),
        (repeated, Device::akd1500()),
        (residual, Device::six_nodes_ip_v2()),
        (residual, akida2(0)),
        (residual, akida2(1)),
        (nested, akida2(MAX_LAYERS)),
        (nested, akida2(2)),
        (repeated_akida2, Device::six_nodes_ip_v2()),
    ];
    for (model, device) in cases {
        let steps = |layers: usize| -> Vec<u64> {
            let model = model(layers);
            let statistics =
                Statistics::assumed(&model, 1.0, &alloc::vec![0.0; model.layers().len()]);
            let mapping = map(&model, &device, MapMode::Minimal, false).unwrap();
            [
                steps::of(|| check(&model, &device)),
                steps::of(|| map(&model, &device, MapMode::AllNps, false)),
                steps::of(|| mapping.estimate(&model, &statistics.unwrap())),
                steps::of(|| model.edit().build()),
            ]
            .to_vec()
        };
        let (half, whole) = (steps(MAX_LAYERS / 2), steps(MAX_LAYERS));
        for (half, whole) in half.into_iter().zip(whole) {
            assert!(
                whole <= 2 * half + half / 10 + 10,
                "{half} steps became {whole}"
            );
        }
    }
}
