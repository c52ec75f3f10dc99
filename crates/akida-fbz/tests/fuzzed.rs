//! What fuzzing has found, and what it starts from: each file in `tests/regressions/<target>` once made that target
//! fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod targets;

use akida_fbz::encode;
use common::*;
use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("decode", targets::decode),
    ("decode_payload", targets::decode_payload),
    ("decode_encode", targets::decode_encode),
    ("build_model", targets::build::build_model),
    ("run_model", targets::run_model),
    ("map_model", targets::map_model),
];

/// What every target starts from: small models of every layer type of both generations, as the target takes them.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let numbers = |seed: u32| -> Vec<u32> {
        (0..40)
            .map(|i| (seed * 40 + i).wrapping_mul(0x9E37_79B1) >> 5)
            .collect()
    };
    let models = (0..16).map(|seed| model_of(&numbers(seed)));
    let files = models
        .chain([tiny(), every_layer(), tiny_akida2(), every_layer_akida2()])
        .map(|model| encode(&model).unwrap());
    match target {
        "decode" => files.collect(),
        "build_model" => (0..24)
            .map(|seed| numbers(seed).iter().map(|n| (n >> 9) as u8).collect())
            .collect(),
        _ => files
            .flat_map(|file| {
                let payload = payload_of(&file);
                let [low, high, ..] = (payload.len() as u32).to_le_bytes();
                let deflated = miniz_oxide::deflate::compress_to_vec(&payload, 6);
                [payload, [&[1, low, high], &deflated[..]].concat()]
            })
            .collect(),
    }
}

#[test]
fn every_target_passes_its_seeds_and_their_cuts_and_flips() {
    for (name, target) in TARGETS {
        for seed in seeds(name) {
            target(&seed);
            for at in (0..seed.len()).step_by(7) {
                target(&seed[..at]);
                let mut flipped = seed.clone();
                flipped[at] ^= 1 << (at % 8);
                target(&flipped);
            }
        }
    }
}

#[test]
fn what_fuzzing_found_stays_repaired() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let mut replayed = 0;
    for (name, target) in TARGETS {
        let Ok(files) = fs::read_dir(folder.join(name)) else {
            continue;
        };
        for file in files {
            target(&fs::read(file.unwrap().path()).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "the folder of what was found is gone");
}

/// `scripts/fuzz` asks for the files that fuzzing starts from.
#[test]
#[ignore = "writes files: FUZZ_SEEDS names the folder"]
fn write_the_seeds() {
    let folder = std::env::var("FUZZ_SEEDS").unwrap();
    for (name, _) in TARGETS {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds(name).iter().enumerate() {
            fs::write(folder.join(format!("seed_{number:02}")), seed).unwrap();
        }
    }
}
