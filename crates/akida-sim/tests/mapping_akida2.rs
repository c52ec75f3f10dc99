//! Mappings of Akida 2.0 models: whatever the model, nothing panics and every mapping is whole.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "common/akida2.rs"]
mod akida2;
#[allow(dead_code, reason = "shared with other tests")]
mod common;
#[path = "common/placement.rs"]
mod placement;
#[path = "common/zoo_akida2.rs"]
mod zoo;

use akida_sim::device::{Device, HwVersion, NpType, SramSize};
use akida_sim::map::{Effect, EstimateRefusal, MapMode, check, map};
use akida_sim::{
    Add, BufferTempConv, Concatenate, Conv2D, Conv2DParams, Dense1D, DepthwiseConv2D, Dequantizer,
    InputData, Model, ModelBuilder, Pooling, Shape, StatefulRecurrent, Statistics, TemporalParams,
};
use akida2::Kind;
use common::Random;
use placement::check_mapping;

const MODES: [MapMode; 3] = [MapMode::Minimal, MapMode::AllNps, MapMode::HwPr];
const KINDS: [Kind; 3] = [Kind::Still, Kind::Queues, Kind::Recurrent];
const VERSION: HwVersion = HwVersion::new(0xa2, 1, 0);

fn devices() -> Vec<Device> {
    let sram = |input_bytes, weight_bytes| SramSize {
        input_bytes,
        weight_bytes,
    };
    vec![
        Device::two_nodes_ip_v2(),
        Device::six_nodes_ip_v2(),
        Device::six_nodes_ip_v2().with_revision("2.10").unwrap(),
        Device::custom(6, 3, true, Some(sram(300, 200)), VERSION, 1),
        Device::custom(3, 1, false, Some(sram(5000, 4000)), VERSION, 0),
        Device::custom(5, 0, true, None, VERSION, 2),
        Device::custom(0, 1, true, None, VERSION, 0),
        Device::custom(0, 0, false, Some(sram(1, 1)), VERSION, 0),
        Device::custom(1, 0, true, Some(sram(usize::MAX, usize::MAX)), VERSION, 0),
    ]
}

#[test]
fn random_models_are_placed_on_every_device() {
    let mut whole = 0;
    for seed in 0..150 {
        for kind in KINDS {
            let model = akida2::model(&mut Random::new(seed), kind);
            for device in devices() {
                let broken = check(&model, &device).unwrap();
                assert!(broken.iter().all(|v| v.effect == Effect::Software));
                assert!(broken.iter().all(|v| !v.remedy.is_empty()));
                for mode in MODES {
                    let mapping = map(&model, &device, mode, false).unwrap();
                    check_mapping(&model, &mapping);
                    assert_eq!(mapping.violations(), broken);
                    let alone = map(&model, &device, mode, true);
                    assert_eq!(alone.is_err(), !broken.is_empty());
                    let hardware = mapping.sequences().iter().filter(|s| s.is_hardware());
                    assert!(!broken.is_empty() || hardware.clone().count() <= 1);
                    whole += usize::from(broken.is_empty());
                }
            }
        }
    }
    assert!(whole > 100, "{whole} models were placed whole");
}

/// Adds layers of the size of `source`, some around which skip connections lead; gives the last one.
fn block(random: &mut Random, builder: &mut ModelBuilder, source: usize, depth: usize) -> usize {
    let channels = builder.layers()[source].connection().output.shape.c;
    let chain = |random: &mut Random, builder: &mut ModelBuilder, filters: usize| {
        let inner = block(random, builder, source, depth - 1);
        let last = Conv2D {
            filters,
            conv: Conv2DParams::new(1),
        };
        builder.add("", last, &[inner]).unwrap()
    };
    match random.below(if depth == 0 { 3 } else { 7 }) {
        0 => {
            let conv = Conv2DParams::new(random.pick(&[3, 5, 7]));
            builder
                .add("", DepthwiseConv2D { conv }, &[source])
                .unwrap()
        }
        1 | 2 => {
            let filters = 1 + random.below(9);
            let conv = Conv2DParams::new(random.pick(&[1, 3, 5, 7]));
            builder
                .add("", Conv2D { filters, conv }, &[source])
                .unwrap()
        }
        3 | 4 => {
            let inner = chain(random, builder, channels);
            builder.add("", Add::default(), &[inner, source]).unwrap()
        }
        5 => {
            let filters = [1 + random.below(9), 1 + random.below(9)];
            let branches = filters.map(|filters| chain(random, builder, filters));
            builder.add("", Concatenate, &branches).unwrap()
        }
        _ => {
            let first = block(random, builder, source, depth - 1);
            block(random, builder, first, depth - 1)
        }
    }
}

/// A random model whose layers all keep the limits, with nested skip connections, and maybe a layer that does not.
fn graph(random: &mut Random, odd: bool) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(16, 12, 1 + random.below(6)), 8);
    let mut last = builder.add("", data, &[]).unwrap();
    let blocks = 1 + random.below(3);
    let broken = odd.then(|| random.below(blocks));
    for index in 0..blocks {
        last = block(random, &mut builder, last, 3);
        let mut conv = Conv2DParams::new(if broken == Some(index) { 9 } else { 3 });
        match random.below(3) {
            0 => conv.kernel_stride = 2,
            1 => {
                conv.pooling = Pooling::Max {
                    size: akida_sim::Pair::square(2),
                    stride: akida_sim::Pair::square(2),
                };
            }
            _ => {}
        }
        last = builder
            .add("", Conv2D { filters: 4, conv }, &[last])
            .unwrap();
        if conv.pooling != Pooling::None {
            let conv = Conv2DParams::new(1);
            last = builder
                .add("", Conv2D { filters: 4, conv }, &[last])
                .unwrap();
        }
    }
    if random.below(2) == 0 {
        last = builder.add("", Dense1D::new(3), &[last]).unwrap();
    }
    builder.add("", Dequantizer, &[last]).unwrap();
    builder.build().unwrap()
}

#[test]
fn random_skip_connections_are_placed_on_every_device() {
    let (mut skips, mut short) = (0, 0);
    for seed in 0..200 {
        let odd = seed % 4 == 0;
        let model = graph(&mut Random::new(seed), odd);
        for device in devices() {
            let broken = check(&model, &device).unwrap();
            for mode in MODES {
                let mapping = map(&model, &device, mode, false).unwrap();
                check_mapping(&model, &mapping);
                assert_eq!(mapping.violations(), broken);
                assert_eq!(
                    map(&model, &device, mode, true).is_err(),
                    !broken.is_empty()
                );
                let hardware = mapping.sequences().iter().filter(|s| s.is_hardware());
                assert!(!broken.is_empty() || hardware.count() == 1);
                skips += mapping.skip_connections().len();
            }
            short += usize::from(broken.iter().any(|v| v.rule == "skip connections at once"));
        }
        // Nothing is known of the memory and the channels of a device by its name.
        let named = check(&model, &Device::six_nodes_ip_v2()).unwrap();
        assert_eq!(named.is_empty(), !odd, "seed {seed}: {named:?}");
    }
    assert!(skips > 1000 && short > 100, "{skips} skips, {short} short");
}

#[test]
fn models_of_the_zoo_are_placed_whole() {
    let bytes = 48 * 1024;
    let sram = SramSize {
        input_bytes: bytes,
        weight_bytes: bytes,
    };
    let devices = [
        Device::two_nodes_ip_v2(),
        Device::six_nodes_ip_v2(),
        Device::custom(128, 4, true, Some(sram), VERSION, 4),
    ];
    for (name, model) in zoo::models() {
        for device in &devices {
            assert_eq!(check(&model, device).unwrap(), [], "{name} on {device}");
            for mode in MODES {
                let mapping = map(&model, device, mode, true).unwrap();
                check_mapping(&model, &mapping);
                let hardware = mapping.sequences().iter().filter(|s| s.is_hardware());
                assert_eq!(hardware.count(), 1, "{name} on {device}");
                let on_host = mapping.sequences().iter().filter(|s| !s.is_hardware());
                for sequence in on_host {
                    let layer = &model.layers()[sequence.layers().start];
                    let kind = layer.spec().type_name();
                    assert!(
                        ["Quantizer", "Dequantizer"].contains(&kind),
                        "{name}: {kind}"
                    );
                }
                // Nothing public tells sizes of programs, or speed.
                let programs = mapping.sequences().iter().map(|s| s.program_bytes());
                assert!(programs.into_iter().all(|program| program.is_none()));
                let dense = vec![0.5; model.layers().len()];
                let statistics = Statistics::assumed(&model, 1.0, &dense).unwrap();
                let refusal = mapping.estimate(&model, &statistics).unwrap_err();
                assert!(matches!(refusal, EstimateRefusal::Device { .. }));
                assert_eq!(refusal.remedy(), None);
                assert!(statistics.effective_macs() > 0.0);
            }
        }
    }
}

#[test]
fn other_modes_take_more_nps() {
    for (name, model) in zoo::models() {
        let device = Device::six_nodes_ip_v2();
        let nps = |mode| map(&model, &device, mode, true).unwrap().nps();
        let passes = |mode| map(&model, &device, mode, true).unwrap().passes();
        assert!(nps(MapMode::AllNps) >= nps(MapMode::Minimal), "{name}");
        assert_eq!(passes(MapMode::AllNps), passes(MapMode::Minimal), "{name}");
    }
}

fn conv(filters: usize) -> Conv2D {
    Conv2D {
        filters,
        conv: Conv2DParams::new(3),
    }
}

/// Blocks of two convolutions, each added to what it reads.
fn residual(blocks: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(16, 16, 8), 8);
    let mut last = builder.add("data", data, &[]).unwrap();
    for block in 0..blocks {
        let first = builder.add(&format!("a{block}"), conv(8), &[last]).unwrap();
        let second = builder
            .add(&format!("b{block}"), conv(8), &[first])
            .unwrap();
        last = builder
            .add(&format!("add{block}"), Add::default(), &[second, last])
            .unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn each_skip_connection_takes_a_channel_of_its_pass() {
    let model = residual(3);
    let channels = |count| Device::custom(20, 1, true, None, VERSION, count);
    for (count, passes) in [(3, 1), (4, 1), (2, 2), (1, 3)] {
        let mapping = map(&model, &channels(count), MapMode::Minimal, true).unwrap();
        check_mapping(&model, &mapping);
        assert_eq!(mapping.passes(), passes, "{count} channels");
        let skips = mapping.skip_connections().iter();
        let ends: Vec<_> = skips.map(|s| (s.producer, s.consumer)).collect();
        assert_eq!(ends, [(0, 3), (3, 6), (6, 9)]);
    }
    let found = check(&model, &channels(0)).unwrap();
    let rules: Vec<_> = found.iter().map(|v| (v.layer.as_str(), v.rule)).collect();
    let rule = "skip connections at once";
    assert_eq!(rules, [("add0", rule), ("add1", rule), ("add2", rule)]);
    assert!(
        found[0]
            .to_string()
            .contains("create the device with num_skip_dma_channel=1"),
        "{}",
        found[0]
    );
    let mapping = map(&model, &channels(0), MapMode::Minimal, false).unwrap();
    check_mapping(&model, &mapping);
    assert_eq!(mapping.skip_connections(), []);
    let named = map(&model, &Device::two_nodes_ip_v2(), MapMode::Minimal, true).unwrap();
    assert_eq!(named.skip_connections().len(), 3);
}

#[test]
fn nested_skip_connections_need_a_channel_each_at_once() {
    // As in a U-Net: what goes in early comes out late.
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(8, 8, 2), 8);
    builder.add("data", data, &[]).unwrap();
    for index in 0..4 {
        builder.add(&format!("down{index}"), conv(4), &[]).unwrap();
    }
    let mut last = 4;
    for index in (1..4).rev() {
        let join = builder
            .add(&format!("join{index}"), Concatenate, &[last, index])
            .unwrap();
        last = builder
            .add(&format!("up{index}"), conv(4), &[join])
            .unwrap();
    }
    let model = builder.build().unwrap();
    for count in 0..5 {
        let device = Device::custom(20, 1, true, None, VERSION, count);
        let found = check(&model, &device).unwrap();
        let mapping = map(&model, &device, MapMode::Minimal, false).unwrap();
        check_mapping(&model, &mapping);
        let skips = found
            .iter()
            .filter(|v| v.rule == "skip connections at once");
        assert_eq!(skips.clone().count(), 3_usize.saturating_sub(count));
        for violation in skips {
            assert!(
                violation.remedy.ends_with("num_skip_dma_channel=3"),
                "{violation}"
            );
        }
        // Branches are on the device as a whole, or not at all.
        assert_eq!(
            mapping.skip_connections().len(),
            if count < 3 { 0 } else { 3 }
        );
        assert_eq!(found.is_empty(), count >= 3);
    }
}

#[test]
fn a_branch_with_a_layer_in_software_is_joined_in_software() {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(8, 8, 2), 8);
    builder.add("data", data, &[]).unwrap();
    builder.add("stem", conv(4), &[]).unwrap();
    let odd = Conv2D {
        filters: 4,
        conv: Conv2DParams::new(9),
    };
    builder.add("odd", odd, &[1]).unwrap();
    builder.add("even", conv(4), &[2]).unwrap();
    builder.add("add", Add::default(), &[3, 1]).unwrap();
    builder.add("last", conv(4), &[4]).unwrap();
    builder.add("end", conv(4), &[5]).unwrap();
    let model = builder.build().unwrap();
    let device = Device::six_nodes_ip_v2();
    let mapping = map(&model, &device, MapMode::AllNps, false).unwrap();
    check_mapping(&model, &mapping);
    let names: Vec<_> = mapping.sequences().iter().map(|s| s.name()).collect();
    assert_eq!(
        names,
        [
            "HW/data-stem",
            "SW/odd-odd",
            "HW/even-even",
            "SW/add-add",
            "HW/last-end"
        ]
    );
    let found = check(&model, &device).unwrap();
    let rules: Vec<_> = found.iter().map(|v| (v.layer.as_str(), v.rule)).collect();
    assert_eq!(
        rules,
        [("odd", "kernel_size"), ("add", "the branches of the layer")]
    );
    assert!(
        found[1]
            .to_string()
            .contains("received \"odd\" in software")
    );
}

#[test]
fn a_pooled_layer_goes_to_software_with_the_layer_that_follows_it() {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(8, 8, 2), 8);
    builder.add("data", data, &[]).unwrap();
    builder.add("stem", conv(4), &[]).unwrap();
    let pooling = Pooling::Max {
        size: akida_sim::Pair::square(2),
        stride: akida_sim::Pair::square(2),
    };
    let mut pooled = conv(4);
    pooled.conv.pooling = pooling;
    builder.add("pooled", pooled, &[]).unwrap();
    let odd = DepthwiseConv2D {
        conv: Conv2DParams::new(1),
    };
    builder.add("odd", odd, &[]).unwrap();
    let model = builder.build().unwrap();
    let mapping = map(&model, &Device::six_nodes_ip_v2(), MapMode::AllNps, false).unwrap();
    let names: Vec<_> = mapping.sequences().iter().map(|s| s.name()).collect();
    assert_eq!(names, ["HW/data-stem", "SW/pooled-odd"]);
    let rules: Vec<_> = mapping.violations().iter().map(|v| v.rule).collect();
    assert_eq!(rules, ["the layer after max pooling", "kernel_size"]);
}

#[test]
fn memory_that_the_caller_gives_cuts_layers_into_parts() {
    // Rows of 16 positions, 8 channels and 8 bits take 128 bytes, filters of 3x3 on 8 channels 72 bytes.
    let model = residual(0).edit();
    let mut builder = model;
    builder.add("conv", conv(8), &[]).unwrap();
    let model = builder.build().unwrap();
    let nps = |input_bytes, weight_bytes| {
        let sram = SramSize {
            input_bytes,
            weight_bytes,
        };
        let device = Device::custom(64, 1, true, Some(sram), VERSION, 0);
        map(&model, &device, MapMode::Minimal, true).map(|mapping| {
            check_mapping(&model, &mapping);
            mapping.nps()
        })
    };
    assert_eq!(nps(16 * 128, 8 * 72), Ok(1));
    assert_eq!(nps(16 * 128 - 1, 8 * 72), Ok(2));
    assert_eq!(nps(16 * 128, 8 * 72 - 1), Ok(2));
    assert_eq!(nps(4 * 128, 2 * 72), Ok(16));
    let rule = |input_bytes, weight_bytes| {
        let error = nps(input_bytes, weight_bytes).unwrap_err();
        error.violations()[0].rule
    };
    assert_eq!(rule(127, 1000), "bytes of an input row");
    assert_eq!(rule(1000, 71), "bytes of a filter");
    assert_eq!(rule(128, 72), "NPs of the layer");
    // Memory that nobody knows cuts nothing.
    let named = map(&model, &Device::two_nodes_ip_v2(), MapMode::Minimal, true).unwrap();
    assert_eq!(named.nps(), 1);
    assert_eq!(named.layers()[1].nps[0].input_bytes, 16 * 128);
}

#[test]
fn layers_take_units_of_their_type() {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(1, 4, 6), 8);
    builder.add("data", data, &[]).unwrap();
    let temporal = TemporalParams::new(3);
    let queue = BufferTempConv {
        filters: 5,
        temporal,
    };
    builder.add("queue", queue, &[]).unwrap();
    builder
        .add("recurrent", StatefulRecurrent::new(3, 2), &[])
        .unwrap();
    builder.add("conv", conv(4), &[]).unwrap();
    builder.add("dense", Dense1D::new(2), &[]).unwrap();
    builder.add("floats", Dequantizer, &[]).unwrap();
    let model = builder.build().unwrap();
    let device = Device::custom(3, 2, true, None, VERSION, 0);
    let mapping = map(&model, &device, MapMode::Minimal, true).unwrap();
    check_mapping(&model, &mapping);
    let kinds: Vec<_> = mapping
        .layers()
        .iter()
        .map(|l| l.nps.first().map(|np| np.kind))
        .collect();
    let expected = [
        None,
        Some(NpType::TnpB),
        Some(NpType::TnpR),
        Some(NpType::Cnp1),
        Some(NpType::Fnp3),
        None,
    ];
    assert_eq!(kinds, expected);
    // The queue holds three maps of a row of 4 positions and 6 channels.
    let np = &mapping.layers()[1].nps[0];
    assert_eq!((np.input_bytes, np.weight_bytes), (3 * 4 * 6, 3 * 6 * 5));
    // 5 x 3 and 3 x 2 weights project into and out of the states.
    assert_eq!(mapping.layers()[2].nps[0].weight_bytes, 5 * 3 + 3 * 2);
    let without = Device::custom(0, 2, true, None, VERSION, 0);
    let rules: Vec<_> = check(&model, &without)
        .unwrap()
        .iter()
        .map(|v| (v.layer.clone(), v.rule))
        .collect();
    let rule = "NPs of the layer";
    let layers = ["queue", "recurrent", "conv"];
    assert_eq!(rules, layers.map(|layer| (layer.into(), rule)));
}

#[test]
fn depthwise_layers_hold_the_filters_of_their_channels_alone() {
    let mut builder = ModelBuilder::new();
    let data = InputData::new(Shape::new(8, 8, 32), 8);
    builder.add("data", data, &[]).unwrap();
    let depthwise = DepthwiseConv2D {
        conv: Conv2DParams::new(5),
    };
    builder.add("depthwise", depthwise, &[]).unwrap();
    let model = builder.build().unwrap();
    let mapping = map(&model, &Device::six_nodes_ip_v2(), MapMode::Minimal, true).unwrap();
    assert_eq!(mapping.layers()[1].nps[0].weight_bytes, 25 * 32);
}
