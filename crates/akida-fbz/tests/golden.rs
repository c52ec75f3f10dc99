//! Files in `tests/data`, which must be readable for ever; see the README there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{decode, encode};
use akida_sim::LayerSpec;
use common::{every_layer, every_layer_akida2, payload_of, tiny, tiny_akida2};
use std::collections::BTreeSet;
use std::path::PathBuf;

const TINY: &[u8] = include_bytes!("data/tiny.fbz");
const EVERY_LAYER: &[u8] = include_bytes!("data/every_layer.fbz");
const TINY_BY_FLATC: &[u8] = include_bytes!("data/tiny_by_flatc.fbz");
const TINY_2: &[u8] = include_bytes!("data/tiny_akida2.fbz");
const EVERY_LAYER_2: &[u8] = include_bytes!("data/every_layer_akida2.fbz");
const TINY_2_BY_FLATC: &[u8] = include_bytes!("data/tiny_akida2_by_flatc.fbz");

#[test]
fn the_bytes_of_tiny_models_are_those_of_the_golden_files() {
    for (model, file) in [(tiny(), TINY), (tiny_akida2(), TINY_2)] {
        let compression = file[10];
        assert_eq!(compression, 0, "a compressor could change");
        assert_eq!(encode(&model).unwrap(), file);
        assert_eq!(decode(file).unwrap(), model);
    }
}

#[test]
fn the_payloads_of_every_layer_are_those_of_the_golden_files() {
    // What the compressor makes of the payload may change with its version; the payload may not.
    for (model, file) in [
        (every_layer(), EVERY_LAYER),
        (every_layer_akida2(), EVERY_LAYER_2),
    ] {
        assert_eq!(payload_of(&encode(&model).unwrap()), payload_of(file));
        assert_eq!(decode(file).unwrap(), model);
    }
}

#[test]
fn the_golden_files_have_every_layer_type() {
    let models = [tiny(), every_layer(), every_layer_akida2()];
    let layers = models.iter().flat_map(|model| model.layers());
    let types: BTreeSet<&str> = layers.map(|layer| layer.spec().type_name()).collect();
    assert_eq!(types, LayerSpec::TYPES.iter().copied().collect());
}

#[test]
fn payloads_written_by_flatc_from_json_are_the_same_models() {
    for (model, file, ours) in [
        (tiny(), TINY_BY_FLATC, TINY),
        (tiny_akida2(), TINY_2_BY_FLATC, TINY_2),
    ] {
        assert_ne!(file, ours);
        assert_eq!(decode(file).unwrap(), model);
    }
}

#[test]
#[ignore = "writes new golden files to the folder in GOLDEN_OUT"]
fn write_golden_files() {
    let folder = PathBuf::from(std::env::var_os("GOLDEN_OUT").unwrap());
    for (name, model) in [
        ("tiny", tiny()),
        ("every_layer", every_layer()),
        ("tiny_akida2", tiny_akida2()),
        ("every_layer_akida2", every_layer_akida2()),
    ] {
        let path = folder.join(name).with_extension("fbz");
        std::fs::write(path, encode(&model).unwrap()).unwrap();
    }
}
