//! A file holds the old model or the new one, whatever ends the program that writes it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{ReadError, WriteError, inspect_file, read_file, write_file};
use akida_sim::*;
use common::tiny;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Names the file that a child process writes; see [`in_a_child`].
const PATH: &str = "AKIDA_FBZ_TEST_PATH";

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const EFBIG: i32 = 27;
const ENOSPC: i32 = 28;

/// A model of half a megabyte that hardly compresses; `seed` changes its weights.
fn large(seed: u64) -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1000), 4);
    builder.add("in", input, &[]).unwrap();
    let spec = FullyConnected {
        weights_bits: 8,
        ..FullyConnected::new(500)
    };
    let layer = builder.add("out", spec, &[]).unwrap();
    let mut state = seed;
    let values = (0..500_000).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 56) as i8).max(-127)
    });
    let weights = Weights::new([1, 1, 1000, 500], values.collect()).unwrap();
    builder
        .set_variable(layer, Variable::Weights(weights))
        .unwrap();
    builder.build().unwrap()
}

/// The name of the test, run in a process of its own by `shell`, with the file to write.
fn in_a_child(test: &str, shell: &str, path: &Path) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--quiet"])
        .env(PATH, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn path_of_child() -> PathBuf {
    std::env::var_os(PATH).unwrap().into()
}

fn temporary_files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tmp")).count()
}

#[test]
#[ignore = "part of the tests below"]
fn child_that_writes_without_end() {
    let models = [large(1), large(2)];
    loop {
        for model in &models {
            write_file(path_of_child(), model).unwrap();
        }
    }
}

#[test]
fn a_program_that_is_ended_while_it_writes_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    let models = [tiny(), large(1), large(2)];
    write_file(&path, &models[0]).unwrap();
    // Until some of the programs have been ended in the middle of a file.
    let mut cut_short = 0;
    let mut round = 0;
    while round < 12 || (cut_short < 3 && round < 60) {
        let mut child = in_a_child("child_that_writes_without_end", "", &path);
        std::thread::sleep(Duration::from_millis(40 + 17 * (round % 12) as u64));
        let signal = ["KILL", "INT", "TERM"][round % 3];
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(Command::new("kill").args(kill).status().unwrap().success());
        assert!(!child.wait().unwrap().success());
        let model = read_file(&path).unwrap();
        assert!(models.contains(&model), "round {round}");
        cut_short = temporary_files(folder.path());
        // What is left of an attempt is in nobody's way.
        write_file(&path, &models[0]).unwrap();
        round += 1;
    }
}

#[test]
#[ignore = "part of the tests below"]
fn child_whose_disk_is_full() {
    let error = write_file(path_of_child(), &large(1)).unwrap_err();
    let WriteError::Io { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.raw_os_error(), Some(EFBIG));
}

#[test]
fn a_file_that_finds_no_room_leaves_the_old_one_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    write_file(&path, &tiny()).unwrap();
    // Files of at most 100 blocks; without the trap, the system would end the program.
    let shell = "trap '' XFSZ; ulimit -f 100;";
    let mut child = in_a_child("child_whose_disk_is_full", shell, &path);
    assert!(child.wait().unwrap().success());
    assert_eq!(read_file(&path).unwrap(), tiny());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_full_is_named_with_the_number_of_the_system() {
    let error = write_file("/dev/full", &tiny()).unwrap_err();
    let WriteError::Io { path, source } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (path.as_path(), source.raw_os_error()),
        (Path::new("/dev/full"), Some(ENOSPC))
    );
    assert!(error.to_string().starts_with("/dev/full: "));
}

#[test]
fn reading_changes_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    write_file(&path, &large(1)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let state = || {
        let metadata = fs::metadata(&path).unwrap();
        (metadata.modified().unwrap(), fs::read(&path).unwrap())
    };
    let before = state();
    read_file(&path).unwrap();
    inspect_file(&path).unwrap();
    assert_eq!(state(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn places_without_a_file_are_refused_with_the_number_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.fbz");
    write_file(&file, &tiny()).unwrap();
    let cases = [
        (folder.path().join("missing.fbz"), ENOENT, None),
        (
            folder.path().join("missing/model.fbz"),
            ENOENT,
            Some(ENOENT),
        ),
        (file.join("model.fbz"), ENOTDIR, Some(ENOTDIR)),
        (folder.path().to_path_buf(), EISDIR, Some(EISDIR)),
    ];
    for (path, read, write) in cases {
        match read_file(&path).unwrap_err() {
            ReadError::Io { source, .. } => assert_eq!(source.raw_os_error(), Some(read)),
            other => panic!("{other}"),
        }
        let result = write_file(&path, &tiny());
        match (result, write) {
            (Ok(()), None) => {}
            (Err(WriteError::Io { source, .. }), Some(number)) => {
                assert_eq!(source.raw_os_error(), Some(number));
            }
            (result, _) => panic!("{}: {result:?}", path.display()),
        }
    }
}
