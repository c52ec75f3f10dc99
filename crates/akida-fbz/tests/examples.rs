//! The examples run, and say what they should.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::write_file;
use akida_sim::{Values, ops};
use common::{every_layer, every_layer_akida2, tiny};
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

/// Runs an example that the build of this test has built.
fn run(name: &str, arguments: &[&OsStr]) -> Output {
    let built = std::env::current_exe().unwrap();
    let folder = built.ancestors().nth(2).unwrap().join("examples");
    let program = folder
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    let started = Command::new(program).args(arguments).output();
    started.expect("`cargo test` builds the examples, unless it is told to build one test alone")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn run_model_takes_raw_and_npy_inputs_and_writes_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let model = every_layer();
    write_file(path("m.fbz"), &model).unwrap();
    let values: Vec<u8> = (0..2 * 6 * 5 * 3).map(|i| (i * 37 % 256) as u8).collect();
    fs::write(path("raw"), &values).unwrap();
    let mut header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 6, 5, 3), }".to_vec();
    header.resize(117, b' ');
    header.push(b'\n');
    let npy = [b"\x93NUMPY\x01\x00\x76\x00", &header[..], &values].concat();
    fs::write(path("in.npy"), npy).unwrap();

    let mut expected = Vec::new();
    for input in values.chunks(6 * 5 * 3) {
        let Some(Values::I32(outputs)) = ops::run(&model, input).unwrap().pop() else {
            panic!("the last layer has no activation");
        };
        expected.extend(outputs.iter().flat_map(|v| v.to_le_bytes()));
    }
    let paths = ["m.fbz", "raw", "in.npy", "out.npy"].map(path);
    for inputs in [&paths[1], &paths[2]] {
        let arguments = [&paths[0], inputs, &paths[3]].map(|p| p.as_os_str());
        let result = run("run_model", &arguments);
        assert!(result.status.success(), "{}", text(&result.stderr));
        let out = fs::read(&paths[3]).unwrap();
        assert_eq!(out.len() % 64, expected.len());
        assert!(out.ends_with(&expected));
        assert!(text(&out).contains("'descr': '<i4'") && text(&out).contains("(2, 1, 1, 3)"));
    }
    fs::write(&paths[1], [0; 5]).unwrap();
    let refused = run("run_model", &[paths[0].as_os_str(), paths[1].as_os_str()]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("multiple of 90"));
}

#[test]
fn inspect_shows_layers_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.fbz");
    write_file(&path, &tiny()).unwrap();
    let out = text(&run("inspect", &[path.as_os_str()]).stdout);
    assert!(out.contains("296 bytes, payload of 264\n"), "{out}");
    assert!(
        out.contains("weights: 5 of 2 bits, 1 of them zero"),
        "{out}"
    );
    write_file(&path, &every_layer_akida2()).unwrap();
    let out = text(&run("inspect", &[path.as_os_str()]).stdout);
    for line in [
        "max_value: 50 to 200, 1 without",
        "output_shift: -8 to 3",
        "in_proj: 6 of 8 bits",
    ] {
        assert!(out.contains(line), "{line} in {out}");
    }
}

#[test]
fn the_camera_loop_allocates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.fbz");
    write_file(&path, &every_layer()).unwrap();
    for arguments in [&[][..], &[path.as_os_str()]] {
        let result = run("camera_loop", arguments);
        assert!(result.status.success(), "{}", text(&result.stderr));
        assert!(text(&result.stdout).contains("\n0 allocations in the loop\n"));
    }
}
