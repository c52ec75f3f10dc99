//! Files in `tests/data`, which must be readable for ever; see the README there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{decode, encode};
use common::{every_layer, payload_of, tiny};

const TINY: &[u8] = include_bytes!("data/tiny.fbz");
const EVERY_LAYER: &[u8] = include_bytes!("data/every_layer.fbz");
const TINY_BY_FLATC: &[u8] = include_bytes!("data/tiny_by_flatc.fbz");

#[test]
fn the_bytes_of_the_tiny_model_are_those_of_the_golden_file() {
    assert_eq!(
        TINY[10], 0,
        "stored without compression, which could change"
    );
    assert_eq!(encode(&tiny()).unwrap(), TINY);
    assert_eq!(decode(TINY).unwrap(), tiny());
}

#[test]
fn the_payload_of_every_layer_is_that_of_the_golden_file() {
    // What the compressor makes of the payload may change with its version; the payload may not.
    let file = encode(&every_layer()).unwrap();
    assert_eq!(payload_of(&file), payload_of(EVERY_LAYER));
    assert_eq!(decode(EVERY_LAYER).unwrap(), every_layer());
}

#[test]
fn a_payload_written_by_flatc_from_json_is_the_same_model() {
    assert_ne!(TINY_BY_FLATC, TINY);
    assert_eq!(decode(TINY_BY_FLATC).unwrap(), tiny());
}

#[test]
#[ignore = "writes new golden files to the folder in GOLDEN_OUT"]
fn write_golden_files() {
    let folder = std::path::PathBuf::from(std::env::var_os("GOLDEN_OUT").unwrap());
    std::fs::write(folder.join("tiny.fbz"), encode(&tiny()).unwrap()).unwrap();
    let every_layer = encode(&every_layer()).unwrap();
    std::fs::write(folder.join("every_layer.fbz"), every_layer).unwrap();
}
