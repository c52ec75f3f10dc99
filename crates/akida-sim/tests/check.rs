//! Every limit of a chip: a layer at it passes, one past it is named.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use akida_sim::device::{CHIPS, Device, Standing};
use akida_sim::map::{Effect, Violation, check};
use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, IpVersion,
    LayerSpec, ModelBuilder, Padding, Pair, Pooling, SeparableConvolutional, Shape, Weights,
};

const ALL: [Pair; 4] = [
    Pair::square(1),
    Pair::square(3),
    Pair::square(5),
    Pair::square(7),
];

/// A convolution of 3×3 that every chip takes.
fn params() -> ConvParams {
    ConvParams {
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(3), 8)
    }
}

fn max_pool(size: Pair, stride: Pair) -> ConvParams {
    ConvParams {
        pooling: Pooling::Max { size, stride },
        ..params()
    }
}

fn global() -> ConvParams {
    ConvParams {
        pooling: Pooling::GlobalAverage,
        ..params()
    }
}

fn violations(layers: Vec<LayerSpec>) -> Vec<Violation> {
    let mut builder = ModelBuilder::new();
    for (i, layer) in layers.into_iter().enumerate() {
        builder.add(&format!("layer_{i}"), layer, &[]).unwrap();
    }
    check(&builder.build().unwrap(), &Device::akd1000()).unwrap()
}

/// The rules that layers break, the possible ones left out.
fn rules(layers: Vec<LayerSpec>) -> Vec<&'static str> {
    let found = violations(layers);
    let certain = found.iter().filter(|v| v.effect != Effect::Possible);
    certain.map(|v| v.rule).collect()
}

fn image(shape: Shape, conv: ConvParams) -> Vec<&'static str> {
    rules(vec![InputConvolutional::new(shape, conv).into()])
}

fn levels(shape: Shape, layer: impl Into<LayerSpec>) -> Vec<&'static str> {
    // A layer after it, for those that may not be the last.
    let next = Convolutional { conv: params() };
    rules(vec![
        InputData::new(shape, 4).into(),
        layer.into(),
        next.into(),
    ])
}

/// The rules broken by a convolution, which both kinds of convolutions must break.
fn both(shape: Shape, conv: ConvParams) -> Vec<&'static str> {
    let plain = levels(shape, Convolutional { conv: conv.clone() });
    assert_eq!(plain, levels(shape, SeparableConvolutional { conv }));
    plain
}

const NONE: [&str; 0] = [];
const MAP: Shape = Shape::new(8, 8, 2);

#[test]
fn image_width_is_5_to_256_and_height_at_least_5() {
    for (x, y) in [(5, 5), (5, 256), (1000, 256)] {
        assert_eq!(image(Shape::new(x, y, 3), params()), NONE);
    }
    assert_eq!(image(Shape::new(5, 4, 3), params()), ["input width"]);
    assert_eq!(image(Shape::new(5, 257, 3), params()), ["input width"]);
    assert_eq!(image(Shape::new(4, 5, 3), params()), ["input height"]);
}

#[test]
fn image_kernels_are_3_5_7() {
    for size in 1..=8 {
        for other in [size, 3] {
            let kernel_size = Pair::new(size, other);
            let conv = ConvParams {
                kernel_size,
                ..params()
            };
            let fits = ALL[1..].contains(&kernel_size);
            assert_eq!(
                image(Shape::new(9, 9, 1), conv).is_empty(),
                fits,
                "{kernel_size}"
            );
        }
    }
}

#[test]
fn image_strides_are_1_to_3_on_both_axes() {
    for (x, y) in [(1, 1), (2, 2), (3, 3), (4, 4), (1, 2)] {
        let kernel_stride = Pair::new(x, y);
        let found = image(
            Shape::new(16, 16, 1),
            ConvParams {
                kernel_stride,
                ..params()
            },
        );
        assert_eq!(found.is_empty(), x == y && x < 4, "{kernel_stride}");
    }
}

#[test]
fn image_padding_may_be_valid() {
    let padding = Padding::Valid;
    assert_eq!(
        image(
            Shape::new(9, 9, 1),
            ConvParams {
                padding,
                ..params()
            }
        ),
        NONE
    );
}

#[test]
fn image_filters_depend_on_kernel_and_channels() {
    let table = [
        (3, 1, 512),
        (5, 1, 192),
        (7, 1, 96),
        (3, 3, 192),
        (5, 3, 64),
        (7, 3, 32),
    ];
    for (kernel, channels, most) in table {
        let conv = |filters| ConvParams {
            kernel_size: Pair::square(kernel),
            filters,
            ..params()
        };
        let shape = Shape::new(8, 8, channels);
        assert_eq!(image(shape, conv(most)), NONE);
        assert_eq!(image(shape, conv(most + 1)), ["filters"]);
    }
}

#[test]
fn image_pooling_is_up_to_2_with_its_own_stride() {
    let shape = Shape::new(12, 12, 1);
    for (x, y) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let size = Pair::new(x, y);
        assert_eq!(image(shape, max_pool(size, size)), NONE);
    }
    for size in [Pair::square(3), Pair::new(1, 3)] {
        assert_eq!(image(shape, max_pool(size, size)), ["pool_size"]);
    }
    assert_eq!(
        image(shape, max_pool(Pair::square(2), Pair::square(1))),
        ["pool_stride"]
    );
    assert_eq!(image(shape, global()), ["pool_type"]);
}

#[test]
fn images_take_every_width_of_weights_and_levels() {
    for weights_bits in [1, 2, 4, 8] {
        for act_bits in [None, Some(1), Some(2), Some(4)] {
            let conv = ConvParams {
                weights_bits,
                act_bits,
                ..params()
            };
            assert_eq!(image(MAP_IMAGE, conv), NONE);
        }
    }
}

const MAP_IMAGE: Shape = Shape::new(8, 8, 3);

#[test]
fn maps_are_at_most_4096_wide_and_high_with_2048_channels() {
    for shape in [
        Shape::new(4096, 1, 1),
        Shape::new(1, 4096, 1),
        Shape::new(1, 1, 2048),
    ] {
        assert_eq!(both(shape, params()), NONE);
    }
    // The layer after it is as large.
    let twice = |rule| [rule, rule];
    assert_eq!(
        both(Shape::new(4097, 1, 1), params()),
        twice("input height")
    );
    assert_eq!(both(Shape::new(1, 4097, 1), params()), twice("input width"));
    assert_eq!(both(Shape::new(1, 1, 2049), params()), ["input channels"]);
}

#[test]
fn kernels_are_odd_up_to_7_and_separable_ones_not_1() {
    for size in 1..=8 {
        let conv = ConvParams {
            kernel_size: Pair::square(size),
            ..params()
        };
        let plain = levels(MAP, Convolutional { conv: conv.clone() });
        assert_eq!(plain.is_empty(), [1, 3, 5, 7].contains(&size), "{size}");
        let separable = levels(MAP, SeparableConvolutional { conv });
        assert_eq!(separable.is_empty(), [3, 5, 7].contains(&size), "{size}");
    }
    let kernel_size = Pair::new(3, 5);
    assert_eq!(
        both(
            MAP,
            ConvParams {
                kernel_size,
                ..params()
            }
        ),
        ["kernel_size"]
    );
}

#[test]
fn stride_2_needs_a_3x3_kernel() {
    for size in [3, 5, 7] {
        let conv = ConvParams {
            kernel_size: Pair::square(size),
            kernel_stride: Pair::square(2),
            ..params()
        };
        let expected: &[&str] = if size == 3 {
            &[]
        } else {
            &["kernel_size with kernel_stride (2, 2)"]
        };
        assert_eq!(both(MAP, conv), expected);
    }
    for stride in [Pair::square(3), Pair::new(1, 2)] {
        let kernel_stride = stride;
        assert_eq!(
            both(
                MAP,
                ConvParams {
                    kernel_stride,
                    ..params()
                }
            ),
            ["kernel_stride"]
        );
    }
}

#[test]
fn maps_are_padded_with_same_only() {
    let padding = Padding::Valid;
    assert_eq!(
        both(
            MAP,
            ConvParams {
                padding,
                ..params()
            }
        ),
        ["padding"]
    );
}

#[test]
fn max_pooling_is_2x2_with_a_stride_not_above_it() {
    let (one, two, three) = (Pair::square(1), Pair::square(2), Pair::square(3));
    for (size, stride) in [(one, one), (two, one), (two, two)] {
        assert_eq!(both(MAP, max_pool(size, stride)), NONE);
    }
    assert_eq!(both(MAP, max_pool(one, two)), ["pool_stride"]);
    assert_eq!(both(MAP, max_pool(three, two)), ["pool_size"]);
    assert_eq!(both(MAP, max_pool(Pair::new(1, 2), one)), ["pool_size"]);
    assert_eq!(
        both(MAP, max_pool(three, three)),
        ["pool_size", "pool_stride"]
    );
}

/// Every pair of numbers up to 8.
fn pairs() -> impl Iterator<Item = Pair> {
    (1..=8).flat_map(|x| (1..=8).map(move |y| Pair::new(x, y)))
}

#[test]
fn each_axis_of_a_kernel_and_its_stride_is_limited() {
    for pair in pairs() {
        let square = |sizes: &[usize]| pair.x == pair.y && sizes.contains(&pair.x);
        let kernel = ConvParams {
            kernel_size: pair,
            ..params()
        };
        let broken = |fits: bool, rule| if fits { vec![] } else { vec![rule] };
        let plain = levels(
            MAP,
            Convolutional {
                conv: kernel.clone(),
            },
        );
        assert_eq!(
            plain,
            broken(square(&[1, 3, 5, 7]), "kernel_size"),
            "{pair}"
        );
        let separable = levels(MAP, SeparableConvolutional { conv: kernel });
        assert_eq!(
            separable,
            broken(square(&[3, 5, 7]), "kernel_size"),
            "{pair}"
        );
        let stride = ConvParams {
            kernel_stride: pair,
            ..params()
        };
        let expected = broken(square(&[1, 2]), "kernel_stride");
        assert_eq!(both(MAP, stride.clone()), expected, "{pair}");
        let expected = broken(square(&[1, 2, 3]), "kernel_stride");
        assert_eq!(image(Shape::new(16, 16, 1), stride), expected, "{pair}");
    }
}

#[test]
fn each_axis_of_a_pool_and_its_stride_is_limited() {
    let of_image = |conv| image(Shape::new(16, 16, 1), conv);
    for size in pairs() {
        for stride in pairs() {
            let square = |pair: Pair| pair.x == pair.y && pair.x <= 2;
            let mut expected = Vec::new();
            if !square(size) {
                expected.push("pool_size");
            }
            if !square(stride) {
                expected.push("pool_stride");
            }
            if stride.x > size.x || stride.y > size.y {
                expected.push("pool_stride");
            }
            assert_eq!(
                both(MAP, max_pool(size, stride)),
                expected,
                "{size} {stride}"
            );
            let mut expected = Vec::new();
            if size.x > 2 || size.y > 2 {
                expected.push("pool_size");
            }
            if stride != size {
                expected.push("pool_stride");
            }
            assert_eq!(
                of_image(max_pool(size, stride)),
                expected,
                "{size} {stride}"
            );
        }
    }
}

#[test]
fn a_max_pooled_layer_is_followed_by_a_convolution() {
    let pooled = || Convolutional {
        conv: max_pool(Pair::square(2), Pair::square(2)),
    };
    let input = || InputData::new(MAP, 4);
    let rule = ["the layer after max pooling"];
    assert_eq!(rules(vec![input().into(), pooled().into()]), rule);
    let fully = FullyConnected {
        weights_bits: 4,
        ..FullyConnected::new(3)
    };
    assert_eq!(
        rules(vec![input().into(), pooled().into(), fully.into()]),
        rule
    );
    // An image convolution may be followed by anything.
    let image = InputConvolutional::new(MAP_IMAGE, max_pool(Pair::square(2), Pair::square(2)));
    let fully = FullyConnected {
        weights_bits: 4,
        ..FullyConnected::new(3)
    };
    assert_eq!(rules(vec![image.into(), fully.into()]), NONE);
}

#[test]
fn global_average_pooling_takes_3_rows_of_at_most_32_columns() {
    for (x, y) in [(3, 1), (3, 32), (40, 32)] {
        assert_eq!(both(Shape::new(x, y, 1), global()), NONE);
    }
    assert_eq!(
        both(Shape::new(2, 8, 1), global()),
        ["rows before global average pooling"]
    );
    assert_eq!(
        both(Shape::new(8, 33, 1), global()),
        ["width before global average pooling"]
    );
}

#[test]
fn separable_global_average_pooling_takes_more_than_one_position() {
    let rows = "rows before global average pooling";
    let one = Shape::new(1, 1, 4);
    assert_eq!(levels(one, Convolutional { conv: global() }), [rows]);
    let separable = SeparableConvolutional { conv: global() };
    assert_eq!(
        levels(one, separable),
        [rows, "input positions with global average pooling"]
    );
}

#[test]
fn weights_have_at_most_4_bits_and_separable_ones_not_1() {
    for bits in [1, 2, 4, 8] {
        let conv = ConvParams {
            weights_bits: bits,
            ..params()
        };
        let expected: &[&str] = if bits == 8 { &["weights_bits"] } else { &[] };
        assert_eq!(levels(MAP, Convolutional { conv: conv.clone() }), expected);
        let fully = FullyConnected {
            weights_bits: bits,
            ..FullyConnected::new(3)
        };
        assert_eq!(levels(MAP, fully), expected);
        let expected: &[&str] = if [2, 4].contains(&bits) {
            &[]
        } else {
            &["weights_bits"]
        };
        assert_eq!(levels(MAP, SeparableConvolutional { conv }), expected);
    }
}

#[test]
fn a_fully_connected_layer_has_at_most_57334_inputs() {
    let fully = FullyConnected {
        weights_bits: 4,
        ..FullyConnected::new(1)
    };
    assert_eq!(levels(Shape::new(1, 1, 57334), fully.clone()), NONE);
    assert_eq!(levels(Shape::new(2, 109, 263), fully.clone()), NONE);
    assert_eq!(
        levels(Shape::new(1, 1, 57335), fully),
        ["inputs (height x width x channels)"]
    );
}

#[test]
fn a_concat_runs_in_software() {
    let mut builder = ModelBuilder::new();
    let input = builder.add("in", InputData::new(MAP, 4), &[]).unwrap();
    let left = builder
        .add("left", Convolutional { conv: params() }, &[input])
        .unwrap();
    let right = builder
        .add("right", Convolutional { conv: params() }, &[input])
        .unwrap();
    builder.add("join", Concat, &[left, right]).unwrap();
    let found = check(&builder.build().unwrap(), &Device::akd1500()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].layer.as_str(), found[0].rule),
        ("join", "layer type")
    );
    assert_eq!(found[0].effect, Effect::Software);
}

/// One unit on three inputs of 4 bits with the given weight, threshold and step.
fn unit(weight: i8, inputs: usize, threshold: i32, act_step: f32) -> Vec<Violation> {
    let mut builder = ModelBuilder::new();
    builder
        .add("in", InputData::new(Shape::new(1, 1, inputs), 4), &[])
        .unwrap();
    let spec = FullyConnected {
        weights_bits: 4,
        act_bits: Some(4),
        ..FullyConnected::new(1)
    };
    let layer = builder.add("separable_8", spec, &[]).unwrap();
    let weights = Weights::new([1, 1, inputs, 1], vec![weight; inputs]).unwrap();
    builder.set_variable(layer, "weights", weights).unwrap();
    builder
        .set_variable(layer, "threshold", vec![threshold])
        .unwrap();
    builder
        .set_variable(layer, "act_step", vec![act_step])
        .unwrap();
    check(&builder.build().unwrap(), &Device::akd1000()).unwrap()
}

#[test]
fn thresholds_have_20_bits() {
    for threshold in [-524_288, 0, 524_287] {
        assert_eq!(unit(1, 1, threshold, 1.0), []);
    }
    for threshold in [-524_289, 524_288, i32::MIN] {
        let found = unit(1, 1, threshold, 1.0);
        assert_eq!(
            (found[0].rule, found[0].effect),
            ("threshold", Effect::Refused)
        );
        let text = format!("{threshold} cannot fit in a 20-bit signed integer");
        assert!(found[0].to_string().contains(&text), "{}", found[0]);
    }
}

#[test]
fn steps_times_16_have_20_bits() {
    for step in [f32::from_bits(1), 1.0, 65535.0, 65535.94] {
        assert_eq!(unit(1, 1, 0, step), []);
    }
    for step in [65535.97, 65536.0, f32::MAX] {
        let found = unit(1, 1, 0, step);
        assert_eq!(
            (found[0].rule, found[0].effect),
            ("act_step", Effect::Refused)
        );
    }
}

#[test]
fn image_registers_have_4_bits_more() {
    let broken = |threshold, act_step| {
        let mut builder = ModelBuilder::new();
        let conv = ConvParams {
            filters: 1,
            ..params()
        };
        let layer = InputConvolutional::new(Shape::new(8, 8, 1), conv);
        let image = builder.add("image", layer, &[]).unwrap();
        let threshold = vec![threshold];
        builder.set_variable(image, "threshold", threshold).unwrap();
        let act_step = vec![act_step];
        builder.set_variable(image, "act_step", act_step).unwrap();
        let found = check(&builder.build().unwrap(), &Device::akd1000()).unwrap();
        found.iter().map(|v| v.rule).collect::<Vec<_>>()
    };
    for (threshold, act_step) in [(8_388_607, 1.0), (-8_388_608, 1.0), (0, 1_048_575.94)] {
        assert_eq!(broken(threshold, act_step), NONE);
    }
    for threshold in [8_388_608, -8_388_609] {
        assert_eq!(broken(threshold, 1.0), ["threshold"]);
    }
    assert_eq!(broken(0, 1_048_576.0), ["act_step"]);
}

#[test]
fn the_documented_error_is_reproduced() {
    let found = unit(1, 1, 0, 77_892.375);
    let text = found[0].to_string();
    assert!(
        text.starts_with("Error when programming layer 'separable_8': "),
        "{text}"
    );
    assert!(
        text.contains("1246278 cannot fit in a 20-bit unsigned integer"),
        "{text}"
    );
    assert!(text.contains("gamma"), "{text}");
}

/// The remedy for a separable layer with the given thresholds and steps, one per filter.
fn remedy(pooling: Pooling, threshold: Vec<i32>, act_step: Vec<f32>) -> String {
    let mut builder = ModelBuilder::new();
    builder
        .add("events", InputData::new(Shape::new(5, 5, 1), 4), &[])
        .unwrap();
    let conv = ConvParams {
        pooling,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(3), act_step.len())
    };
    let layer = builder.add("conv", Convolutional { conv }, &[]).unwrap();
    builder.set_variable(layer, "threshold", threshold).unwrap();
    builder.set_variable(layer, "act_step", act_step).unwrap();
    let found = check(&builder.build().unwrap(), &Device::akd1000()).unwrap();
    let mut refused = found.into_iter().filter(|v| v.effect == Effect::Refused);
    let remedy = refused.next().unwrap().remedy;
    assert!(refused.next().is_none());
    remedy
}

#[test]
fn a_single_wide_step_is_put_down_to_the_gamma_of_its_filter() {
    // 65535.9375 is the largest step that fits: 196,608 is a little more than three times as much.
    let text = remedy(Pooling::None, vec![0; 4], vec![10.0, 10.0, 196_608.0, 10.0]);
    assert!(text.contains("19661 times the median"), "{text}");
    assert!(text.contains("gamma at least 3.1 times as large"), "{text}");
    assert!(!text.contains("max_value"), "{text}");
}

#[test]
fn steps_wide_throughout_are_put_down_to_the_layer_and_not_to_a_filter() {
    let steps = vec![449_603.6, 449_000.0, 444_169.0];
    let text = remedy(Pooling::None, vec![0; 3], steps.clone());
    assert!(text.contains("train it"), "{text}");
    assert!(
        text.contains("max_value of its activation 6.9 times"),
        "{text}"
    );
    assert!(
        !text.contains("remove the filter") && !text.contains("positions"),
        "{text}"
    );
    let text = remedy(Pooling::GlobalAverage, vec![0; 3], steps);
    assert!(
        text.contains("sums 25 positions, of which at this scale 3 fit"),
        "{text}"
    );
}

#[test]
fn a_threshold_as_wide_as_half_a_step_is_put_down_to_the_scale_and_not_to_a_bias() {
    // Without a bias the threshold is half the distance of two levels, 600,000 here.
    let found = unit(1, 1, 600_000, 1_200_000.0);
    let rules: Vec<_> = found.iter().map(|v| v.rule).collect();
    assert_eq!(rules, ["threshold", "act_step"]);
    for violation in &found {
        let text = &violation.remedy;
        assert!(
            text.contains("train it") && !text.contains("bias"),
            "{text}"
        );
    }
    let biased = unit(1, 1, -600_000, 1_200_000.0);
    assert!(biased[0].remedy.contains("bias"), "{}", biased[0].remedy);
}

#[test]
fn a_wide_threshold_is_put_down_to_a_dead_filter_or_a_large_bias() {
    // The convolution has no weights but zeros: no potential is above 0.
    let text = remedy(Pooling::None, vec![0, 600_000], vec![10.0; 2]);
    assert!(text.contains("never fires; remove the filter"), "{text}");
    let text = remedy(Pooling::None, vec![0, -600_000], vec![10.0; 2]);
    assert!(
        text.contains("bias") && text.contains("1.2 times smaller"),
        "{text}"
    );
    let text = remedy(
        Pooling::None,
        vec![0, 0, 600_000],
        vec![10.0, 10.0, 60_000.0],
    );
    assert!(text.contains("gamma"), "{text}");
}

#[test]
fn potentials_that_could_leave_20_bits_are_reported_and_do_not_stop() {
    // 4993 inputs of 15 times 7 are 524,265; one more is 524,370. -7: one more than -524,288 allows.
    assert_eq!(unit(7, 4993, 0, 1.0), []);
    assert_eq!(unit(-7, 4993, 0, 1.0), []);
    for weight in [7, -7] {
        let found = unit(weight, 4994, 0, 1.0);
        assert_eq!(
            (found[0].rule, found[0].effect),
            ("potential", Effect::Possible)
        );
        assert!(found[0].to_string().contains("524370"), "{}", found[0]);
    }
}

#[test]
fn all_violations_are_found_at_once() {
    let conv = ConvParams {
        kernel_size: Pair::square(9),
        padding: Padding::Valid,
        weights_bits: 8,
        ..params()
    };
    let fully = FullyConnected {
        weights_bits: 8,
        ..FullyConnected::new(3)
    };
    let input = InputData::new(Shape::new(12, 12, 1), 4);
    let found = violations(vec![
        input.into(),
        Convolutional { conv }.into(),
        fully.into(),
    ]);
    let places: Vec<(&str, &str)> = found.iter().map(|v| (v.layer.as_str(), v.rule)).collect();
    let expected = [
        ("layer_1", "kernel_size"),
        ("layer_1", "padding"),
        ("layer_1", "weights_bits"),
        ("layer_2", "weights_bits"),
    ];
    assert_eq!(places, expected);
    assert!(
        found
            .iter()
            .all(|v| !v.source.is_empty() && !v.remedy.is_empty())
    );
}

#[test]
fn every_value_of_a_chip_has_a_source() {
    for chip in CHIPS {
        assert!(
            chip.facts()
                .iter()
                .all(|(what, value, _, source)| !what.is_empty()
                    && !value.is_empty()
                    && !source.is_empty())
        );
        for (layer, limits) in chip.limits.all() {
            for limit in limits {
                assert!(!limit.source.is_empty(), "{layer}: {}", limit.rule);
                assert_ne!(limit.standing, Standing::Assumed, "{layer}: {}", limit.rule);
            }
        }
        let device = Device::by_name(&chip.name.to_lowercase()).unwrap();
        let generation = device.version.ip_version();
        assert_eq!(device.ip_version(), generation);
        assert_eq!(device.limits.ip_version(), generation);
        assert_eq!(generation == IpVersion::V2, chip.name.ends_with("v2"));
        assert_eq!(device.mesh.nps.len(), chip.nps.value);
    }
    assert_eq!(Device::by_name("AKD2000"), None);
}
