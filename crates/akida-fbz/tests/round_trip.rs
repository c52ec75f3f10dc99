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
    let model = every_layer();
    assert_eq!(decode(&encode(&model).unwrap()).unwrap(), model);
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
    let model = every_layer();
    let count: usize = model
        .layers()
        .iter()
        .flat_map(|layer| layer.variables())
        .filter_map(|(_, tensor)| tensor.weights())
        .map(Weights::len)
        .sum();
    let bytes = encode(&model).unwrap();
    let enough = Limits::default().with_max_weights(count as u64);
    assert_eq!(encode_with(&model, &enough).unwrap(), bytes);
    assert_eq!(decode_with(&bytes, &enough).unwrap(), model);
    let short = Limits::default().with_max_weights(count as u64 - 1);
    let error = encode_with(&model, &short).unwrap_err();
    assert_eq!(
        (error.kind(), error.layer()),
        (EncodeErrorKind::Limit, Some("classes"))
    );
    let error = decode_with(&bytes, &short).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Limit);
    assert!(
        error
            .to_string()
            .starts_with("layers[5].weights must be within"),
        "{error}"
    );
}

#[test]
fn the_limits_on_the_payload_are_exact_in_both_directions() {
    for model in [tiny(), every_layer()] {
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
