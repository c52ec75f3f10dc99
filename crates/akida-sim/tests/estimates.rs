//! Estimates against the published AKD1500 benchmarks (brainchip_devhub): the fit of the constants, and the errors on models that
//! were held out from it.
//!
//! Per-layer sparsities are published for AkidaNet 1.0/224, PlantVillage (an AkidaNet 0.5/224) and arrhythmia alone. The other
//! networks are given those of the first where they have its width, else those of the second. The keyword and visual wake
//! word networks are left out: nothing is published of their sparsity.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "published/networks.rs"]
mod networks;

use akida_sim::device::{Device, Fact, Timing};
use akida_sim::map::{Estimate, MapMode, map};
use akida_sim::{FullyConnected, InputData, Model, ModelBuilder, Shape, Statistics};
use networks::*;

/// Percent of zeros among the outputs of each layer.
const WIDE: [f64; 15] = [
    47.15, 61.01, 65.57, 48.88, 62.10, 72.49, 48.29, 60.30, 68.44, 75.37, 81.62, 67.49, 91.93,
    68.07, 0.29,
];
const PLANT: [f64; 16] = [
    31.83, 51.38, 57.84, 43.97, 41.81, 64.18, 44.12, 56.34, 62.88, 67.96, 76.68, 62.30, 88.24,
    63.78, 59.94, 0.03,
];
const ARRHYTHMIA: [f64; 6] = [68.55, 57.62, 80.69, 72.77, 71.98, 0.0];

struct Row {
    network: &'static str,
    mode: MapMode,
    model: Model,
    sparsity: &'static [f64],
    cycles: f64,
    millijoules: f64,
}

fn rows() -> Vec<Row> {
    let akida = |w, size| akidanet(w, size).fully(&[1000]);
    let mut all = Vec::new();
    let mut add =
        |network, model: Model, sparsity: &'static [f64], modes: &[(MapMode, f64, f64)]| {
            for &(mode, cycles, millijoules) in modes {
                all.push(Row {
                    network,
                    mode,
                    model: model.clone(),
                    sparsity,
                    cycles,
                    millijoules,
                });
            }
        };
    let (minimal, every, parts) = (MapMode::Minimal, MapMode::AllNps, MapMode::HwPr);
    let rows = [(minimal, 50512691.0, 29.753), (parts, 41274237.0, 27.102)];
    add("1.0/224", akida(4, 224), &WIDE, &rows);
    let rows = [(minimal, 36261735.0, 14.090), (parts, 11024084.0, 7.304)];
    add("0.5/224", akida(2, 224), &PLANT, &rows);
    let rows = [
        (minimal, 14867433.0, 5.376),
        (every, 9825823.0, 3.976),
        (parts, 4613118.0, 2.569),
    ];
    add("0.25/224", akida(1, 224), &PLANT, &rows);
    let rows = [
        (minimal, 38299862.0, 18.891),
        (every, 32085266.0, 16.683),
        (parts, 23211956.0, 14.074),
    ];
    add("1.0/160", akida(4, 160), &WIDE, &rows);
    let rows = [
        (minimal, 24259988.0, 8.788),
        (every, 16988126.0, 6.743),
        (parts, 8233113.0, 4.476),
    ];
    add("0.5/160", akida(2, 160), &PLANT, &rows);
    let rows = [
        (minimal, 8417975.0, 2.976),
        (every, 5554226.0, 2.180),
        (parts, 3210457.0, 1.574),
    ];
    add("0.25/160", akida(1, 160), &PLANT, &rows);
    let rows = [(minimal, 36418493.0, 14.839), (every, 18314559.0, 9.389)];
    add("PlantVillage", plant_village(), &PLANT, &rows);
    let rows = [(minimal, 976262.0, 0.372), (every, 249873.0, 0.185)];
    add("arrhythmia", arrhythmia(), &ARRHYTHMIA, &rows);
    all
}

/// The networks that the constants are fitted to.
const FITTED: [&str; 3] = ["1.0/224", "0.5/224", "0.25/224"];

fn estimate(row: &Row, timing: Timing) -> Estimate {
    let mut device = Device::akd1500();
    device.timing = Some(timing);
    let shares: Vec<f64> = row.sparsity.iter().map(|s| s / 100.0).collect();
    let layers = row.model.layers().len();
    // Published lists may have one layer more, the second of two heads.
    let statistics = Statistics::assumed(&row.model, 1.0, &shares[..layers]).unwrap();
    let mapping = map(&row.model, &device, row.mode, true).unwrap();
    mapping.estimate(&row.model, &statistics).unwrap()
}

fn constants() -> Timing {
    Device::akd1500().timing.unwrap()
}

fn with(value: f64, fact: Fact<f64>) -> Fact<f64> {
    Fact { value, ..fact }
}

/// The two coefficients with the smallest relative squared errors: rows of (first, second, target).
fn least_squares(rows: &[(f64, f64, f64)]) -> (f64, f64) {
    let sum = |f: &dyn Fn(&(f64, f64, f64)) -> f64| rows.iter().map(f).sum::<f64>();
    let (aa, ab, bb) = (
        sum(&|r| r.0 * r.0),
        sum(&|r| r.0 * r.1),
        sum(&|r| r.1 * r.1),
    );
    let (a, b) = (sum(&|r| r.0 * r.2), sum(&|r| r.1 * r.2));
    let det = aa * bb - ab * ab;
    ((a * bb - b * ab) / det, (b * aa - a * ab) / det)
}

#[test]
fn the_constants_are_those_of_the_fit() {
    let t = constants();
    let zero = |fact| with(0.0, fact);
    let clock = t.clock_mhz.value * 1e3;
    let mut latency = Vec::new();
    let mut energy = Vec::new();
    for row in rows().iter().filter(|r| FITTED.contains(&r.network)) {
        // One constant at a time; a speed without bound leaves a term out.
        let endless = with(f64::INFINITY, t.macs_per_cycle);
        let fixed = Timing {
            macs_per_cycle: endless,
            separable_weight_cycles: zero(t.separable_weight_cycles),
            ..t
        };
        let first = Timing {
            macs_per_cycle: with(1.0, t.macs_per_cycle),
            ..fixed
        };
        let second = Timing {
            separable_weight_cycles: with(1.0, t.separable_weight_cycles),
            ..fixed
        };
        let cycles = |timing| estimate(row, timing).latency_ms * clock;
        let base = cycles(fixed);
        latency.push((
            (cycles(first) - base) / row.cycles,
            (cycles(second) - base) / row.cycles,
            1.0 - base / row.cycles,
        ));
        let still = Timing {
            floor_mw: zero(t.floor_mw),
            mac_pj: zero(t.mac_pj),
            reload_nj: zero(t.reload_nj),
            ..t
        };
        let mac = Timing {
            mac_pj: with(1.0, t.mac_pj),
            ..still
        };
        let reload = Timing {
            reload_nj: with(1.0, t.reload_nj),
            ..still
        };
        let floor = t.floor_mw.value * row.cycles / clock * 1e-3;
        let mj = |timing| estimate(row, timing).energy_mj / row.millijoules;
        energy.push((mj(mac), mj(reload), 1.0 - floor / row.millijoules));
    }
    let (per_mac, per_weight) = least_squares(&latency);
    let (mac_pj, reload_nj) = least_squares(&energy);
    let found = [1.0 / per_mac, per_weight, mac_pj, reload_nj];
    let held = [
        t.macs_per_cycle,
        t.separable_weight_cycles,
        t.mac_pj,
        t.reload_nj,
    ];
    for (found, held) in found.into_iter().zip(held) {
        assert!(
            (found / held.value - 1.0).abs() < 0.005,
            "{found}: {held:?}"
        );
    }
}

#[test]
fn constants_of_single_layers_are_those_of_the_published_one() {
    let t = constants();
    let clock = t.clock_mhz.value * 1e3;
    // AkidaNet 1.0/224: conv_0 has 112 x 112 x 32 outputs, the classifier 1,024 x 1,000 weights.
    let image = 2.0207 * clock / (112.0 * 112.0 * 32.0);
    let fully = 4.9773 * clock / (1024.0 * 1000.0);
    assert!((image - t.image_cycles.value).abs() < 0.005, "{image}");
    assert!(
        (fully - t.fully_weight_cycles.value).abs() < 0.005,
        "{fully}"
    );
}

/// Relative errors of held-out rows, smallest first.
fn errors(of: impl Fn(&Row) -> f64) -> Vec<f64> {
    let rows = rows();
    let held = rows.iter().filter(|r| !FITTED.contains(&r.network));
    let mut errors: Vec<f64> = held.map(|r| (of(r) - 1.0).abs()).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

#[test]
fn errors_on_held_out_models_are_those_that_estimates_carry() {
    let t = constants();
    let clock = t.clock_mhz.value * 1e3;
    let latency = errors(|r| estimate(r, t).latency_ms * clock / r.cycles);
    let energy = errors(|r| estimate(r, t).energy_mj / r.millijoules);
    assert_eq!((latency.len(), energy.len()), (13, 13));
    for (errors, carried) in [(latency, t.latency_error), (energy, t.energy_error)] {
        let (median, largest) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        let rounded = |e: f64| (e * 1000.0).round() / 1000.0;
        assert_eq!(
            (rounded(median), rounded(largest)),
            (carried.median, carried.largest),
            "{errors:?}"
        );
    }
}

#[test]
fn an_estimate_says_that_it_is_none_of_a_measurement() {
    let text = estimate(&rows()[0], constants()).to_string();
    assert!(text.starts_with("estimated, not measured: "), "{text}");
    assert_eq!(text.matches('±').count(), 4);
}

#[test]
fn there_is_no_estimate_without_benchmarks_or_with_software() {
    let row = &rows()[0];
    let statistics = Statistics::assumed(&row.model, 1.0, &[0.5; 15]).unwrap();
    let refusal = |device: &Device, model: &Model, statistics: &Statistics| {
        let mapping = map(model, device, MapMode::Minimal, false).unwrap();
        mapping.estimate(model, statistics).unwrap_err().to_string()
    };
    let text = refusal(&Device::akd1000(), &row.model, &statistics);
    assert!(text.starts_with("no estimate for AKD1000: "), "{text}");
    let mut builder = ModelBuilder::new();
    builder
        .add("input", InputData::new(Shape::new(1, 1, 4), 4), &[])
        .unwrap();
    let wide = FullyConnected {
        weights_bits: 8,
        ..FullyConnected::new(2)
    };
    builder.add("wide", wide, &[]).unwrap();
    let model = builder.build().unwrap();
    let halves = Statistics::assumed(&model, 0.5, &[0.5; 2]).unwrap();
    let text = refusal(&Device::akd1500(), &model, &halves);
    assert!(text.contains("SW/input-wide runs in software"), "{text}");
    let text = refusal(&Device::akd1500(), &row.model, &halves);
    assert!(text.contains("a model with other layers"), "{text}");
}

/// So many layers that each read their weights from external memory, which one NP alone can do.
fn taking_turns(layers: usize) -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1000), 4);
    builder.add("input", input, &[]).unwrap();
    for _ in 0..layers {
        let fully = FullyConnected {
            weights_bits: 4,
            act_bits: Some(4),
            ..FullyConnected::new(1000)
        };
        builder.add("", fully, &[]).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn weights_are_loaded_again_for_each_input_where_there_are_two_passes_or_more() {
    for layers in 1..=4 {
        let model = taking_turns(layers);
        let halves = Statistics::assumed(&model, 0.5, &vec![0.5; layers + 1]).unwrap();
        let mapped = |reload_nj| {
            let mut device = Device::akd1500();
            let timing = constants();
            device.timing = Some(Timing {
                reload_nj: with(reload_nj, timing.reload_nj),
                ..timing
            });
            map(&model, &device, MapMode::Minimal, true).unwrap()
        };
        assert_eq!(mapped(0.0).passes(), layers);
        let energy = |reload_nj| {
            mapped(reload_nj)
                .estimate(&model, &halves)
                .unwrap()
                .energy_mj
        };
        // A layer has a million weights of 4 bits. A nanojoule is a millionth of a millijoule.
        let loaded = if layers > 1 { layers as f64 * 0.5 } else { 0.0 };
        let found = energy(1.0) - energy(0.0);
        assert!((found - loaded).abs() < 1e-9, "{layers} passes: {found}");
    }
}
