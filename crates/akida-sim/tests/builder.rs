//! The builder refuses every model that breaks a rule, says where and why, and stays unchanged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, InputScaling,
    LayerSpec, MAX_INBOUNDS, ModelBuilder, ModelError, ModelErrorKind, Padding, Pair, Parameter,
    Parameters, Pooling, SeparableConvolutional, Shape, Tensor, Weights,
};

fn events(shape: Shape, bits: u8) -> ModelBuilder {
    let mut builder = ModelBuilder::new();
    builder.add("in", InputData::new(shape, bits), &[]).unwrap();
    builder
}

fn conv(change: impl FnOnce(&mut ConvParams)) -> Convolutional {
    let mut conv = ConvParams::new(Pair::square(3), 4);
    change(&mut conv);
    Convolutional { conv }
}

/// The error of adding `spec` under the name "it" to an 8x8x2 input, which must leave the builder as it was.
fn refusal(spec: impl Into<LayerSpec>) -> ModelError {
    let mut builder = events(Shape::new(8, 8, 2), 4);
    let error = builder.add("it", spec, &[]).unwrap_err();
    assert_eq!(builder.layers().len(), 1);
    assert_eq!(error.layer(), Some("it"), "{error}");
    error
}

#[test]
fn parameters_outside_their_range_are_named() {
    let cases: Vec<(LayerSpec, &str)> = vec![
        (
            conv(|c| c.weights_bits = 3).into(),
            r#"layer "it": weights_bits must be one of 1, 2, 4, 8, received 3"#,
        ),
        (
            conv(|c| c.act_bits = Some(8)).into(),
            r#"layer "it": act_bits must be one of 1, 2, 4, received 8"#,
        ),
        (
            conv(|c| c.filters = 0).into(),
            r#"layer "it": filters must be in 1..=16777216, received 0"#,
        ),
        (
            conv(|c| c.kernel_size = Pair::new(0, 3)).into(),
            r#"layer "it": kernel_size must be two numbers in 1..=65535, received (0, 3)"#,
        ),
        (
            conv(|c| c.kernel_stride = Pair::new(1, 65_536)).into(),
            r#"layer "it": kernel_stride must be two numbers in 1..=65535, received (1, 65536)"#,
        ),
        (
            FullyConnected {
                weights_bits: 5,
                ..FullyConnected::new(1)
            }
            .into(),
            r#"layer "it": weights_bits must be one of 1, 2, 4, 8, received 5"#,
        ),
    ];
    for (spec, text) in cases {
        let error = refusal(spec);
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), ModelErrorKind::Parameter);
    }
}

#[test]
fn windows_larger_than_a_map_without_border_are_refused() {
    let error = refusal(conv(|c| {
        c.padding = Padding::Valid;
        c.kernel_size = Pair::new(9, 1);
    }));
    assert_eq!(error.kind(), ModelErrorKind::Shape);
    let text = error.to_string();
    assert!(
        text.contains("kernel_size must be at most (8, 8)") && text.contains("use padding Same"),
        "{text}"
    );

    let error = refusal(conv(|c| {
        c.padding = Padding::Valid;
        c.pooling = Pooling::Max {
            size: Pair::square(7),
            stride: Pair::square(1),
        };
    }));
    assert!(
        error
            .to_string()
            .contains("pool_size must be at most (6, 6)"),
        "{error}"
    );
}

#[test]
fn each_axis_of_a_window_and_of_its_stride_is_limited() {
    type Change = fn(&mut ConvParams, Pair);
    let one = Pair::square(1);
    let changes: [(&str, Change); 4] = [
        ("kernel_size", |c, size| c.kernel_size = size),
        ("kernel_stride", |c, stride| c.kernel_stride = stride),
        ("pool_size", |c, size| {
            let stride = Pair::square(1);
            c.pooling = Pooling::Max { size, stride };
        }),
        ("pool_stride", |c, stride| {
            let size = Pair::square(1);
            c.pooling = Pooling::Max { size, stride };
        }),
    ];
    for (name, change) in changes {
        for wrong in [0, 65_536, usize::MAX] {
            for pair in [Pair::new(wrong, 1), Pair::new(1, wrong)] {
                let text = refusal(conv(|c| change(c, pair))).to_string();
                let words = format!("{name} must be two numbers in 1..=65535, received {pair}");
                assert!(text.contains(&words), "{text}");
            }
        }
        for pair in [Pair::new(65_535, 1), Pair::new(1, 65_535)] {
            let builder = events(Shape::new(8, 8, 2), 4);
            let spec = conv(|c| {
                c.kernel_size = one;
                change(c, pair);
            });
            let connected = builder.connect("it", &spec.into(), &[]);
            assert!(connected.is_ok(), "{name} {pair}: {connected:?}");
        }
    }
}

#[test]
fn windows_on_a_map_without_border_are_at_most_the_map_on_each_axis() {
    let pairs = || (1..=10).flat_map(|x| (1..=10).map(move |y| Pair::new(x, y)));
    let builder = events(Shape::new(8, 6, 1), 4);
    let fits = |kernel_size, pooling| {
        let spec = conv(|c| {
            c.padding = Padding::Valid;
            c.kernel_size = kernel_size;
            c.pooling = pooling;
        });
        builder.connect("it", &spec.into(), &[]).is_ok()
    };
    for size in pairs() {
        let expected = size.x <= 8 && size.y <= 6;
        assert_eq!(fits(size, Pooling::None), expected, "kernel {size}");
        let stride = Pair::square(1);
        // A kernel of 3x2 leaves a map of 6x5.
        let expected = size.x <= 6 && size.y <= 5;
        let pooling = Pooling::Max { size, stride };
        assert_eq!(fits(Pair::new(3, 2), pooling), expected, "pool {size}");
    }
}

#[test]
fn potentials_are_bounded_exactly_at_32_bits() {
    // 1x1 maps of C channels: |P| <= C * 15 * 127.
    let fits = (i32::MAX as usize) / (15 * 127);
    for (channels, accepted) in [(fits, true), (fits + 1, false)] {
        let builder = events(Shape::new(1, 1, channels), 4);
        let units = FullyConnected {
            weights_bits: 8,
            ..FullyConnected::new(1)
        };
        let result = builder.connect("it", &units.into(), &[]);
        assert_eq!(result.is_ok(), accepted, "{channels} channels");
        if let Err(error) = result {
            assert_eq!(error.kind(), ModelErrorKind::PotentialRange);
        }
    }
}

#[test]
fn summed_positions_count_towards_the_bound() {
    let params = |pooling| ConvParams {
        weights_bits: 8,
        pooling,
        ..ConvParams::new(Pair::square(1), 1)
    };
    let builder = events(Shape::new(1024, 1024, 2), 4);
    let connect = |spec: LayerSpec| builder.connect("it", &spec, &[]).map(|c| c.potential_bound);
    assert_eq!(
        connect(
            Convolutional {
                conv: params(Pooling::None)
            }
            .into()
        ),
        Ok(2 * 15 * 127)
    );
    let error = connect(
        Convolutional {
            conv: params(Pooling::GlobalAverage),
        }
        .into(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::PotentialRange);
    assert_eq!(
        error.received(),
        (1024u64 * 1024 * 2 * 15 * 127).to_string()
    );
    let separable = SeparableConvolutional {
        conv: params(Pooling::None),
    };
    assert_eq!(connect(separable.into()), Ok(15 * 127 * 2 * 127));
}

#[test]
fn variables_must_have_their_shape_and_range() {
    let mut builder = events(Shape::new(1, 1, 2), 4);
    let units = FullyConnected {
        weights_bits: 4,
        ..FullyConnected::new(3)
    };
    let layer = builder.add("dense", units, &[]).unwrap();
    let weights = |values: Vec<i8>| Weights::new([1, 1, 2, 3], values).unwrap();
    let cases: [(&str, Tensor, &str); 8] = [
        (
            "weights",
            weights(vec![0, 7, -7, 0, 0, -8]).into(),
            "in -7..=7 (weights_bits 4), received -8",
        ),
        (
            "weights",
            (Weights::new([1, 1, 3, 2], vec![0; 6]).unwrap()).into(),
            "of shape [1, 1, 2, 3], received [1, 1, 3, 2]",
        ),
        (
            "threshold",
            (vec![0; 2]).into(),
            "of shape (3,), received (2,)",
        ),
        (
            "act_step",
            (vec![1.0, 0.0, 1.0]).into(),
            "finite and greater than zero, received 0 for filter 1",
        ),
        (
            "act_step",
            (vec![1.0, 1.0, f32::NAN]).into(),
            "received NaN for filter 2",
        ),
        (
            "act_step",
            (vec![f32::INFINITY, 1.0, 1.0]).into(),
            "received inf for filter 0",
        ),
        (
            "threshold",
            vec![0.0; 3].into(),
            "threshold must be of type int32, received float32",
        ),
        (
            "weights_pw",
            (Weights::new([1, 1, 2, 3], vec![0; 6]).unwrap()).into(),
            "one that FullyConnected has, received weights_pw",
        ),
    ];
    let before = builder.build().unwrap();
    for (name, values, text) in cases {
        let error = builder.set_variable(layer, name, values).unwrap_err();
        assert!(
            error.to_string().starts_with("layer \"dense\": "),
            "{error}"
        );
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.kind(), ModelErrorKind::Variable);
    }
    assert_eq!(builder.build().unwrap(), before);
    builder
        .set_variable(layer, "weights", weights(vec![0, 7, -7, 1, 2, 3]))
        .unwrap();
    assert_ne!(builder.build().unwrap(), before);
}

#[test]
fn one_bit_weights_are_zero_or_one() {
    let mut builder = events(Shape::new(1, 1, 1), 1);
    let layer = builder.add("dense", FullyConnected::new(2), &[]).unwrap();
    let set = |builder: &mut ModelBuilder, values| {
        builder.set_variable(
            layer,
            "weights",
            Weights::new([1, 1, 1, 2], values).unwrap(),
        )
    };
    assert!(set(&mut builder, vec![0, 1]).is_ok());
    assert!(set(&mut builder, vec![0, -1]).is_err());
    assert!(set(&mut builder, vec![0, 2]).is_err());
}

#[test]
fn only_the_first_layer_is_an_input() {
    let error = ModelBuilder::new().add("c", conv(|_| ()), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the first layer must be InputData"),
        "{error}"
    );
    let error = refusal(InputData::new(Shape::new(1, 1, 1), 1));
    assert!(
        error.to_string().contains("received InputData as layer 1"),
        "{error}"
    );
}

#[test]
fn images_have_one_or_three_channels() {
    for (channels, accepted) in [(1, true), (2, false), (3, true), (4, false)] {
        let conv = ConvParams::new(Pair::square(3), 2);
        let layer = InputConvolutional::new(Shape::new(5, 5, channels), conv);
        assert_eq!(
            ModelBuilder::new().add("image", layer, &[]).is_ok(),
            accepted
        );
    }
}

#[test]
fn a_layer_without_activation_cannot_be_read() {
    let mut builder = events(Shape::new(8, 8, 2), 4);
    builder
        .add("last", conv(|c| c.act_bits = None), &[])
        .unwrap();
    let error = builder.add("more", conv(|_| ()), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#"received "last", which has none"#),
        "{error}"
    );
}

#[test]
fn concat_joins_equal_sizes_and_widths_only() {
    let mut builder = events(Shape::new(8, 8, 2), 4);
    let a = builder.add("a", conv(|_| ()), &[0]).unwrap();
    let b = builder.add("b", conv(|c| c.filters = 5), &[0]).unwrap();
    let wide = builder
        .add("wide", conv(|c| c.act_bits = Some(4)), &[0])
        .unwrap();
    let small = builder
        .add("small", conv(|c| c.kernel_stride = Pair::square(2)), &[0])
        .unwrap();
    for (inbounds, text) in [
        (
            vec![a],
            "the number of inbounds must be at least 2, received 1",
        ),
        (
            vec![a, wide],
            "act_bits of all inbounds must be equal, 1 like the first, received 4 for inbound 2",
        ),
        (
            vec![a, b, small],
            "must be equal, (8, 8) like the first, received (4, 4) for inbound 3",
        ),
        (
            vec![a, 77],
            "every inbound must be an earlier layer, received index 77",
        ),
    ] {
        let error = builder.add("joined", Concat, &inbounds).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    let joined = builder.add("joined", Concat, &[b, a, b]).unwrap();
    assert_eq!(
        builder.layers()[joined].connection().output.shape,
        Shape::new(8, 8, 14)
    );
}

#[test]
fn a_layer_that_nobody_reads_is_refused_when_the_model_is_complete() {
    let mut builder = events(Shape::new(8, 8, 2), 4);
    builder.add("forgotten", conv(|_| ()), &[0]).unwrap();
    builder.add("out", conv(|_| ()), &[0]).unwrap();
    let error = builder.build().unwrap_err();
    assert_eq!(error.layer(), Some("forgotten"));
    assert_eq!(error.kind(), ModelErrorKind::Structure);
    assert!(ModelBuilder::new().build().is_err());
}

#[test]
fn names_are_unique_printable_and_made_when_absent() {
    let mut builder = events(Shape::new(8, 8, 2), 4);
    let error = builder.add("in", conv(|_| ()), &[]).unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Name);
    assert!(builder.add("tab\t", conv(|_| ()), &[]).is_err());
    assert!(builder.add(&"n".repeat(256), conv(|_| ()), &[]).is_err());
    let error = builder
        .add("a\nb", conv(|_| ()), &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(r#"layer "a\nb": "#) && error.ends_with(r#"received "a\nb""#),
        "{error}"
    );
    let index = builder.add("", conv(|_| ()), &[]).unwrap();
    assert_eq!(builder.layers()[index].name(), "conv_1");
    builder.add("conv_3", conv(|_| ()), &[]).unwrap();
    let index = builder.add("", conv(|_| ()), &[]).unwrap();
    assert_eq!(builder.layers()[index].name(), "conv_4");
    // The name of a layer that is gone is free, also in a builder made from a model.
    for mut builder in [builder.clone(), builder.build().unwrap().edit()] {
        assert!(builder.add("conv_4", conv(|_| ()), &[]).is_err());
        builder.pop();
        builder.add("conv_4", conv(|_| ()), &[]).unwrap();
    }
}

#[test]
fn as_many_layers_as_a_model_may_have_get_names_although_others_took_them() {
    let mut builder = events(Shape::new(1, 1, 1), 1);
    for number in 512..akida_sim::MAX_LAYERS {
        builder
            .add(&format!("conv_{number}"), conv(|_| ()), &[])
            .unwrap();
    }
    while builder.layers().len() < akida_sim::MAX_LAYERS {
        builder.add("", conv(|_| ()), &[]).unwrap();
    }
    let error = builder.add("", conv(|_| ()), &[]).unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Structure);
}

#[test]
fn the_input_scaling_is_kept_by_models_and_edits() {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1), 4);
    builder.add("in", input, &[]).unwrap();
    let plain = builder.build().unwrap();
    assert_eq!(plain.input_scaling(), None);
    let scaling = InputScaling::new(255.0, -0.0).unwrap();
    assert_eq!(scaling.shift().to_bits(), 0.0f64.to_bits());
    builder.set_input_scaling(Some(scaling));
    let model = builder.build().unwrap();
    assert_ne!(model, plain);
    assert_eq!(model.edit().build().unwrap(), model);
    let error = InputScaling::new(-1.0, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input_scaling must be a finite scale greater than zero and a finite shift, received (-1, 0)"
    );
}

#[test]
fn editing_a_model_leaves_it_as_it_was() {
    let model = events(Shape::new(8, 8, 2), 4).build().unwrap();
    let mut builder = model.edit();
    builder.add("conv", conv(|_| ()), &[]).unwrap();
    assert_eq!(
        (
            model.layers().len(),
            builder.build().unwrap().layers().len()
        ),
        (1, 2)
    );
    assert_eq!(
        builder.pop().map(|layer| layer.name().to_owned()),
        Some("conv".to_owned())
    );
    assert_eq!(builder.build().unwrap(), model);
}

#[test]
fn shapes_beyond_31_bits_are_refused_without_allocating() {
    let huge = Shape::new(usize::MAX, usize::MAX, 3);
    assert!(
        ModelBuilder::new()
            .add("in", InputData::new(huge, 1), &[])
            .is_err()
    );
    let builder = events(Shape::new(40_000, 40_000, 1), 1);
    let conv = conv(|c| {
        c.filters = 2;
        c.kernel_size = Pair::square(1);
    });
    assert!(builder.connect("it", &conv.into(), &[]).is_err());
}

#[test]
fn a_border_counts_towards_the_size_of_a_map() {
    let builder = events(Shape::new(1, 8_000_000, 1), 1);
    let conv = conv(|c| {
        c.filters = 1;
        c.kernel_size = Pair::new(65_535, 1);
    });
    let error = builder.connect("it", &conv.into(), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the map with its border must be"),
        "{error}"
    );
}

/// One layer of each type, with parameters that are not the defaults.
fn every_type() -> [LayerSpec; 6] {
    let conv = ConvParams {
        padding: Padding::Valid,
        kernel_stride: Pair::new(1, 2),
        weights_bits: 4,
        pooling: Pooling::Max {
            size: Pair::new(2, 3),
            stride: Pair::new(1, 2),
        },
        act_bits: Some(2),
        ..ConvParams::new(Pair::new(3, 5), 7)
    };
    let averaged = ConvParams {
        pooling: Pooling::GlobalAverage,
        act_bits: None,
        ..conv.clone()
    };
    let image = InputConvolutional {
        padding_value: 9,
        ..InputConvolutional::new(Shape::new(8, 9, 3), conv.clone())
    };
    [
        InputData::new(Shape::new(4, 5, 6), 2).into(),
        image.into(),
        Convolutional { conv: averaged }.into(),
        SeparableConvolutional { conv }.into(),
        FullyConnected {
            units: 3,
            weights_bits: 8,
            act_bits: None,
        }
        .into(),
        Concat.into(),
    ]
}

#[test]
fn a_layer_is_made_of_its_type_and_its_parameters() {
    for spec in every_type() {
        let parameters = spec.parameters();
        assert_eq!(LayerSpec::new(spec.type_name(), &parameters), Ok(spec));
    }
}

#[test]
fn each_parameter_must_be_there_and_of_its_kind_and_no_other() {
    for spec in every_type() {
        let all = spec.parameters();
        let unknown = all.clone().with("colour", 1u8);
        let error = LayerSpec::new(spec.type_name(), &unknown).unwrap_err();
        assert!(error.to_string().ends_with("received colour"), "{error}");
        for (left_out, value) in all.iter() {
            let others = all.iter().filter(|(name, _)| *name != left_out);
            let others = others.fold(Parameters::new(), |all, (name, value)| {
                all.with(name.to_owned(), value.clone())
            });
            let error = LayerSpec::new(spec.type_name(), &others).unwrap_err();
            assert!(error.to_string().contains("received nothing"), "{error}");
            let another = match value {
                Parameter::Word(_) => Parameter::Number(0),
                _ => Parameter::Word("nonsense".into()),
            };
            let wrong = others.with(left_out.to_owned(), another);
            let error = LayerSpec::new(spec.type_name(), &wrong).unwrap_err();
            assert_eq!(error.kind(), ModelErrorKind::Parameter, "{error}");
            assert!(error.subject() == left_out, "{left_out}: {error}");
        }
    }
    let error = LayerSpec::new("Convolution", &Parameters::new()).unwrap_err();
    assert!(error.to_string().contains("one of InputData, "), "{error}");
}

#[test]
fn sizes_of_pooling_go_with_its_type() {
    let pooled = |kind: &'static str, size: Parameter, stride: Parameter| {
        let conv = ConvParams::new(Pair::square(3), 1);
        let parameters = LayerSpec::from(Convolutional { conv }).parameters();
        let changed = parameters.iter().map(|(name, value)| match name {
            "pool_type" => (name, kind.into()),
            "pool_size" => (name, size.clone()),
            "pool_stride" => (name, stride.clone()),
            _ => (name, value.clone()),
        });
        let changed = changed.fold(Parameters::new(), |all, (name, value)| {
            all.with(name.to_owned(), value)
        });
        LayerSpec::new("Convolutional", &changed)
    };
    let (whole, two) = (Parameter::Pair(-1, -1), Parameter::Pair(2, 2));
    assert!(pooled("NoPooling", whole.clone(), whole.clone()).is_ok());
    assert!(pooled("NoPooling", two.clone(), whole.clone()).is_err());
    assert!(pooled("Average", whole.clone(), two.clone()).is_err());
    assert!(pooled("Max", whole.clone(), whole.clone()).is_err());
    assert_eq!(
        pooled("Max", two.clone(), whole),
        pooled("Max", two.clone(), two)
    );
    assert!(pooled("Sum", Parameter::Pair(2, 2), Parameter::Pair(2, 2)).is_err());
}

#[test]
fn a_layer_has_at_most_256_inbounds_repeated_ones_counted() {
    let mut builder = events(Shape::new(1, 1, 1), 1);
    let error = builder.add("join", Concat, &[0; 257]).unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Inbounds);
    let text = error.to_string();
    assert!(
        text.contains("at most 256, repeated inbounds counted, received 257"),
        "{text}"
    );
    let join = builder.add("join", Concat, &[0; MAX_INBOUNDS]).unwrap();
    assert_eq!(builder.layers()[join].connection().output.shape.c, 256);
}
