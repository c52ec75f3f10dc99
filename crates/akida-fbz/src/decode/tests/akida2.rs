//! Payloads with layers of Akida 2.0 that the encoder never writes.

use super::{Fbb, Union, assert_field, layer};
use crate::decode::*;
use alloc::string::ToString;
use alloc::vec;
use flatbuffers::{ForwardsUOffset, Vector, WIPOffset};

/// Name and bytes of a tensor.
type Tensor = (Option<&'static str>, Option<Vec<u8>>);

fn tensor(name: &'static str, bytes: &[u8]) -> Tensor {
    (Some(name), Some(bytes.to_vec()))
}

/// The tensors of an `Add` of two channels.
fn of_sum() -> Vec<Tensor> {
    vec![
        tensor("a_shift", &[1, 2]),
        tensor("b_shift", &[3, 4]),
        tensor("output_shift", &[0xFF, 5]),
    ]
}

/// An `InputData` of so many channels and 8 bits.
fn input(fbb: &mut Fbb, channels: u32) -> WIPOffset<fb::Layer<'static>> {
    let args = fb::InputDataArgs {
        input_shape: Some(&fb::Shape::new(1, 1, channels)),
        input_bits: Some(8),
    };
    let table = fb::InputData::create(fbb, &args).as_union_value();
    let parameters = (fb::Parameters::InputData, table);
    layer(fbb, Some("in"), None, parameters, None)
}

fn sum_parameters(fbb: &mut Fbb) -> Union {
    let args = fb::AddArgs {
        output_bits: Some(8),
        output_signed: Some(1),
        buffer_bits: Some(32),
        post_op_buffer_bits: Some(32),
    };
    let table = fb::Add::create(fbb, &args).as_union_value();
    (fb::Parameters::Add, table)
}

fn post_ops(fbb: &mut Fbb, activation: fb::Activation) -> WIPOffset<fb::PostOps<'static>> {
    let args = fb::PostOpsArgs {
        activation: Some(activation),
        output_bits: Some(8),
        output_signed: Some(1),
        buffer_bits: Some(32),
        post_op_buffer_bits: Some(32),
    };
    fb::PostOps::create(fbb, &args)
}

/// The parameters of a `Dense1D` of one unit and a ReLU.
fn dense(fbb: &mut Fbb) -> Union {
    let args = fb::Dense1DArgs {
        units: Some(1),
        weights_bits: Some(4),
        post_ops: Some(post_ops(fbb, fb::Activation::ReLU)),
    };
    let table = fb::Dense1D::create(fbb, &args).as_union_value();
    (fb::Parameters::Dense1D, table)
}

/// The tensors of that layer behind an input of one channel.
fn of_dense() -> Vec<Tensor> {
    vec![
        tensor("input_shift", &[0]),
        tensor("bias", &[0x80]),
        tensor("bias_shift", &[1]),
        tensor("max_value", &[0xFF, 0xFF]),
        tensor("max_value_shift", &[0]),
        tensor("output_scales", &[0xFF, 0xFF]),
        tensor("output_shift", &[0xF8]),
    ]
}

fn write(
    fbb: &mut Fbb,
    tensors: &[Tensor],
) -> WIPOffset<Vector<'static, ForwardsUOffset<fb::Tensor<'static>>>> {
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, values)| {
            let args = fb::TensorArgs {
                name: name.map(|name| fbb.create_string(name)),
                values: values.as_ref().map(|values| fbb.create_vector(values)),
            };
            fb::Tensor::create(fbb, &args)
        })
        .collect();
    fbb.create_vector(&tensors)
}

fn variables(
    fbb: &mut Fbb,
    weights: Option<&[u8]>,
    tensors: Option<&[Tensor]>,
) -> WIPOffset<fb::Variables<'static>> {
    let weights = weights.map(|bytes| fbb.create_vector(bytes));
    let tensors = tensors.map(|tensors| write(fbb, tensors));
    let args = fb::VariablesArgs {
        weights,
        tensors,
        ..fb::VariablesArgs::default()
    };
    fb::Variables::create(fbb, &args)
}

fn decoded(
    mut fbb: Fbb,
    ip_version: fb::IpVersion,
    layers: &[WIPOffset<fb::Layer<'static>>],
) -> Result<Model, DecodeError> {
    let args = fb::ModelArgs {
        ip_version: Some(ip_version),
        layers: Some(fbb.create_vector(layers)),
        input_scaling: None,
    };
    let root = fb::Model::create(&mut fbb, &args);
    fb::finish_model_buffer(&mut fbb, root);
    model(fbb.finished_data(), &Limits::DEFAULT)
}

/// A model of an input of `channels` channels, and a layer that reads it `reads` times.
fn behind_input(
    channels: u32,
    reads: usize,
    parameters: impl FnOnce(&mut Fbb) -> Union,
    weights: Option<&[u8]>,
    tensors: Option<&[Tensor]>,
) -> Result<Model, DecodeError> {
    let mut fbb = Fbb::new();
    let input = input(&mut fbb, channels);
    let parameters = parameters(&mut fbb);
    let variables = Some(variables(&mut fbb, weights, tensors));
    let inbounds = Some(vec![0; reads]);
    let layer = layer(&mut fbb, Some("layer"), inbounds, parameters, variables);
    decoded(fbb, fb::IpVersion::V2, &[input, layer])
}

/// The result of an `Add` with these tensors.
fn sum(tensors: &[Tensor]) -> Result<Model, DecodeError> {
    behind_input(2, 2, sum_parameters, None, Some(tensors))
}

#[test]
fn the_base_of_these_tests_is_valid() {
    let model = sum(&of_sum()).unwrap();
    let integers = |name: &str| model.layers()[1].variable(name).unwrap().integers();
    assert_eq!(integers("a_shift"), Some(&[1, 2][..]));
    assert_eq!(integers("output_shift"), Some(&[-1, 5][..]));
    let model = behind_input(1, 1, dense, Some(&[7]), Some(&of_dense())).unwrap();
    let integers = |name: &str| model.layers()[1].variable(name).unwrap().integers();
    assert_eq!(integers("bias"), Some(&[-128][..]));
    assert_eq!(integers("max_value"), Some(&[-1][..]));
    assert_eq!(integers("output_scales"), Some(&[65535][..]));
}

#[test]
fn tensors_stand_in_the_order_of_the_layers_variables() {
    let payload = DecodeErrorKind::Payload;
    let refused = |change: &dyn Fn(&mut Vec<Tensor>), path: &str, words: &str| {
        let mut tensors = of_sum();
        change(&mut tensors);
        let error = sum(&tensors).unwrap_err();
        assert_field(&error, payload, path);
        assert!(error.to_string().contains(words), "{error}");
    };
    let nothing = "must be present, received nothing";
    refused(&|t| t.truncate(2), "layers[1].output_shift", nothing);
    refused(&|t| t.truncate(0), "layers[1].a_shift", nothing);
    // Out of order, doubled, and unknown.
    let words = "must be a_shift, as Add has it at this place, received \"b_shift\"";
    refused(&|t| t.swap(0, 1), "layers[1].tensors[0]", words);
    let words = "must be b_shift, as Add has it at this place, received \"a_shift\"";
    let double = |t: &mut Vec<Tensor>| t.insert(1, t[0].clone());
    refused(&double, "layers[1].tensors[1]", words);
    let rename = |t: &mut Vec<Tensor>| t[2].0 = Some("output_scales");
    let words = "received \"output_scales\"";
    refused(&rename, "layers[1].tensors[2]", words);
    // One too many.
    let words = "must be absent for Add, received \"bias\"";
    let more = |t: &mut Vec<Tensor>| t.push(tensor("bias", &[0, 0]));
    refused(&more, "layers[1].tensors[3]", words);
    refused(&|t| t[1].0 = None, "layers[1].tensors[1].name", nothing);
    refused(&|t| t[1].1 = None, "layers[1].b_shift", nothing);
}

#[test]
fn names_of_tensors_are_not_repeated_where_they_are_long_or_not_printable() {
    const LONG: &str = match core::str::from_utf8(&[b'a'; 65]) {
        Ok(name) => name,
        Err(_) => "",
    };
    for name in [LONG, "a\nb", "\u{1b}[2J"] {
        let mut tensors = of_sum();
        tensors[0].0 = Some(name);
        let error = sum(&tensors).unwrap_err();
        assert_field(&error, DecodeErrorKind::Payload, "layers[1].tensors[0]");
        let words = format!("received a name of {} bytes", name.len());
        assert!(error.to_string().ends_with(&words), "{error}");
    }
}

#[test]
fn tensors_have_the_bytes_of_their_type() {
    let payload = DecodeErrorKind::Payload;
    for length in [0, 1, 3, 4, 8, 1000] {
        let mut tensors = of_sum();
        tensors[1].1 = Some(vec![0; length]);
        let error = sum(&tensors).unwrap_err();
        assert_field(&error, payload, "layers[1].b_shift");
        let words = format!("must be 2 values of 1 bytes (uint8), received {length} bytes");
        assert!(error.to_string().ends_with(&words), "{error}");
    }
    for (place, name, words) in [
        (3, "max_value", "1 values of 2 bytes (int16)"),
        (5, "output_scales", "1 values of 2 bytes (uint16)"),
    ] {
        let mut tensors = of_dense();
        tensors[place].1 = Some(vec![0]);
        let error = behind_input(1, 1, dense, Some(&[7]), Some(&tensors)).unwrap_err();
        assert_field(&error, payload, &("layers[1].".to_string() + name));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn values_of_tensors_obey_the_rules_of_the_model() {
    let error = |place: usize, bytes: &[u8]| {
        let mut tensors = of_dense();
        tensors[place].1 = Some(bytes.to_vec());
        behind_input(1, 1, dense, Some(&[7]), Some(&tensors)).err()
    };
    // A bound is −1 or 0 to 255.
    for bound in [-1i16, 0, 255] {
        assert_eq!(error(3, &bound.to_le_bytes()), None, "{bound}");
    }
    for bound in [-2i16, 256, i16::MIN, i16::MAX] {
        let error = error(3, &bound.to_le_bytes()).unwrap();
        assert_field(&error, DecodeErrorKind::Model, "layers[1].max_value");
        assert!(error.model_error().is_some());
    }
    // The bits 1000 are −8. Weights of four bits do not have that value. The bits above them are left over.
    for weights in [0x08, 0x10, 0x80] {
        let weights = behind_input(1, 1, dense, Some(&[weights]), Some(&of_dense()));
        assert_field(
            &weights.unwrap_err(),
            DecodeErrorKind::Model,
            "layers[1].weights",
        );
    }
    let dequantizer = |fbb: &mut Fbb| {
        let table = fb::Dequantizer::create(fbb, &fb::DequantizerArgs {}).as_union_value();
        (fb::Parameters::Dequantizer, table)
    };
    for (scale, is_allowed) in [
        (0.5f32, true),
        (0.0, false),
        (-1.0, false),
        (f32::NAN, false),
    ] {
        let tensors = [tensor("scales", &scale.to_le_bytes())];
        let model = behind_input(1, 1, dequantizer, None, Some(&tensors));
        match model {
            Ok(_) => assert!(is_allowed, "{scale}"),
            Err(error) => {
                assert!(!is_allowed, "{error}");
                assert_field(&error, DecodeErrorKind::Model, "layers[1].scales");
            }
        }
    }
}

#[test]
fn variables_stand_in_their_own_place_alone() {
    let payload = DecodeErrorKind::Payload;
    // Weights among the tensors, and in both places.
    let mut tensors = of_dense();
    tensors.insert(0, tensor("weights", &[7]));
    let error = behind_input(1, 1, dense, None, Some(&tensors)).unwrap_err();
    assert_field(&error, payload, "layers[1].weights");
    let error = behind_input(1, 1, dense, Some(&[7]), Some(&tensors)).unwrap_err();
    assert_field(&error, payload, "layers[1].tensors[0]");
    // Fields and tensors of layers that have none.
    let error = behind_input(2, 2, sum_parameters, Some(&[7]), Some(&of_sum())).unwrap_err();
    assert_field(&error, payload, "layers[1].weights");
    let concatenate = |fbb: &mut Fbb| {
        let table = fb::Concatenate::create(fbb, &fb::ConcatenateArgs {}).as_union_value();
        (fb::Parameters::Concatenate, table)
    };
    let error = behind_input(2, 2, concatenate, None, Some(&of_sum())).unwrap_err();
    assert_field(&error, payload, "layers[1].variables");
    for (tensors, path) in [
        (vec![], "layers[0].tensors"),
        (vec![tensor("bias", &[0])], "layers[0].tensors[0]"),
    ] {
        let error = image_of_akida1(Some(&tensors)).unwrap_err();
        assert_field(&error, payload, path);
    }
    assert!(image_of_akida1(None).is_ok());
}

/// An `InputConvolutional`, whose variables all have fields, with a list of tensors.
fn image_of_akida1(tensors: Option<&[Tensor]>) -> Result<Model, DecodeError> {
    let mut fbb = Fbb::new();
    let one = fb::Size::new(1, 1);
    let args = fb::ConvolutionArgs {
        kernel_size: Some(&one),
        filters: Some(1),
        padding: Some(fb::Padding::Same),
        kernel_stride: Some(&one),
        weights_bits: Some(1),
        pool_type: Some(fb::PoolType::NoPooling),
        pool_size: None,
        pool_stride: None,
        act_bits: Some(1),
    };
    let args = fb::InputConvolutionalArgs {
        input_shape: Some(&fb::Shape::new(1, 1, 1)),
        padding_value: Some(0),
        convolution: Some(fb::Convolution::create(&mut fbb, &args)),
    };
    let table = fb::InputConvolutional::create(&mut fbb, &args).as_union_value();
    let tensors = tensors.map(|tensors| write(&mut fbb, tensors));
    let args = fb::VariablesArgs {
        weights: Some(fbb.create_vector(&[1u8])),
        weights_pw: None,
        threshold: Some(fbb.create_vector(&[0i32])),
        act_step: Some(fbb.create_vector(&[1f32])),
        tensors,
    };
    let variables = Some(fb::Variables::create(&mut fbb, &args));
    let parameters = (fb::Parameters::InputConvolutional, table);
    let layers = [layer(&mut fbb, Some("image"), None, parameters, variables)];
    decoded(fbb, fb::IpVersion::V1, &layers)
}

#[test]
fn the_ip_version_is_that_of_the_layers() {
    for (version, bits, allowed) in [
        (fb::IpVersion::V1, 8, "2 (V2), as the layers are"),
        (fb::IpVersion::V2, 4, "1 (V1), as the layers are"),
    ] {
        let mut fbb = Fbb::new();
        let args = fb::InputDataArgs {
            input_shape: Some(&fb::Shape::new(1, 1, 1)),
            input_bits: Some(bits),
        };
        let table = fb::InputData::create(&mut fbb, &args).as_union_value();
        let parameters = (fb::Parameters::InputData, table);
        let layers = [layer(&mut fbb, Some("in"), None, parameters, None)];
        let error = decoded(fbb, version, &layers).unwrap_err();
        assert_field(&error, DecodeErrorKind::Payload, "ip_version");
        assert!(error.to_string().contains(allowed), "{error}");
    }
}

#[test]
fn an_inbound_behind_a_quantizer_is_written() {
    let decoded = |inbounds| {
        let mut fbb = Fbb::new();
        let args = fb::QuantizerArgs {
            input_shape: Some(&fb::Shape::new(1, 1, 1)),
            output_bits: Some(8),
            output_signed: Some(1),
            channels_first: Some(0),
        };
        let table = fb::Quantizer::create(&mut fbb, &args).as_union_value();
        let scales = tensor("scales", &1f32.to_le_bytes());
        let tensors = [scales, tensor("zero_points", &[0])];
        let variables = Some(variables(&mut fbb, None, Some(&tensors)));
        let parameters = (fb::Parameters::Quantizer, table);
        let first = layer(&mut fbb, Some("floats"), None, parameters, variables);
        let args = fb::InputDataArgs {
            input_shape: Some(&fb::Shape::new(1, 1, 1)),
            input_bits: Some(8),
        };
        let table = fb::InputData::create(&mut fbb, &args).as_union_value();
        let parameters = (fb::Parameters::InputData, table);
        let second = layer(&mut fbb, Some("in"), inbounds, parameters, None);
        decoded(fbb, fb::IpVersion::V2, &[first, second])
    };
    assert!(decoded(Some(vec![0])).is_ok());
    for inbounds in [None, Some(vec![])] {
        let error = decoded(inbounds).unwrap_err();
        assert_field(&error, DecodeErrorKind::Payload, "layers[1].inbounds");
    }
}

#[test]
fn flags_are_0_or_1() {
    for flag in [2, 0x80, 0xFF] {
        let signed = |fbb: &mut Fbb| {
            let args = fb::AddArgs {
                output_bits: Some(8),
                output_signed: Some(flag),
                buffer_bits: Some(32),
                post_op_buffer_bits: Some(32),
            };
            let table = fb::Add::create(fbb, &args).as_union_value();
            (fb::Parameters::Add, table)
        };
        let error = behind_input(2, 2, signed, None, Some(&of_sum())).unwrap_err();
        assert_field(&error, DecodeErrorKind::Payload, "layers[1].output_signed");
        assert!(error.to_string().contains("must be 0 or 1"), "{error}");
    }
}

#[test]
fn members_of_later_schemas_ask_for_a_newer_version() {
    let activation = |fbb: &mut Fbb| {
        let args = fb::Dense1DArgs {
            units: Some(1),
            weights_bits: Some(4),
            post_ops: Some(post_ops(fbb, fb::Activation(3))),
        };
        let table = fb::Dense1D::create(fbb, &args).as_union_value();
        (fb::Parameters::Dense1D, table)
    };
    let error = behind_input(1, 1, activation, Some(&[7]), Some(&of_dense())).unwrap_err();
    assert_field(&error, DecodeErrorKind::Version, "layers[1].activation");
    let words = "0 (NoActivation), 1 (ReLU) or 2 (LUT), received 3";
    assert!(error.to_string().contains(words), "{error}");
    // A field behind the last one of a tensor.
    let mut fbb = Fbb::new();
    let input = input(&mut fbb, 2);
    let parameters = sum_parameters(&mut fbb);
    let start = fbb.start_table();
    fbb.push_slot_always(fb::Tensor::VT_VALUES + 2, 1u8);
    let table = fbb.end_table(start);
    let table: WIPOffset<fb::Tensor<'_>> = WIPOffset::new(table.value());
    let args = fb::VariablesArgs {
        tensors: Some(fbb.create_vector(&[table])),
        ..fb::VariablesArgs::default()
    };
    let variables = Some(fb::Variables::create(&mut fbb, &args));
    let sum = layer(
        &mut fbb,
        Some("sum"),
        Some(vec![0, 0]),
        parameters,
        variables,
    );
    let error = decoded(fbb, fb::IpVersion::V2, &[input, sum]).unwrap_err();
    assert_field(&error, DecodeErrorKind::Version, "layers[1].tensors[0]");
}

#[test]
fn tensors_that_layers_share_do_not_multiply_memory() {
    let shared = |count: u32| {
        let mut fbb = Fbb::new();
        let mut layers = vec![input(&mut fbb, 1000)];
        let tensors = ["a_shift", "b_shift", "output_shift"];
        let tensors = tensors.map(|name| tensor(name, &[0; 1000]));
        let variables = Some(variables(&mut fbb, None, Some(&tensors)));
        for index in 0..count {
            let parameters = sum_parameters(&mut fbb);
            let name = format!("sum {index}");
            let inbounds = Some(vec![index, 0]);
            layers.push(layer(
                &mut fbb,
                Some(&name),
                inbounds,
                parameters,
                variables,
            ));
        }
        decoded(fbb, fb::IpVersion::V2, &layers)
    };
    assert!(shared(1).is_ok());
    let error = shared(2).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Payload);
    assert!(error.to_string().contains("shared"), "{error}");
}
