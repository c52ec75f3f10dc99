//! Mappings: every layer in one sequence, every filter and row once, no NP twice, no memory exceeded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod common;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "published/networks.rs"]
mod networks;
#[path = "common/placement.rs"]
mod placement;

use akida_sim::device::{Device, HwVersion, NpType, SramSize};
use akida_sim::map::{Effect, MapMode, check, map};
use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputData, LayerSpec, Model, ModelBuilder,
    Pair, Pooling, Shape,
};
use placement::check_mapping;

const MODES: [MapMode; 3] = [MapMode::Minimal, MapMode::AllNps, MapMode::HwPr];

fn devices() -> Vec<Device> {
    let small = SramSize {
        input_bytes: 300,
        weight_bytes: 200,
    };
    let version = HwVersion::new(0, 0, 2);
    vec![
        Device::akd1000(),
        Device::akd1500(),
        Device::two_nodes_ip_v1(),
        Device::custom(6, 3, true, Some(small), version, 0),
        Device::custom(5, 0, false, None, version, 0),
        Device::custom(0, 1, true, None, version, 0),
        Device::custom(0, 0, true, None, version, 0),
    ]
}

/// The same layers with initial variables, which no register refuses.
fn blank(model: &Model) -> Model {
    let mut builder = ModelBuilder::new();
    for layer in model.layers() {
        builder
            .add(layer.name(), layer.spec().clone(), layer.inbounds())
            .unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn random_models_are_placed_whole_on_every_device() {
    let mut random = common::Random::new(6);
    for _ in 0..300 {
        let model = blank(&random.model());
        for device in devices() {
            let broken = check(&model, &device)
                .unwrap()
                .iter()
                .any(|v| v.effect == Effect::Software);
            for mode in MODES {
                let mapping = map(&model, &device, mode, false).unwrap();
                check_mapping(&model, &mapping);
                assert_eq!(map(&model, &device, mode, true).is_err(), broken);
                assert!(broken || mapping.sequences().len() == 1);
            }
        }
    }
}

#[test]
fn published_networks_are_placed_whole() {
    for model in [
        networks::kws(),
        networks::wide_image(),
        networks::plant_village(),
        networks::yolo(2),
    ] {
        for device in [Device::akd1000(), Device::akd1500()] {
            for mode in MODES {
                let mapping = map(&model, &device, mode, true).unwrap();
                check_mapping(&model, &mapping);
                assert!(
                    mapping.nps() >= map(&model, &device, MapMode::Minimal, true).unwrap().nps()
                );
            }
        }
    }
}

fn conv(filters: usize, pooling: Pooling) -> LayerSpec {
    let conv = ConvParams {
        weights_bits: 4,
        act_bits: Some(4),
        pooling,
        ..ConvParams::new(Pair::square(3), filters)
    };
    Convolutional { conv }.into()
}

fn fully(weights_bits: u8) -> LayerSpec {
    FullyConnected {
        units: 4,
        weights_bits,
        act_bits: Some(4),
    }
    .into()
}

fn chain(shape: Shape, layers: Vec<LayerSpec>) -> Model {
    let mut builder = ModelBuilder::new();
    builder.add("input", InputData::new(shape, 4), &[]).unwrap();
    for (i, layer) in layers.into_iter().enumerate() {
        builder.add(&format!("layer_{i}"), layer, &[]).unwrap();
    }
    builder.build().unwrap()
}

fn names(model: &Model) -> Vec<String> {
    let mapping = map(model, &Device::akd1000(), MapMode::Minimal, false).unwrap();
    mapping
        .sequences()
        .iter()
        .map(|s| s.name().to_string())
        .collect()
}

#[test]
fn layers_that_the_chip_cannot_run_are_left_to_software() {
    let model = chain(
        Shape::new(8, 8, 2),
        vec![conv(4, Pooling::None), fully(8), fully(4)],
    );
    assert_eq!(
        names(&model),
        [
            "HW/input-layer_0",
            "SW/layer_1-layer_1",
            "HW/layer_2-layer_2"
        ]
    );
    let error = map(&model, &Device::akd1000(), MapMode::Minimal, true).unwrap_err();
    assert_eq!(error.violations().len(), 1);
    assert!(
        error
            .to_string()
            .contains(r#"layer "layer_1": weights_bits must be one of 1, 2, 4"#)
    );
}

#[test]
fn pooled_layers_go_to_software_with_the_layer_that_follows_them() {
    let mut odd = conv(4, Pooling::None);
    if let LayerSpec::Convolutional(layer) = &mut odd {
        layer.conv.kernel_size = Pair::square(9);
    }
    let model = chain(
        Shape::new(16, 16, 2),
        vec![
            conv(4, Pooling::None),
            conv(4, networks::POOL),
            conv(4, networks::POOL),
            odd,
        ],
    );
    assert_eq!(names(&model), ["HW/input-layer_0", "SW/layer_1-layer_3"]);
    let found = check(&model, &Device::akd1000()).unwrap();
    let rules: Vec<(&str, &str)> = found.iter().map(|v| (v.layer.as_str(), v.rule)).collect();
    let pooled = "the layer after max pooling";
    assert_eq!(
        rules,
        [
            ("layer_1", pooled),
            ("layer_2", pooled),
            ("layer_3", "kernel_size")
        ]
    );
}

#[test]
fn branches_are_cut_at_the_concat() {
    let mut builder = ModelBuilder::new();
    let input = builder
        .add("input", InputData::new(Shape::new(8, 8, 2), 4), &[])
        .unwrap();
    let stem = builder
        .add("stem", conv(4, Pooling::None), &[input])
        .unwrap();
    let left = builder
        .add("left", conv(4, Pooling::None), &[stem])
        .unwrap();
    let right = builder
        .add("right", conv(4, Pooling::None), &[stem])
        .unwrap();
    builder.add("join", Concat, &[left, right]).unwrap();
    builder.add("last", conv(4, Pooling::None), &[]).unwrap();
    let names = names(&builder.build().unwrap());
    assert_eq!(
        names,
        [
            "HW/input-stem",
            "HW/left-left",
            "HW/right-right",
            "SW/join-join",
            "HW/last-last"
        ]
    );
}

#[test]
fn a_layer_too_large_for_the_chip_is_told_how_many_filters_fit() {
    // 72 bytes of weights per filter: 519 filters on an NP, 8 NPs.
    let at = chain(Shape::new(8, 8, 16), vec![conv(8 * 519, Pooling::None)]);
    assert_eq!(check(&at, &Device::two_nodes_ip_v1()).unwrap(), []);
    let past = chain(Shape::new(8, 8, 16), vec![conv(8 * 519 + 1, Pooling::None)]);
    let found = check(&past, &Device::two_nodes_ip_v1()).unwrap();
    assert_eq!((found.len(), found[0].rule), (1, "NPs of the layer"));
    assert!(
        found[0].to_string().contains("use at most 4152 filters"),
        "{}",
        found[0]
    );
}

#[test]
fn a_map_too_high_for_the_chip_is_told_how_many_rows_and_channels_fit() {
    // One row of 40 columns and 2,000 channels fills the input memory of an NP.
    let map = |rows, channels| {
        let shape = Shape::new(rows, 40, channels);
        let model = chain(shape, vec![conv(1, Pooling::None)]);
        check(&model, &Device::two_nodes_ip_v1()).unwrap()
    };
    let found = map(9, 2000);
    let remedy = "use at most 1000 input channels, or maps of at most 8 rows";
    assert_eq!(found[0].remedy, remedy);
    for (rows, channels) in [(8, 2000), (9, 1000)] {
        assert_eq!(map(rows, channels), []);
    }
    assert_ne!(map(9, 1001), []);
}

#[test]
fn the_inferred_limit_on_rows_refuses_nothing() {
    let high = chain(Shape::new(4096, 8, 2), vec![conv(4, Pooling::None)]);
    let mapping = map(&high, &Device::akd1000(), MapMode::Minimal, true).unwrap();
    assert_eq!(mapping.nps(), 1);
    let lower = chain(Shape::new(80 * 32, 8, 2), vec![conv(4, Pooling::None)]);
    let mapping = map(&lower, &Device::akd1000(), MapMode::Minimal, true).unwrap();
    assert_eq!(mapping.nps(), 80);
}

#[test]
fn a_row_or_filter_larger_than_a_memory_is_refused() {
    // 40,000 bytes hold a row of 40 columns with 2,000 channels of 4 bits.
    let row = |columns| chain(Shape::new(1, columns, 2000), vec![conv(1, Pooling::None)]);
    assert_eq!(check(&row(40), &Device::akd1000()).unwrap(), []);
    let found = check(&row(41), &Device::akd1000()).unwrap();
    assert_eq!(found[0].rule, "bytes of an input row");
    assert!(found[0].remedy.contains("a width of 40"), "{}", found[0]);
    let sram = SramSize {
        input_bytes: 1000,
        weight_bytes: 9,
    };
    let device = Device::custom(4, 0, true, Some(sram), HwVersion::new(0, 0, 2), 0);
    let filter = |channels| chain(Shape::new(4, 4, channels), vec![conv(1, Pooling::None)]);
    assert_eq!(check(&filter(2), &device).unwrap(), []);
    assert_eq!(
        check(&filter(3), &device).unwrap()[0].rule,
        "bytes of a filter"
    );
}

#[test]
fn units_that_a_device_lacks_are_named() {
    let version = HwVersion::new(0, 0, 2);
    let rule = |device: &Device, model: &Model| check(model, device).unwrap()[0].rule;
    let no_hrc = Device::custom(4, 2, false, None, version, 0);
    assert_eq!(rule(&no_hrc, &networks::kws()), "image convolution unit");
    let no_fnp = Device::custom(4, 0, true, None, version, 0);
    let dense = chain(Shape::new(1, 1, 8), vec![fully(4)]);
    assert_eq!(rule(&no_fnp, &dense), "weights");
}

#[test]
fn fully_connected_layers_beyond_the_memory_of_an_np_read_external_memory() {
    // 37,400 bytes hold 4 units of 18,700 4-bit inputs.
    for (inputs, kind) in [(18_700, NpType::Fnp3), (18_701, NpType::Fnp2)] {
        let model = chain(Shape::new(1, 1, inputs), vec![fully(4)]);
        let mapping = map(&model, &Device::akd1000(), MapMode::Minimal, true).unwrap();
        assert_eq!(mapping.layers()[1].nps[0].kind, kind);
    }
}

#[test]
fn two_layers_with_external_weights_take_turns() {
    let layers = vec![
        FullyConnected {
            units: 1000,
            weights_bits: 4,
            act_bits: Some(4),
        }
        .into(),
        FullyConnected {
            units: 1000,
            weights_bits: 4,
            act_bits: Some(4),
        }
        .into(),
    ];
    let mapping = map(
        &chain(Shape::new(1, 1, 1000), layers),
        &Device::akd1000(),
        MapMode::AllNps,
        true,
    )
    .unwrap();
    assert_eq!((mapping.nps(), mapping.passes()), (2, 2));
}
