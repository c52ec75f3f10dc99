//! Placing a model asks each layer a bounded number of times, however large the model is.
#![allow(clippy::unwrap_used, reason = "a failure is what a test reports")]

use super::{MapMode, check, map};
use crate::device::Device;
use crate::model::steps;
use crate::{
    Concat, ConvParams, Convolutional, FullyConnected, InputData, MAX_INBOUNDS, MAX_LAYERS, Model,
    ModelBuilder, Pair, Shape, Statistics,
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

#[test]
fn every_layer_is_asked_a_bounded_number_of_times() {
    for model in [deep, repeated] {
        let steps = |layers: usize| -> Vec<u64> {
            let model = model(layers);
            let device = Device::akd1500();
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
