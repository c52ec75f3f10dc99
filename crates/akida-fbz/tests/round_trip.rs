//! What is written is read back, and written the same way again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{
    DecodeErrorKind, EncodeErrorKind, Limits, decode, decode_with, encode, encode_with,
};
use akida_sim::*;
use common::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn decoding_gives_the_encoded_model(
        numbers in prop::collection::vec(any::<u32>(), 20..200),
        large in prop::bool::weighted(0.3),
    ) {
        let model = if large { large_model_of(&numbers) } else { model_of(&numbers) };
        let bytes = encode(&model).unwrap();
        let decoded = decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &model);
        prop_assert_eq!(encode(&decoded).unwrap(), bytes);
    }

    #[test]
    fn both_ways_of_storing_a_payload_give_the_same_model(
        numbers in prop::collection::vec(any::<u32>(), 20..60),
    ) {
        let model = model_of(&numbers);
        let payload = payload_of(&encode(&model).unwrap());
        prop_assert_eq!(&decode(&Container::plain(&payload).bytes()).unwrap(), &model);
        let deflated = miniz_oxide::deflate::compress_to_vec(&payload, 9);
        if deflated.len() < payload.len() {
            let file = Container::deflate(deflated, payload.len() as u64).bytes();
            prop_assert_eq!(&decode(&file).unwrap(), &model);
        }
    }
}

#[test]
fn the_random_models_have_every_layer_type_and_width() {
    let mut types = std::collections::BTreeSet::new();
    let mut widths = std::collections::BTreeSet::new();
    for seed in 0..200u32 {
        let numbers: Vec<u32> = (0..100)
            .map(|i| (seed * 100 + i).wrapping_mul(2_654_435_761) >> 7)
            .collect();
        for layer in model_of(&numbers).layers() {
            types.insert(layer.spec().type_name());
            widths.extend(layer.weights().map(Weights::bits));
        }
    }
    let all = LayerSpec::TYPES.iter().copied().collect();
    assert_eq!(types, all, "{types:?}");
    assert_eq!(widths.len(), 4, "{widths:?}");
}

#[test]
fn the_random_models_have_every_option_of_akida_2() {
    let mut options = std::collections::BTreeSet::new();
    let mut rules = std::collections::BTreeSet::new();
    // Numbers that do not follow from each other in a line.
    let mixed = |number: u32| {
        let number = (number ^ number >> 15).wrapping_mul(0x2C1B_3C6D);
        (number ^ number >> 12).wrapping_mul(0x297A_2D39) >> 7
    };
    for seed in 0..1000u32 {
        let numbers: Vec<u32> = (0..100).map(|i| mixed(seed * 100 + i)).collect();
        let model = model_of(&numbers);
        if model.ip_version() == IpVersion::V1 {
            continue;
        }
        for layer in model.layers() {
            for (name, value) in layer.spec().parameters().iter() {
                if matches!(value, Parameter::Word(_) | Parameter::Flag(_)) {
                    options.insert(format!("{} {name} {value}", layer.spec().type_name()));
                }
            }
            for (variable, tensor) in layer.variables() {
                rules.insert((variable.name, tensor.dtype(), variable.dtype()));
            }
        }
    }
    let layers = ["InputConv2D", "Conv2D", "DepthwiseConv2D"];
    let transposed = ["Conv2DTranspose", "DepthwiseConv2DTranspose"];
    let others = [
        "Dense1D",
        "BufferTempConv",
        "DepthwiseBufferTempConv",
        "StatefulRecurrent",
    ];
    let mut expected = Vec::new();
    for layer in layers {
        for option in [
            "padding Same",
            "padding Valid",
            "padding SameUpper",
            "pool_type NoPooling",
            "pool_type Max",
            "pool_type Average",
        ] {
            expected.push(format!("{layer} {option}"));
        }
    }
    for layer in layers.into_iter().chain(transposed) {
        expected.push(format!("{layer} activation LUT"));
    }
    for layer in layers.into_iter().chain(transposed).chain(others) {
        for option in [
            "activation NoActivation",
            "activation ReLU",
            "output_signed True",
            "output_signed False",
        ] {
            expected.push(format!("{layer} {option}"));
        }
    }
    for flag in ["True", "False"] {
        expected.push(format!("Add output_signed {flag}"));
        expected.push(format!("Quantizer output_signed {flag}"));
        expected.push(format!("Quantizer channels_first {flag}"));
    }
    let missing: Vec<_> = expected.iter().filter(|o| !options.contains(*o)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let names: std::collections::BTreeSet<_> = rules.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), 25, "{names:?}");
}

#[test]
fn large_models_have_what_other_models_lack() {
    let mut seen = [0; 4];
    for seed in 0..200u32 {
        let numbers: Vec<u32> = (0..100)
            .map(|i| (seed * 100 + i).wrapping_mul(2_654_435_761) >> 7)
            .collect();
        let model = large_model_of(&numbers);
        let layers = model.layers();
        let repeats = |layer: &std::sync::Arc<Layer>| {
            let mut inbounds = layer.inbounds().to_vec();
            inbounds.sort_unstable();
            inbounds.windows(2).any(|pair| pair[0] == pair[1])
        };
        let found = [
            layers.len() > 12,
            layers
                .iter()
                .any(|layer| layer.connection().output.shape.c > 255),
            layers.iter().any(|layer| layer.name().len() > 127),
            layers.iter().any(repeats),
        ];
        for (seen, found) in seen.iter_mut().zip(found) {
            *seen += u32::from(found);
        }
    }
    assert!(seen.iter().all(|&count| count > 5), "{seen:?}");
}

#[test]
fn one_layer_of_each_type_survives() {
    for model in [every_layer(), every_layer_akida2()] {
        assert_eq!(decode(&encode(&model).unwrap()).unwrap(), model);
    }
}

#[test]
fn a_sign_that_is_left_open_is_written_as_the_sign_it_is() {
    for output_bits in [4, 8] {
        let model = |output_signed| {
            let mut builder = ModelBuilder::new();
            let input = InputData::new(Shape::new(1, 1, 1), 8);
            builder.add("in", input, &[]).unwrap();
            let post_ops = PostOps {
                output_bits,
                output_signed,
                ..PostOps::new(Activation::ReLU)
            };
            let dense = Dense1D {
                post_ops,
                ..Dense1D::new(1)
            };
            builder.add("out", dense, &[]).unwrap();
            builder.build().unwrap()
        };
        let (open, given) = (model(None), model(Some(output_bits == 8)));
        assert_eq!(open, given);
        assert_eq!(encode(&open).unwrap(), encode(&given).unwrap());
    }
}

#[test]
fn every_number_of_weights_up_to_three_bytes_survives() {
    for weights_bits in [1, 2, 4, 8] {
        for units in 1..=24 {
            let mut builder = ModelBuilder::new();
            let input = InputData::new(Shape::new(1, 1, 1), 1);
            builder.add("in", input, &[]).unwrap();
            let spec = FullyConnected {
                units,
                weights_bits,
                act_bits: Some(4),
            };
            let index = builder.add("out", spec, &[]).unwrap();
            let ones = Weights::new([1, 1, 1, units], vec![1; units]).unwrap();
            builder.set_variable(index, "weights", ones).unwrap();
            let model = builder.build().unwrap();
            assert_eq!(decode(&encode(&model).unwrap()).unwrap(), model);
        }
    }
}

#[test]
fn the_limits_on_weights_are_exact_in_both_directions() {
    for (model, last) in [(every_layer(), 5), (every_layer_akida2(), 12)] {
        check_limits_on_weights(&model, last);
    }
}

/// Checks the limits for a model whose last weights are those of the layer at `last`.
fn check_limits_on_weights(model: &Model, last: usize) {
    let count: usize = model
        .layers()
        .iter()
        .flat_map(|layer| layer.variables())
        .filter_map(|(_, tensor)| tensor.weights())
        .map(Weights::len)
        .sum();
    let bytes = encode(model).unwrap();
    let enough = Limits::default().with_max_weights(count as u64);
    assert_eq!(encode_with(model, &enough).unwrap(), bytes);
    assert_eq!(decode_with(&bytes, &enough).unwrap(), *model);
    let short = Limits::default().with_max_weights(count as u64 - 1);
    let error = encode_with(model, &short).unwrap_err();
    assert_eq!(
        (error.kind(), error.layer()),
        (EncodeErrorKind::Limit, Some(model.layers()[last].name()))
    );
    let error = decode_with(&bytes, &short).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Limit);
    let weights = model.layers()[last].variables();
    let weights = weights.filter(|(_, tensor)| tensor.weights().is_some());
    let name = weights.last().map(|(variable, _)| variable.name);
    let words = format!("layers[{last}].{} must be within", name.unwrap());
    assert!(error.to_string().starts_with(&words), "{error}");
}

#[test]
fn the_limits_on_the_payload_are_exact_in_both_directions() {
    for model in [tiny(), every_layer(), tiny_akida2(), every_layer_akida2()] {
        let bytes = encode(&model).unwrap();
        let length = payload_of(&bytes).len() as u64;
        let enough = Limits::default().with_max_payload(length);
        assert_eq!(encode_with(&model, &enough).unwrap(), bytes);
        assert_eq!(decode_with(&bytes, &enough).unwrap(), model);
        for max in [0, 1, length / 2, length - 1] {
            let short = Limits::default().with_max_payload(max);
            let error = encode_with(&model, &short).unwrap_err();
            assert_eq!(error.kind(), EncodeErrorKind::Limit);
            let error = decode_with(&bytes, &short).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Limit);
        }
    }
}
