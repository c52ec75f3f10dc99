//! Every limit of Akida 2.0 devices: a layer at it passes, one past it is named.
//!
//! The limits are stated here a second time, from the published page. Every rule of the devices must have a case.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use akida_sim::device::akida2::REVISIONS;
use akida_sim::device::{Device, HwVersion, Standing};
use akida_sim::map::{Effect, MapMode, Violation, check, map};
use akida_sim::{
    Activation, BufferTempConv, Concatenate, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D,
    InputConvolutional, InputData, IpVersion, LayerSpec, Model, ModelBuilder, Padding, Pair,
    PicoPostProcessing, Pooling, PostOps, Quantizer, Shape, StatefulRecurrent, TemporalParams,
    TransposedParams,
};
use std::collections::BTreeSet;

/// A layer that obeys or breaks a rule of its type.
struct Case {
    /// The title of the rules on its type.
    title: &'static str,
    rule: &'static str,
    allowed: bool,
    layers: Layers,
}

/// The layers of a model, and the index of the layer that is tested.
type Layers = (Vec<LayerSpec>, usize);

const MAP: Shape = Shape::new(12, 11, 4);
const IMAGE: Shape = Shape::new(24, 24, 3);

fn post(output_bits: u8) -> PostOps {
    PostOps {
        output_bits,
        output_signed: Some(true),
        ..PostOps::new(Activation::ReLU)
    }
}

/// A convolution of 3x3 that every device takes.
fn params() -> Conv2DParams {
    Conv2DParams::new(3)
}

fn max(size: usize, stride: usize) -> Pooling {
    Pooling::Max {
        size: Pair::square(size),
        stride: Pair::square(stride),
    }
}

fn image(input_shape: Shape, filters: usize, conv: Conv2DParams) -> Layers {
    let layer = InputConv2D {
        input_shape,
        filters,
        conv,
    };
    (vec![layer.into()], 0)
}

/// A layer behind an input of so many bits, and a convolution of 3x3 behind it.
fn behind(shape: Shape, bits: u8, layer: impl Into<LayerSpec>) -> Layers {
    let next = Conv2D {
        filters: 2,
        conv: params(),
    };
    let mut layers: Vec<LayerSpec> = match bits {
        8 | 16 => vec![InputData::new(shape, bits).into()],
        // A convolution with outputs of so many bits.
        bits => vec![
            InputData::new(shape, 8).into(),
            Conv2D {
                filters: shape.c,
                conv: Conv2DParams {
                    post_ops: post(bits),
                    ..params()
                },
            }
            .into(),
        ],
    };
    layers.extend([layer.into(), next.into()]);
    let tested = layers.len() - 2;
    (layers, tested)
}

fn conv(conv: Conv2DParams) -> LayerSpec {
    Conv2D { filters: 4, conv }.into()
}

fn depthwise(conv: Conv2DParams) -> LayerSpec {
    DepthwiseConv2D { conv }.into()
}

/// Cases of the widths of a layer type, which `layer` makes of (output bits, weight bits).
fn widths(
    cases: &mut Vec<Case>,
    title: &'static str,
    allowed: &[u8],
    shape: Shape,
    layer: &dyn Fn(u8, u8) -> LayerSpec,
) {
    let allows = |bits: u8| allowed.contains(&bits);
    let mut add = |rule, bits, layers| {
        cases.push(Case {
            title,
            rule,
            allowed: allows(bits),
            layers,
        });
    };
    for bits in [2, 3, 4, 5, 7, 8, 16] {
        add("output_bits", bits, behind(shape, 8, layer(bits, 8)));
        add("input_bits", bits, behind(shape, bits, layer(8, 8)));
    }
    for bits in [2, 4, 8] {
        add("weights_bits", bits, behind(shape, 8, layer(8, bits)));
    }
}

fn images(cases: &mut Vec<Case>) {
    let mut add = |rule, allowed, layers| {
        let title = "InputConv2D";
        cases.push(Case {
            title,
            rule,
            allowed,
            layers,
        });
    };
    for (width, allowed) in [(4, false), (5, true), (2000, true)] {
        let shape = Shape::new(8, width, 1);
        add("input width", allowed, image(shape, 2, params()));
    }
    for (height, allowed) in [(4, false), (5, true), (384, true), (385, false)] {
        let shape = Shape::new(height, 8, 1);
        add("input height", allowed, image(shape, 2, params()));
    }
    for channels in [1, 3] {
        let shape = Shape::new(8, 8, channels);
        add("input channels", true, image(shape, 2, params()));
    }
    for kernel in 1..=9 {
        let allowed = [3, 4, 5, 7].contains(&kernel);
        for padding in [Padding::Same, Padding::Valid] {
            let conv = Conv2DParams {
                padding,
                ..Conv2DParams::new(kernel)
            };
            add("kernel_size", allowed, image(IMAGE, 2, conv));
        }
    }
    let strides = [
        (3, 3, "kernel_stride with kernel_size 3"),
        (4, 4, "kernel_stride with kernel_size 4"),
        (5, 5, "kernel_stride with kernel_size 5"),
        (7, 6, "kernel_stride with kernel_size 7"),
    ];
    for (kernel, most, rule) in strides {
        for kernel_stride in 1..=most + 2 {
            let conv = Conv2DParams {
                kernel_stride,
                ..Conv2DParams::new(kernel)
            };
            add(rule, kernel_stride <= most, image(IMAGE, 2, conv));
        }
    }
    for (filters, allowed) in [(1, true), (512, true), (513, false)] {
        let layers = image(Shape::new(5, 5, 1), filters, params());
        add("filters", allowed, layers);
    }
    for (kernel, stride) in (1..=7).flat_map(|kernel| (1..=2).map(move |stride| (kernel, stride))) {
        let conv = Conv2DParams {
            padding: Padding::SameUpper,
            kernel_stride: stride,
            ..Conv2DParams::new(kernel)
        };
        if stride == 2 && kernel == 4 {
            add(
                "kernel_size with padding SameUpper",
                false,
                image(IMAGE, 2, conv),
            );
        } else if [3, 5, 7].contains(&kernel) {
            let rule = "kernel_stride with padding SameUpper";
            add(rule, stride == 2, image(IMAGE, 2, conv));
        }
    }
    let pooled = |pooling| Conv2DParams {
        pooling,
        ..params()
    };
    for size in 1..=4 {
        let allowed = size == 2 || size == 3;
        add("pool_size", allowed, image(IMAGE, 2, pooled(max(size, 2))));
    }
    for stride in 1..=3 {
        let layers = image(IMAGE, 2, pooled(max(3, stride)));
        add("pool_stride", stride == 2, layers);
    }
    for (pooling, allowed) in [
        (Pooling::None, true),
        (max(2, 2), true),
        (Pooling::GlobalAverage, false),
    ] {
        add("pool_type", allowed, image(IMAGE, 2, pooled(pooling)));
    }
    for (pooling, activation, allowed) in [
        (Pooling::None, Activation::Lut, true),
        (max(2, 2), Activation::ReLU, true),
        (max(2, 2), Activation::NoActivation, true),
        (max(2, 2), Activation::Lut, false),
    ] {
        let conv = Conv2DParams {
            pooling,
            post_ops: PostOps::new(activation),
            ..params()
        };
        add(
            "activation with max pooling",
            allowed,
            image(IMAGE, 2, conv),
        );
    }
    for weights_bits in [2, 4, 8] {
        let conv = Conv2DParams {
            weights_bits,
            ..params()
        };
        add("weights_bits", weights_bits == 8, image(IMAGE, 2, conv));
    }
    for output_bits in [2, 3, 4, 5, 7, 8, 16] {
        let conv = Conv2DParams {
            post_ops: post(output_bits),
            ..params()
        };
        let allowed = [4, 8].contains(&output_bits);
        add("output_bits", allowed, image(IMAGE, 2, conv));
    }
}

type Convolution = fn(Conv2DParams) -> LayerSpec;

fn convolutions(cases: &mut Vec<Case>) {
    let types: [(&'static str, Convolution, &[usize], &[usize]); 2] = [
        ("Conv2D", conv, &[1, 3, 5, 7], &[1, 3]),
        ("DepthwiseConv2D", depthwise, &[3, 5, 7], &[3]),
    ];
    for (title, layer, kernels, strided) in types {
        let mut add = |rule, allowed, layers| {
            cases.push(Case {
                title,
                rule,
                allowed,
                layers,
            });
        };
        // Strides of two halve the map, so that the layer behind it is inside the limit.
        let half = Conv2DParams {
            kernel_stride: 2,
            ..params()
        };
        for (size, allowed) in [(4096, true), (4097, false)] {
            let (wide, high) = (Shape::new(1, size, 1), Shape::new(size, 1, 1));
            add("input width", allowed, behind(wide, 8, layer(half)));
            add("input height", allowed, behind(high, 8, layer(half)));
        }
        for (channels, allowed) in [(2048, true), (2049, false)] {
            let one = vec![
                InputData::new(Shape::new(1, 1, channels), 8).into(),
                layer(params()),
            ];
            add("input channels", allowed, (one, 1));
        }
        for kernel in 1..=9 {
            let layers = behind(MAP, 8, layer(Conv2DParams::new(kernel)));
            add("kernel_size", kernels.contains(&kernel), layers);
            if kernels.contains(&kernel) {
                let conv = Conv2DParams {
                    kernel_stride: 2,
                    ..Conv2DParams::new(kernel)
                };
                let rule = "kernel_size with kernel_stride 2";
                let layers = behind(MAP, 8, layer(conv));
                add(rule, strided.contains(&kernel), layers);
            }
        }
        for kernel_stride in 1..=4 {
            let conv = Conv2DParams {
                kernel_stride,
                ..params()
            };
            add(
                "kernel_stride",
                kernel_stride <= 2,
                behind(MAP, 8, layer(conv)),
            );
        }
        for (padding, allowed) in [(Padding::Same, true), (Padding::Valid, false)] {
            let conv = Conv2DParams {
                padding,
                ..params()
            };
            add("padding", allowed, behind(MAP, 8, layer(conv)));
        }
        let upper = |kernel, kernel_stride| Conv2DParams {
            padding: Padding::SameUpper,
            kernel_stride,
            ..Conv2DParams::new(kernel)
        };
        for stride in [1, 2] {
            let layers = behind(MAP, 8, layer(upper(3, stride)));
            add("kernel_stride with padding SameUpper", stride == 2, layers);
        }
        // A kernel of 1 has a stride of 2 without SameUpper.
        if strided.contains(&1) {
            let layers = behind(MAP, 8, layer(upper(1, 2)));
            add("kernel_size with padding SameUpper", false, layers);
        }
        let pooled = |pooling| Conv2DParams {
            pooling,
            ..params()
        };
        for size in 1..=3 {
            let layers = behind(MAP, 8, layer(pooled(max(size, 1))));
            add("pool_size", size == 2, layers);
        }
        for stride in 1..=3 {
            let layers = behind(MAP, 8, layer(pooled(max(2, stride))));
            add("pool_stride", stride <= 2, layers);
        }
        for (pooling, activation, allowed) in [
            (Pooling::None, Activation::Lut, true),
            (Pooling::GlobalAverage, Activation::Lut, true),
            (max(2, 2), Activation::ReLU, true),
            (max(2, 2), Activation::Lut, false),
        ] {
            let conv = Conv2DParams {
                pooling,
                post_ops: PostOps::new(activation),
                ..params()
            };
            let layers = behind(MAP, 8, layer(conv));
            add("activation with max pooling", allowed, layers);
        }
        let successors: [(LayerSpec, bool); 5] = [
            (conv(params()), true),
            (depthwise(params()), true),
            (Dense1D::new(3).into(), false),
            (Dequantizer.into(), false),
            (
                Conv2DTranspose {
                    filters: 1,
                    conv: TransposedParams::new(3),
                }
                .into(),
                false,
            ),
        ];
        for (successor, allowed) in successors {
            let pooled = layer(pooled(max(2, 2)));
            let layers = vec![InputData::new(MAP, 8).into(), pooled, successor];
            add("the layer after max pooling", allowed, (layers, 1));
        }
        let last = vec![InputData::new(MAP, 8).into(), layer(pooled(max(2, 2)))];
        add("the layer after max pooling", false, (last, 1));
        let average = |x, y| {
            let average = layer(pooled(Pooling::GlobalAverage));
            behind(Shape::new(x, y, 2), 8, average)
        };
        for (width, allowed) in [(1, true), (64, true), (65, false)] {
            let rule = "width before global average pooling";
            add(rule, allowed, average(1, width));
        }
        for (x, y, allowed) in [
            (11, 13, true),
            (13, 11, true),
            (143, 1, true),
            (12, 12, false),
            (144, 1, false),
            (3, 48, false),
        ] {
            add(
                "positions before global average pooling",
                allowed,
                average(x, y),
            );
        }
        widths(cases, title, &[4, 8], MAP, &|output_bits, weights_bits| {
            layer(Conv2DParams {
                post_ops: post(output_bits),
                weights_bits,
                ..params()
            })
        });
    }
}

fn others(cases: &mut Vec<Case>) {
    let transposed = |output_bits, weights_bits| TransposedParams {
        post_ops: post(output_bits),
        weights_bits,
        ..TransposedParams::new(3)
    };
    let title = "Conv2DTranspose, DepthwiseConv2DTranspose";
    widths(cases, title, &[8], MAP, &|output_bits, weights_bits| {
        let conv = transposed(output_bits, weights_bits);
        Conv2DTranspose { filters: 2, conv }.into()
    });
    widths(cases, title, &[8], MAP, &|output_bits, weights_bits| {
        let conv = transposed(output_bits, weights_bits);
        DepthwiseConv2DTranspose { conv }.into()
    });
    for (rule, kernel) in [("kernel_size", 3), ("kernel_size", 4), ("padding", 4)] {
        let conv = TransposedParams {
            post_ops: PostOps::new(Activation::Lut),
            ..TransposedParams::new(kernel)
        };
        cases.push(Case {
            title,
            rule,
            allowed: true,
            layers: behind(MAP, 8, Conv2DTranspose { filters: 2, conv }),
        });
    }
    let title = "Dense1D";
    for (shape, allowed) in [
        (Shape::new(1, 1, 2048), true),
        (Shape::new(8, 8, 32), true),
        (Shape::new(1, 1, 2049), false),
        (Shape::new(8, 257, 1), false),
    ] {
        cases.push(Case {
            title,
            rule: "inputs (height x width x channels)",
            allowed,
            layers: behind(shape, 8, Dense1D::new(3)),
        });
    }
    widths(cases, title, &[4, 8], MAP, &|output_bits, weights_bits| {
        Dense1D {
            units: 2,
            post_ops: post(output_bits),
            weights_bits,
        }
        .into()
    });
    let title = "BufferTempConv, DepthwiseBufferTempConv";
    let temporal = |output_bits, weights_bits| TemporalParams {
        post_ops: post(output_bits),
        weights_bits,
        ..TemporalParams::new(2)
    };
    widths(cases, title, &[8], MAP, &|output_bits, weights_bits| {
        let temporal = temporal(output_bits, weights_bits);
        BufferTempConv {
            filters: 2,
            temporal,
        }
        .into()
    });
    widths(cases, title, &[8], MAP, &|output_bits, weights_bits| {
        let temporal = temporal(output_bits, weights_bits);
        DepthwiseBufferTempConv { temporal }.into()
    });
    let mut add = |rule, allowed, layer: LayerSpec, channels| {
        let input = InputData::new(Shape::new(1, 1, channels), 8).into();
        cases.push(Case {
            title,
            rule,
            allowed,
            layers: (vec![input, layer], 1),
        });
    };
    for fifo_size in 1..=12 {
        let temporal = TemporalParams::new(fifo_size);
        let allowed = (2..=10).contains(&fifo_size);
        let all = BufferTempConv {
            filters: 2,
            temporal,
        };
        add("fifo_size", allowed, all.into(), 3);
        let each = DepthwiseBufferTempConv { temporal };
        add("fifo_size", allowed, each.into(), 3);
    }
    for (filters, allowed) in [(2048, true), (2049, false)] {
        let temporal = TemporalParams::new(2);
        let all = BufferTempConv { filters, temporal };
        add("filters", allowed, all.into(), 1);
        let each = DepthwiseBufferTempConv { temporal };
        add("filters", allowed, each.into(), filters);
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    images(&mut cases);
    convolutions(&mut cases);
    others(&mut cases);
    cases
}

fn chain(layers: Vec<LayerSpec>) -> Model {
    let mut builder = ModelBuilder::new();
    for (index, layer) in layers.into_iter().enumerate() {
        builder.add(&format!("layer_{index}"), layer, &[]).unwrap();
    }
    builder.build().unwrap()
}

fn devices() -> [Device; 3] {
    let version = HwVersion::new(0xa2, 1, 0);
    [
        Device::two_nodes_ip_v2(),
        Device::six_nodes_ip_v2(),
        Device::custom(4, 2, true, None, version, 0),
    ]
}

#[test]
fn a_layer_at_a_limit_passes_and_one_past_it_breaks_that_rule_alone() {
    for case in cases() {
        let (layers, tested) = case.layers;
        let model = chain(layers);
        let name = model.layers()[tested].name();
        for device in devices() {
            let found = check(&model, &device).unwrap();
            let of_layer = found.iter().filter(|v| v.layer == name);
            let rules: Vec<&str> = of_layer.map(|v| v.rule).collect();
            let expected = if case.allowed {
                vec![]
            } else {
                vec![case.rule]
            };
            let spec = model.layers()[tested].spec();
            assert_eq!(rules, expected, "{}: {spec:?}", case.title);
            let whole = map(&model, &device, MapMode::Minimal, true);
            assert_eq!(whole.is_err(), !found.is_empty());
            assert!(map(&model, &device, MapMode::Minimal, false).is_ok());
        }
    }
}

#[test]
fn every_rule_of_the_devices_has_a_case_on_both_sides() {
    // Models that break these rules are refused before they are mapped.
    let unbreakable = [
        ("InputConv2D", "input channels"),
        ("InputConv2D", "input_bits"),
        ("Conv2DTranspose, DepthwiseConv2DTranspose", "kernel_size"),
        ("Conv2DTranspose, DepthwiseConv2DTranspose", "kernel_stride"),
        ("Conv2DTranspose, DepthwiseConv2DTranspose", "padding"),
        // InputConv2D and Conv2D take every padding that a kernel of a rule beside it takes.
        ("InputConv2D", "padding"),
        ("DepthwiseConv2D", "kernel_size with padding SameUpper"),
    ];
    let broken: BTreeSet<(&str, &str)> = cases()
        .iter()
        .filter(|case| !case.allowed)
        .map(|case| (case.title, case.rule))
        .collect();
    for (title, rules) in REVISIONS[0].rules() {
        if ["every layer", "Concatenate"].contains(&title) {
            // Tests of their own.
            continue;
        }
        for rule in rules {
            let key = (title, rule.limit.rule);
            assert_ne!(broken.contains(&key), unbreakable.contains(&key), "{key:?}");
        }
    }
}

#[test]
fn violations_have_all_their_fields() {
    let mut seen = 0;
    for case in cases().into_iter().filter(|case| !case.allowed) {
        for violation in check(&chain(case.layers.0), &Device::six_nodes_ip_v2()).unwrap() {
            assert_eq!(violation.effect, Effect::Software);
            assert_ne!(violation.standing, Standing::Assumed);
            let page = ["Akida 2.0 hardware constraints page", "conversion code"];
            let words = ["hardware constraints page", "Akida Engine page"];
            let sources = page.iter().chain(&words);
            assert!(sources.into_iter().any(|s| violation.source.contains(s)));
            assert!(!violation.received.is_empty() && !violation.allowed.is_empty());
            assert!(!violation.remedy.is_empty() && !violation.remedy.contains("{}"));
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_violation_reads_as_a_sentence() {
    let (layers, _) = behind(MAP, 8, conv(Conv2DParams::new(9)));
    let found = check(&chain(layers), &Device::six_nodes_ip_v2()).unwrap();
    let expected = "layer \"layer_1\": kernel_size must be one of 1, 3, 5, 7, received 9; use 7";
    assert_eq!(found[0].to_string(), expected);
}

#[test]
fn all_violations_are_found_at_once() {
    let bad = Conv2DParams {
        padding: Padding::Valid,
        kernel_stride: 3,
        weights_bits: 2,
        pooling: max(3, 3),
        post_ops: PostOps::new(Activation::Lut),
        ..Conv2DParams::new(4)
    };
    let layers = vec![
        InputData::new(Shape::new(90, 90, 2), 16).into(),
        conv(bad),
        Dense1D::new(3).into(),
    ];
    let found = check(&chain(layers), &Device::six_nodes_ip_v2()).unwrap();
    let rules: Vec<_> = found.iter().map(|v| v.rule).collect();
    let expected = [
        "kernel_size",
        "kernel_stride",
        "padding",
        "pool_size",
        "pool_stride",
        "activation with max pooling",
        "the layer after max pooling",
        "input_bits",
        "weights_bits",
    ];
    assert_eq!(rules, expected);
}

#[test]
fn before_release_2_14_layers_have_8_bits() {
    let old = Device::six_nodes_ip_v2().with_revision("2.10").unwrap();
    assert_eq!(
        Device::by_name("sixnodesipv2@2.10").as_ref(),
        Some(&old),
        "{}",
        old.name
    );
    let new = Device::six_nodes_ip_v2();
    assert_eq!(
        (old.revision(), new.revision()),
        (Some("2.10"), Some("2.14"))
    );
    assert_eq!(old.clone().with_revision("2.14").as_ref(), Some(&new));
    assert_eq!(new.clone().with_revision("2.11"), None);
    assert_eq!(Device::akd1000().with_revision("2.14"), None);
    assert_eq!(Device::by_name("AKD1000@2.14"), None);
    let mut differing = 0;
    for case in cases() {
        let (layers, tested) = case.layers;
        let model = chain(layers);
        let name = model.layers()[tested].name();
        let of_layer = |device: &Device| {
            let mut found = check(&model, device).unwrap();
            found.retain(|v| v.layer == name);
            found
        };
        let (before, after) = (of_layer(&old), of_layer(&new));
        if case.allowed && !before.is_empty() {
            let [violation] = &before[..] else {
                unreachable!("{before:?}")
            };
            assert_eq!(violation.rule, case.rule);
            assert_eq!((&*violation.received, &*violation.allowed), ("4", "8"));
            assert_eq!(violation.remedy, "quantize it to 8 bits");
            differing += 1;
        } else {
            let rules = |found: &[Violation]| found.iter().map(|v| v.rule).collect::<Vec<_>>();
            assert_eq!(rules(&before), rules(&after));
        }
    }
    // InputConv2D has outputs of 4 bits, Conv2D, DepthwiseConv2D and Dense1D inputs and weights too.
    assert_eq!(differing, 1 + 3 * 3);
}

#[test]
fn accumulators_leave_the_device_as_they_are() {
    for output_bits in [17, 28, 32] {
        let dense = Dense1D {
            post_ops: PostOps {
                output_bits,
                ..PostOps::new(Activation::NoActivation)
            },
            ..Dense1D::new(10)
        };
        let layers: Vec<LayerSpec> = vec![
            InputData::new(Shape::new(1, 1, 8), 8).into(),
            dense.into(),
            Dequantizer.into(),
        ];
        assert_eq!(check(&chain(layers), &devices()[1]).unwrap(), []);
    }
}

#[test]
fn maps_that_are_joined_have_one_format() {
    let join = |bits: [u8; 2], signed: [bool; 2]| {
        let mut builder = ModelBuilder::new();
        builder.add("data", InputData::new(MAP, 8), &[]).unwrap();
        let branch = |i: usize| Conv2D {
            filters: 2,
            conv: Conv2DParams {
                post_ops: PostOps {
                    output_bits: bits[i],
                    output_signed: Some(signed[i]),
                    ..PostOps::new(Activation::ReLU)
                },
                ..params()
            },
        };
        builder.add("left", branch(0), &[0]).unwrap();
        builder.add("right", branch(1), &[0]).unwrap();
        builder.add("join", Concatenate, &[1, 2]).unwrap();
        let found = check(&builder.build().unwrap(), &Device::six_nodes_ip_v2()).unwrap();
        found
            .iter()
            .map(|v| (v.rule, v.received.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(join([8, 8], [true, true]), []);
    assert_eq!(join([4, 4], [false, false]), []);
    let rule = "the bits and sign of all inbounds";
    assert_eq!(
        join([4, 4], [true, false]),
        [(rule, "int4 and uint4".into())]
    );
    assert_eq!(join([8, 4], [true, true]), [(rule, "int8 and int4".into())]);
}

#[test]
fn pico_post_processing_is_left_to_the_host_and_recurrent_layers_are_not() {
    let shape = Shape::new(1, 4, 2);
    let mut builder = ModelBuilder::new();
    builder.add("data", InputData::new(shape, 16), &[]).unwrap();
    let recurrent = StatefulRecurrent::new(3, 2);
    builder.add("recurrent", recurrent, &[0]).unwrap();
    let recurrent = builder.build().unwrap();
    assert_eq!(check(&recurrent, &Device::two_nodes_ip_v2()).unwrap(), []);
    let mut builder = recurrent.edit();
    builder
        .add("pico", PicoPostProcessing::default(), &[1, 0])
        .unwrap();
    let pico = builder.build().unwrap();
    let found = check(&pico, &Device::two_nodes_ip_v2()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rule, &*found[0].layer), ("layer type", "pico"));
}

#[test]
fn a_layer_of_another_generation_is_refused_by_name() {
    let old: Vec<LayerSpec> = vec![
        InputConvolutional::new(
            Shape::new(8, 8, 1),
            akida_sim::ConvParams::new(Pair::square(3), 2),
        )
        .into(),
    ];
    let new: Vec<LayerSpec> = vec![
        InputData::new(MAP, 4).into(),
        conv(params()),
        Dense1D::new(2).into(),
    ];
    for (layers, devices, kinds, generation) in [
        (
            old,
            devices().to_vec(),
            vec!["InputConvolutional"],
            IpVersion::V1,
        ),
        (
            new,
            vec![Device::akd1000(), Device::akd1500()],
            vec!["Conv2D", "Dense1D"],
            IpVersion::V2,
        ),
    ] {
        let model = chain(layers);
        for device in devices {
            let found = check(&model, &device).unwrap();
            assert!(found.iter().all(|v| v.rule == "generation"));
            for (violation, kind) in found.iter().zip(&kinds) {
                let text = violation.to_string();
                let words = format!(
                    "generation must be that of {}, {}, received {kind}, a layer of {generation}; map the model",
                    device.name,
                    device.ip_version()
                );
                assert!(text.contains(&words), "{text}");
                assert_eq!(violation.effect, Effect::Refused);
            }
            assert_eq!(found.len(), kinds.len());
            for hw_only in [false, true] {
                let error = map(&model, &device, MapMode::AllNps, hw_only).unwrap_err();
                assert_eq!(error.violations(), found);
            }
        }
    }
}

#[test]
fn inputs_of_few_bits_are_of_both_generations() {
    let data = chain(vec![InputData::new(MAP, 4).into()]);
    for device in [Device::akd1000(), Device::six_nodes_ip_v2()] {
        assert_eq!(check(&data, &device).unwrap(), []);
    }
}

#[test]
fn quantizers_run_on_the_host_and_break_nothing() {
    let quantizer = Quantizer {
        input_shape: IMAGE,
        output_bits: 8,
        output_signed: false,
        channels_first: false,
    };
    let mut layers: Vec<LayerSpec> = vec![quantizer.into()];
    layers.extend(image(IMAGE, 2, params()).0);
    layers.push(Dequantizer.into());
    let model = chain(layers);
    let device = Device::two_nodes_ip_v2();
    assert_eq!(check(&model, &device).unwrap(), []);
    let mapping = map(&model, &device, MapMode::AllNps, true).unwrap();
    let names: Vec<_> = mapping.sequences().iter().map(|s| s.name()).collect();
    let expected = [
        "SW/layer_0-layer_0",
        "HW/layer_1-layer_1",
        "SW/layer_2-layer_2",
    ];
    assert_eq!(names, expected);
}
