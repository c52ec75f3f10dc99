//! Names and parameters of layers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "common/akida2.rs"]
mod akida2;
#[allow(dead_code, reason = "shared with other tests")]
mod common;

use akida_sim::map::MapMode;
use akida_sim::{
    Conv2D, Conv2DParams, InputData, LayerSpec, Model, Pair, Parameter, Parameters, Pooling, Shape,
    Weights,
};
use akida2::Kind;
use common::Random;
use std::collections::BTreeSet;

/// Random models without names for their layers, with layers of every type among them.
fn models() -> impl Iterator<Item = Model> {
    let second = |seed| {
        let kinds = [Kind::Still, Kind::Queues, Kind::Recurrent];
        kinds.map(|kind| akida2::model(&mut Random::new(seed), kind))
    };
    let first = (0..60).map(|seed| Random::new(seed).model());
    first.chain((0..60).flat_map(second))
}

#[test]
fn layers_without_a_name_are_named_after_their_type() {
    let mut names = BTreeSet::new();
    for model in models() {
        for layer in model.layers() {
            let name = match layer.name().rsplit_once('_') {
                Some((name, number)) if number.parse::<usize>().is_ok() => name,
                _ => layer.name(),
            };
            names.insert((layer.spec().type_name(), name.to_owned()));
        }
    }
    let expected = [
        ("Add", "add"),
        ("BufferTempConv", "buffer_temp_conv"),
        ("Concat", "concat"),
        ("Concatenate", "concatenate"),
        ("Conv2D", "conv2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("Convolutional", "conv"),
        ("Dense1D", "dense1d"),
        ("DepthwiseBufferTempConv", "depthwise_buffer_temp_conv"),
        ("DepthwiseConv2D", "depthwise_conv2d"),
        ("DepthwiseConv2DTranspose", "depthwise_conv2d_transpose"),
        ("Dequantizer", "dequantizer"),
        ("FullyConnected", "fully_connected"),
        ("InputConv2D", "input_conv2d"),
        ("InputConvolutional", "input_conv"),
        ("InputData", "input_data"),
        ("PicoPostProcessing", "pico_post_processing"),
        ("Quantizer", "quantizer"),
        ("SeparableConvolutional", "separable"),
        ("StatefulRecurrent", "stateful_recurrent"),
    ];
    let expected = expected.map(|(kind, name)| (kind, name.to_owned()));
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn layers_are_made_again_from_their_parameters() {
    for model in models() {
        for layer in model.layers() {
            let spec = layer.spec();
            let again = LayerSpec::new(spec.type_name(), &spec.parameters());
            assert_eq!(again.as_ref(), Ok(spec));
            let more = spec.parameters().with("other", 1usize);
            assert!(LayerSpec::new(spec.type_name(), &more).is_err());
        }
    }
    assert!(LayerSpec::new("Other", &Parameters::new()).is_err());
}

/// The sign is that of the width. It may be left at its default, no sign, and may not be asked for where there is none.
#[test]
fn inputs_of_8_and_16_bits_are_signed() {
    let shape = Shape::new(1, 1, 1);
    for (bits, signed, allowed) in [
        (4u8, false, true),
        (4, true, false),
        (8, false, true),
        (8, true, true),
        (16, false, true),
    ] {
        let parameters = Parameters::new()
            .with("input_shape", shape)
            .with("input_bits", bits)
            .with("input_signed", signed);
        let spec = LayerSpec::new("InputData", &parameters);
        assert_eq!(spec.is_ok(), allowed, "{bits} bits, {signed}");
        if allowed {
            assert_eq!(spec, Ok(InputData::new(shape, bits).into()));
        }
    }
}

/// A stride of −1 is the size of the window.
#[test]
fn pools_may_stand_side_by_side() {
    let conv = Conv2DParams {
        pooling: Pooling::Max {
            size: Pair::square(3),
            stride: Pair::square(3),
        },
        ..Conv2DParams::new(3)
    };
    let spec = LayerSpec::from(Conv2D { filters: 4, conv });
    let written = spec.parameters();
    let parameters = written
        .iter()
        .fold(Parameters::new(), |all, (name, value)| match name {
            "pool_stride" => all.with("pool_stride", Parameter::Number(-1)),
            name => all.with(name.to_owned(), value.clone()),
        });
    assert_eq!(LayerSpec::new("Conv2D", &parameters), Ok(spec));
}

#[test]
fn modes_have_their_documented_names() {
    let names = [MapMode::AllNps, MapMode::HwPr, MapMode::Minimal].map(MapMode::name);
    assert_eq!(names, ["AllNps", "HwPr", "Minimal"]);
}

/// Three weights of 2 bits leave two bits of a byte, four leave none.
#[test]
fn packed_weights_leave_no_bits_set() {
    let packed = |count, byte: u8| Weights::from_packed([1, 1, 1, count], 2, &[byte]);
    let values = |count, byte| packed(count, byte).unwrap().try_values().unwrap();
    assert_eq!(values(3, 0b00_01_11_01), [1, -1, 1]);
    assert_eq!(values(4, 0b11_01_00_01), [1, 0, 1, -1]);
    assert!(packed(3, 0b01_01_11_01).is_err());
    assert!(packed(5, 0).is_err());
    assert!(Weights::from_packed([1, 1, 1, 4], 3, &[0, 0]).is_err());
}

#[test]
fn every_layer_with_weights_refuses_weights_of_3_bits() {
    let mut types = BTreeSet::new();
    for model in models() {
        for layer in model.layers() {
            let parameters = layer.spec().parameters();
            if parameters.get("weights_bits").is_some() {
                let parameters = parameters
                    .iter()
                    .fold(Parameters::new(), |all, (name, value)| match name {
                        "weights_bits" => all.with("weights_bits", 3u8),
                        name => all.with(name.to_owned(), value.clone()),
                    });
                let name = layer.spec().type_name();
                assert!(LayerSpec::new(name, &parameters).is_err(), "{name}");
                types.insert(name);
            }
        }
    }
    assert!(types.contains("SeparableConvolutional") && types.contains("Dense1D"));
}
