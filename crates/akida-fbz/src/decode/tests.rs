//! Payloads that the encoder never writes.

use super::*;
use crate::generated as fb;
use alloc::string::ToString;
use alloc::vec;
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

mod akida2;
mod akida2_fields;

type Fbb = FlatBufferBuilder<'static>;
type Union = (fb::Parameters, WIPOffset<UnionWIPOffset>);

/// What a test says about one layer. The rest is a valid `FullyConnected` of 3 inputs, 2 units, weights of 2 bits.
struct Dense {
    name: Option<&'static str>,
    inbounds: Option<Vec<u32>>,
    units: Option<u32>,
    weights_bits: Option<u8>,
    weights: Option<Vec<u8>>,
    weights_pw: Option<Vec<u8>>,
    threshold: Option<Vec<i32>>,
    act_step: Option<Vec<f32>>,
}

impl Dense {
    fn new() -> Self {
        Self {
            name: Some("dense"),
            inbounds: Some(vec![0]),
            units: Some(2),
            weights_bits: Some(2),
            weights: Some(vec![0x11, 0x01]),
            weights_pw: None,
            threshold: Some(vec![0, 1]),
            act_step: Some(vec![1.0, 2.0]),
        }
    }

    fn write(self, fbb: &mut Fbb) -> WIPOffset<fb::Layer<'static>> {
        let parameters = fully_connected(fbb, self.units, self.weights_bits);
        let args = fb::VariablesArgs {
            weights: self.weights.map(|v| fbb.create_vector(&v)),
            weights_pw: self.weights_pw.map(|v| fbb.create_vector(&v)),
            threshold: self.threshold.map(|v| fbb.create_vector(&v)),
            act_step: self.act_step.map(|v| fbb.create_vector(&v)),
            tensors: None,
        };
        let variables = fb::Variables::create(fbb, &args);
        layer(fbb, self.name, self.inbounds, parameters, Some(variables))
    }

    /// The error of a model of an `InputData` and this layer.
    fn error(self) -> DecodeError {
        let mut fbb = Fbb::new();
        let layers = [input(&mut fbb), self.write(&mut fbb)];
        decoded(fbb, &layers).unwrap_err()
    }
}

fn layer(
    fbb: &mut Fbb,
    name: Option<&str>,
    inbounds: Option<Vec<u32>>,
    (parameters_type, parameters): Union,
    variables: Option<WIPOffset<fb::Variables<'static>>>,
) -> WIPOffset<fb::Layer<'static>> {
    let args = fb::LayerArgs {
        name: name.map(|name| fbb.create_string(name)),
        inbounds: inbounds.map(|v| fbb.create_vector(&v)),
        parameters_type,
        parameters: Some(parameters),
        variables,
    };
    fb::Layer::create(fbb, &args)
}

/// The parameters of a `FullyConnected` layer with levels of one bit.
fn fully_connected(fbb: &mut Fbb, units: Option<u32>, weights_bits: Option<u8>) -> Union {
    let args = fb::FullyConnectedArgs {
        units,
        weights_bits,
        act_bits: Some(1),
    };
    let table = fb::FullyConnected::create(fbb, &args).as_union_value();
    (fb::Parameters::FullyConnected, table)
}

/// The parameters of an `InputData` of `channels` channels and 4 bits.
fn input_data(fbb: &mut Fbb, channels: u32) -> Union {
    let args = fb::InputDataArgs {
        input_shape: Some(&fb::Shape::new(1, 1, channels)),
        input_bits: Some(4),
    };
    let table = fb::InputData::create(fbb, &args).as_union_value();
    (fb::Parameters::InputData, table)
}

/// An `InputData` of 3 channels.
fn input(fbb: &mut Fbb) -> WIPOffset<fb::Layer<'static>> {
    let parameters = input_data(fbb, 3);
    layer(fbb, Some("in"), None, parameters, None)
}

fn finished(
    mut fbb: Fbb,
    layers: &[WIPOffset<fb::Layer<'static>>],
    input_scaling: Option<(f64, f64)>,
) -> Vec<u8> {
    let layers = fbb.create_vector(layers);
    let input_scaling = input_scaling.map(|(scale, shift)| fb::InputScaling::new(scale, shift));
    let args = fb::ModelArgs {
        ip_version: Some(fb::IpVersion::V1),
        layers: Some(layers),
        input_scaling: input_scaling.as_ref(),
    };
    let root = fb::Model::create(&mut fbb, &args);
    fb::finish_model_buffer(&mut fbb, root);
    fbb.finished_data().to_vec()
}

fn decoded(fbb: Fbb, layers: &[WIPOffset<fb::Layer<'static>>]) -> Result<Model, DecodeError> {
    model(&finished(fbb, layers, None), &Limits::DEFAULT)
}

fn assert_field(error: &DecodeError, kind: DecodeErrorKind, path: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    let field = Location::Field(path.to_string());
    assert_eq!(error.location(), &field, "{error}");
}

#[test]
fn the_base_of_these_tests_is_valid() {
    let mut fbb = Fbb::new();
    let layers = [input(&mut fbb), Dense::new().write(&mut fbb)];
    let model = decoded(fbb, &layers).unwrap();
    assert_eq!(
        model.layers()[1].weights().unwrap().values(),
        [1, 0, 1, 0, 1, 0]
    );
}

#[test]
fn every_missing_field_is_named() {
    let payload = DecodeErrorKind::Payload;
    let cases = [
        (
            Dense {
                name: None,
                ..Dense::new()
            },
            "layers[1].name",
        ),
        (
            Dense {
                inbounds: None,
                ..Dense::new()
            },
            "layers[1].inbounds",
        ),
        (
            Dense {
                inbounds: Some(vec![]),
                ..Dense::new()
            },
            "layers[1].inbounds",
        ),
        (
            Dense {
                units: None,
                ..Dense::new()
            },
            "layers[1].units",
        ),
        (
            Dense {
                weights_bits: None,
                ..Dense::new()
            },
            "layers[1].weights_bits",
        ),
        (
            Dense {
                weights: None,
                ..Dense::new()
            },
            "layers[1].weights",
        ),
        (
            Dense {
                threshold: None,
                ..Dense::new()
            },
            "layers[1].threshold",
        ),
        (
            Dense {
                act_step: None,
                ..Dense::new()
            },
            "layers[1].act_step",
        ),
    ];
    for (dense, path) in cases {
        assert_field(&dense.error(), payload, path);
    }
}

#[test]
fn lengths_must_match_exactly() {
    let payload = DecodeErrorKind::Payload;
    for length in [0, 1, 3, 100] {
        let weights = Some(vec![0; length]);
        let error = Dense {
            weights,
            ..Dense::new()
        }
        .error();
        assert_field(&error, payload, "layers[1].weights");
        let words = "layers[1].weights must be 2 bytes, 6 weights at weights_bits 2, received ";
        assert_eq!(error.to_string(), words.to_string() + &length.to_string());
        let threshold = Some(vec![0; length]);
        let error = Dense {
            threshold,
            ..Dense::new()
        }
        .error();
        assert_field(&error, payload, "layers[1].threshold");
        let act_step = Some(vec![1.0; length]);
        let error = Dense {
            act_step,
            ..Dense::new()
        }
        .error();
        assert_field(&error, payload, "layers[1].act_step");
    }
}

#[test]
fn left_over_bits_and_surplus_variables_are_refused() {
    let payload = DecodeErrorKind::Payload;
    for bit in 4..8 {
        let weights = Some(vec![0x11, 0x01 | 1 << bit]);
        let error = Dense {
            weights,
            ..Dense::new()
        }
        .error();
        assert_field(&error, DecodeErrorKind::Model, "layers[1].weights");
        assert!(
            error.to_string().contains("bits after the last weight"),
            "{error}"
        );
    }
    let weights_pw = Some(vec![0]);
    let error = Dense {
        weights_pw,
        ..Dense::new()
    }
    .error();
    assert_field(&error, payload, "layers[1].weights_pw");
}

#[test]
fn the_rules_of_the_model_keep_their_words_and_gain_a_place() {
    let model = DecodeErrorKind::Model;
    let weights_bits = Some(3);
    let error = Dense {
        weights_bits,
        ..Dense::new()
    }
    .error();
    assert_field(&error, model, "layers[1]");
    assert_eq!(
        error.to_string(),
        "layers[1]: layer \"dense\": weights_bits must be one of 1, 2, 4, 8, received 3"
    );
    assert!(error.model_error().is_some());
    for step in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let act_step = Some(vec![1.0, step]);
        let error = Dense {
            act_step,
            ..Dense::new()
        }
        .error();
        assert_field(&error, model, "layers[1].act_step");
    }
    // The bits 10 are −2. Weights of two bits do not have that value.
    let weights = Some(vec![0x02, 0]);
    assert_field(
        &Dense {
            weights,
            ..Dense::new()
        }
        .error(),
        model,
        "layers[1].weights",
    );
    for inbounds in [vec![1], vec![u32::MAX], vec![0, 0]] {
        let inbounds = Some(inbounds);
        let error = Dense {
            inbounds,
            ..Dense::new()
        }
        .error();
        assert_field(&error, model, "layers[1].inbounds");
    }
    let name = Some("in");
    assert_field(
        &Dense {
            name,
            ..Dense::new()
        }
        .error(),
        model,
        "layers[1].name",
    );
    for units in [0, u32::MAX] {
        let units = Some(units);
        assert_field(
            &Dense {
                units,
                ..Dense::new()
            }
            .error(),
            model,
            "layers[1]",
        );
    }
}

#[test]
fn names_that_no_writer_gives_are_refused_without_being_repeated() {
    const LONG: &str = match core::str::from_utf8(&[b'a'; 256]) {
        Ok(name) => name,
        Err(_) => "",
    };
    for name in ["", "a\nb", "\u{1b}[2J", LONG] {
        let error = Dense {
            name: Some(name),
            ..Dense::new()
        }
        .error();
        assert_field(&error, DecodeErrorKind::Payload, "layers[1].name");
        assert!(error.to_string().len() < 200, "{error}");
        assert!(!error.to_string().contains(char::is_control));
    }
}

#[test]
fn a_layer_with_many_weights_is_refused_before_they_are_allocated() {
    // 2^24 units of 3 inputs: 48 MiB of weights that the payload does not have.
    let units = Some(1 << 24);
    let error = Dense {
        units,
        ..Dense::new()
    }
    .error();
    assert_field(&error, DecodeErrorKind::Payload, "layers[1].weights");
}

#[test]
fn an_unknown_layer_type_asks_for_a_newer_version() {
    let mut fbb = Fbb::new();
    let table = fb::Concat::create(&mut fbb, &fb::ConcatArgs {}).as_union_value();
    let unknown = (fb::Parameters(21), table);
    let layers = [layer(&mut fbb, Some("new"), None, unknown, None)];
    let error = decoded(fbb, &layers).unwrap_err();
    assert_field(
        &error,
        DecodeErrorKind::Version,
        "layers[0].parameters_type",
    );
    assert!(error.to_string().contains("upgrade akida-sim"), "{error}");
}

/// The error of a model of one `InputConvolutional` with these parameters and no variables.
fn convolution_error(change: impl FnOnce(&mut fb::ConvolutionArgs<'static>)) -> DecodeError {
    const SIZE: &fb::Size = &fb::Size([1, 0, 0, 0, 1, 0, 0, 0]);
    let mut args = fb::ConvolutionArgs {
        kernel_size: Some(SIZE),
        filters: Some(2),
        padding: Some(fb::Padding::Same),
        kernel_stride: Some(SIZE),
        weights_bits: Some(1),
        pool_type: Some(fb::PoolType::Max),
        pool_size: Some(SIZE),
        pool_stride: Some(SIZE),
        act_bits: Some(1),
    };
    change(&mut args);
    let mut fbb = Fbb::new();
    let convolution = Some(fb::Convolution::create(&mut fbb, &args));
    let args = fb::InputConvolutionalArgs {
        input_shape: Some(&fb::Shape::new(2, 2, 1)),
        padding_value: Some(0),
        convolution,
    };
    let table = fb::InputConvolutional::create(&mut fbb, &args).as_union_value();
    let parameters = (fb::Parameters::InputConvolutional, table);
    let layers = [layer(&mut fbb, Some("conv"), None, parameters, None)];
    decoded(fbb, &layers).unwrap_err()
}

#[test]
fn every_parameter_of_a_convolution_is_checked() {
    use DecodeErrorKind::{Payload, Version};
    // With nothing changed, the parameters pass and the variables are missing.
    assert_field(&convolution_error(|_| {}), Payload, "layers[0].variables");
    type Change = fn(&mut fb::ConvolutionArgs<'static>);
    let cases: [(Change, DecodeErrorKind, &str); 13] = [
        (|c| c.kernel_size = None, Payload, "kernel_size"),
        (|c| c.filters = None, Payload, "filters"),
        (|c| c.padding = None, Payload, "padding"),
        (|c| c.padding = Some(fb::Padding(3)), Version, "padding"),
        (|c| c.kernel_stride = None, Payload, "kernel_stride"),
        (|c| c.weights_bits = None, Payload, "weights_bits"),
        (|c| c.pool_type = None, Payload, "pool_type"),
        (
            |c| c.pool_type = Some(fb::PoolType(3)),
            Version,
            "pool_type",
        ),
        (|c| c.pool_size = None, Payload, "pool_size"),
        (|c| c.pool_stride = None, Payload, "pool_stride"),
        (
            |c| c.pool_type = Some(fb::PoolType::Average),
            Payload,
            "pool_size",
        ),
        (
            |c| c.pool_type = Some(fb::PoolType::NoPooling),
            Payload,
            "pool_size",
        ),
        (
            |c| {
                c.pool_type = Some(fb::PoolType::Average);
                c.pool_size = None;
            },
            Payload,
            "pool_stride",
        ),
    ];
    for (change, kind, name) in cases {
        assert_field(
            &convolution_error(change),
            kind,
            &("layers[0].".to_string() + name),
        );
    }
}

#[test]
fn variables_of_a_layer_without_weights_and_inbounds_of_an_input_are_refused() {
    let error = |inbounds: Option<Vec<u32>>, with_variables: bool| {
        let mut fbb = Fbb::new();
        let parameters = input_data(&mut fbb, 3);
        let variables =
            with_variables.then(|| fb::Variables::create(&mut fbb, &fb::VariablesArgs::default()));
        let layers = [layer(&mut fbb, Some("in"), inbounds, parameters, variables)];
        decoded(fbb, &layers).unwrap_err()
    };
    let payload = DecodeErrorKind::Payload;
    assert_field(&error(None, true), payload, "layers[0].variables");
    assert_field(&error(Some(vec![0]), false), payload, "layers[0].inbounds");
}

#[test]
fn a_layer_with_more_inbounds_than_a_model_takes_is_refused() {
    let many = Dense {
        inbounds: Some(vec![0; MAX_INBOUNDS + 1]),
        ..Dense::new()
    };
    let error = many.error();
    assert_field(&error, DecodeErrorKind::Limit, "layers[1].inbounds");
    assert!(
        error
            .to_string()
            .contains("at most 256 indices, received 257")
    );
}

#[test]
fn the_ip_version_and_the_layers_are_checked() {
    let error = |ip_version, with_layers: bool| {
        let mut fbb = Fbb::new();
        let layers = [input(&mut fbb)];
        let layers = with_layers.then(|| fbb.create_vector(&layers));
        let root = fb::Model::create(
            &mut fbb,
            &fb::ModelArgs {
                ip_version,
                layers,
                input_scaling: None,
            },
        );
        fb::finish_model_buffer(&mut fbb, root);
        model(fbb.finished_data(), &Limits::DEFAULT).err()
    };
    assert_eq!(error(Some(fb::IpVersion::V1), true), None);
    let v1 = Some(fb::IpVersion::V1);
    assert_field(
        &error(v1, false).unwrap(),
        DecodeErrorKind::Payload,
        "layers",
    );
    assert_field(
        &error(None, true).unwrap(),
        DecodeErrorKind::Payload,
        "ip_version",
    );
    for unknown in [0, 3, 255] {
        let error = error(Some(fb::IpVersion(unknown)), true).unwrap();
        assert_field(&error, DecodeErrorKind::Version, "ip_version");
    }
    assert_field(
        &decoded(Fbb::new(), &[]).unwrap_err(),
        DecodeErrorKind::Model,
        "layers",
    );
}

#[test]
fn the_input_scaling_is_checked() {
    let decoded = |scaling| {
        let mut fbb = Fbb::new();
        let layers = [input(&mut fbb)];
        model(&finished(fbb, &layers, scaling), &Limits::DEFAULT)
    };
    assert_eq!(decoded(None).unwrap().input_scaling(), None);
    for (scale, shift) in [
        (255.0, 0.0),
        (f64::from_bits(1), f64::MIN),
        (f64::MAX, 127.5),
    ] {
        let expected = InputScaling::new(scale, shift).unwrap();
        let model = decoded(Some((scale, shift))).unwrap();
        assert_eq!(model.input_scaling(), Some(expected));
    }
    for wrong in [
        (0.0, 0.0),
        (-0.0, 0.0),
        (-1.0, 0.0),
        (f64::NAN, 0.0),
        (f64::INFINITY, 0.0),
        (1.0, f64::NAN),
        (1.0, f64::NEG_INFINITY),
    ] {
        let error = decoded(Some(wrong)).unwrap_err();
        assert_field(&error, DecodeErrorKind::Model, "input_scaling");
    }
    let error = decoded(Some((1.0, -0.0))).unwrap_err();
    assert_field(&error, DecodeErrorKind::Payload, "input_scaling");
}

#[test]
fn a_field_of_a_later_schema_asks_for_a_newer_version() {
    let mut fbb = Fbb::new();
    let start = fbb.start_table();
    fbb.push_slot_always(fb::FullyConnected::VT_UNITS, 2u32);
    fbb.push_slot_always(fb::FullyConnected::VT_ACT_BITS + 4, 1u8);
    let table = fbb.end_table(start);
    let parameters = (
        fb::Parameters::FullyConnected,
        WIPOffset::new(table.value()),
    );
    let layers = [layer(
        &mut fbb,
        Some("dense"),
        Some(vec![0]),
        parameters,
        None,
    )];
    let error = decoded(fbb, &layers).unwrap_err();
    assert_field(&error, DecodeErrorKind::Version, "layers[0]");
    assert_eq!(
        error.to_string(),
        "layers[0]: the table must be one of the first 3 fields only, received field 5; \
         the file was written by a newer version: upgrade akida-sim"
    );
}

/// The result for `count` layers of 64 units that share one set of vectors.
fn with_shared_vectors(count: u32) -> Result<Model, DecodeError> {
    let mut fbb = Fbb::new();
    let shared = fb::VariablesArgs {
        weights: Some(fbb.create_vector(&[0u8; 64 * 64])),
        weights_pw: None,
        threshold: Some(fbb.create_vector(&[0i32; 64])),
        act_step: Some(fbb.create_vector(&[1f32; 64])),
        tensors: None,
    };
    let parameters = input_data(&mut fbb, 64);
    let mut layers = vec![layer(&mut fbb, Some("in"), None, parameters, None)];
    for index in 0..count {
        let parameters = fully_connected(&mut fbb, Some(64), Some(8));
        let variables = Some(fb::Variables::create(&mut fbb, &shared));
        let name = format!("layer {index}");
        let inbounds = Some(vec![index]);
        layers.push(layer(
            &mut fbb,
            Some(&name),
            inbounds,
            parameters,
            variables,
        ));
    }
    decoded(fbb, &layers)
}

#[test]
fn one_vector_used_by_many_layers_does_not_multiply_memory() {
    assert!(with_shared_vectors(1).is_ok());
    let error = with_shared_vectors(2).unwrap_err();
    assert_field(&error, DecodeErrorKind::Payload, "layers[2].weights");
}

/// The result for `joins` layers that each join all of `branches` layers and share one vector of inbounds.
fn with_shared_inbounds(branches: u32, joins: u32) -> Result<Model, DecodeError> {
    let mut fbb = Fbb::new();
    let mut layers = vec![input(&mut fbb)];
    for index in 0..branches {
        let name = format!("branch {index}");
        let variables = fb::VariablesArgs {
            weights: Some(fbb.create_vector(&[0x01u8])),
            weights_pw: None,
            threshold: Some(fbb.create_vector(&[0i32])),
            act_step: Some(fbb.create_vector(&[1f32])),
            tensors: None,
        };
        let variables = Some(fb::Variables::create(&mut fbb, &variables));
        let parameters = fully_connected(&mut fbb, Some(1), Some(2));
        let inbounds = Some(vec![0]);
        layers.push(layer(
            &mut fbb,
            Some(&name),
            inbounds,
            parameters,
            variables,
        ));
    }
    let shared: Vec<u32> = (1..=branches).collect();
    let shared = Some(fbb.create_vector(&shared));
    for index in 0..joins {
        let name = format!("join {index}");
        let args = fb::LayerArgs {
            name: Some(fbb.create_string(&name)),
            inbounds: shared,
            parameters_type: fb::Parameters::Concat,
            parameters: Some(fb::Concat::create(&mut fbb, &fb::ConcatArgs {}).as_union_value()),
            variables: None,
        };
        layers.push(fb::Layer::create(&mut fbb, &args));
    }
    if joins > 1 {
        // One layer more, which reads all joins: a model has one end.
        let all: Vec<u32> = (1 + branches..1 + branches + joins).collect();
        let table = fb::Concat::create(&mut fbb, &fb::ConcatArgs {}).as_union_value();
        let parameters = (fb::Parameters::Concat, table);
        layers.push(layer(&mut fbb, Some("end"), Some(all), parameters, None));
    }
    decoded(fbb, &layers)
}

#[test]
fn layers_that_share_a_vector_of_inbounds_each_read_all_of_it() {
    for joins in [1, 2, 5] {
        let model = with_shared_inbounds(3, joins).unwrap();
        let layers = &model.layers()[4..4 + joins as usize];
        assert!(layers.iter().all(|layer| layer.inbounds() == [1, 2, 3]));
    }
}

#[test]
fn one_vector_of_inbounds_used_by_many_layers_does_not_multiply_memory() {
    // A join takes less of the payload than its 60 inbounds have bytes.
    let error = with_shared_inbounds(60, 120).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Payload, "{error}");
    let location = error.location().to_string();
    assert!(location.ends_with("].inbounds"), "{error}");
    assert!(error.to_string().contains("shared"), "{error}");
}

#[test]
fn one_table_used_as_many_layers_is_refused_by_the_verifier() {
    let mut fbb = Fbb::new();
    let layers = vec![input(&mut fbb); MAX_LAYERS];
    let error = decoded(fbb, &layers).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Payload, "{error}");
}

#[test]
fn one_layer_more_than_a_model_may_have_is_beyond_the_limit() {
    for (count, kind, path) in [
        (MAX_LAYERS, DecodeErrorKind::Model, "layers[1]"),
        (MAX_LAYERS + 1, DecodeErrorKind::Limit, "layers"),
    ] {
        let mut fbb = Fbb::new();
        let layers: Vec<_> = (0..count).map(|_| input(&mut fbb)).collect();
        let error = decoded(fbb, &layers).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.location().to_string().starts_with(path), "{error}");
    }
}

#[test]
fn a_payload_without_the_identifier_is_refused() {
    let mut fbb = Fbb::new();
    let layers = [input(&mut fbb)];
    let mut bytes = finished(fbb, &layers, None);
    bytes[4] = b'X';
    let error = model(&bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Payload);
    assert_eq!(
        error.to_string(),
        "model: the identifier of the payload must be \"AKDM\", received \"XKDM\""
    );
}

#[test]
fn the_verifier_says_which_field_is_broken() {
    let mut fbb = Fbb::new();
    let layers = [input(&mut fbb), Dense::new().write(&mut fbb)];
    let good = finished(fbb, &layers, None);
    let paths: Vec<String> = (0..good.len())
        .filter_map(|at| {
            let mut bytes = good.clone();
            bytes[at] = 0xFF;
            let error = model(&bytes, &Limits::DEFAULT).err()?;
            Some(error.location().to_string())
        })
        .collect();
    for path in ["layers[0].name", "layers[1].weights", "layers[1].act_step"] {
        assert!(paths.iter().any(|p| p == path), "{path} in {paths:?}");
    }
    assert!(!paths.iter().any(|p| p.contains("variables.")), "{paths:?}");
}
