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
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Names the file that a child process writes; see [`in_a_child`].
const PATH: &str = "AKIDA_FBZ_TEST_PATH";

const ENOENT: i32 = 2;
const EACCES: i32 = 13;
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
    builder.set_variable(layer, "weights", weights).unwrap();
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

/// Part of [`a_disk_that_is_full_keeps_the_old_file`]: the folder is a disk of its own, with little room.
#[test]
#[ignore = "part of the test below"]
fn child_on_a_small_disk() {
    let path = path_of_child();
    write_file(&path, &tiny()).unwrap();
    let error = write_file(&path, &large(1)).unwrap_err();
    let WriteError::Io { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.raw_os_error(), Some(ENOSPC));
    assert_eq!(read_file(&path).unwrap(), tiny());
    let folder = path.parent().unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}

/// Where the system lets a process mount something for itself; elsewhere a file's greatest length stands for the disk's,
/// in the test above.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=100k none '{}'",
        folder.path().display()
    );
    let alone = ["--user", "--map-root-user", "--mount", "sh", "-c"];
    let probe = Command::new("unshare").args(alone).arg(&mount).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return;
    }
    let status = Command::new("unshare")
        .args(alone)
        .arg(format!("{mount} && exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_on_a_small_disk", "--ignored", "--quiet"])
        .env(PATH, folder.path().join("model.fbz"))
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
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

#[test]
#[ignore = "part of the test below"]
fn child_without_permissions() {
    let folder = path_of_child();
    let read = |name: &str| match read_file(folder.join(name)).unwrap_err() {
        ReadError::Io { source, .. } => source.raw_os_error(),
        other => panic!("{other}"),
    };
    assert_eq!(read("unreadable.fbz"), Some(EACCES));
    assert_eq!(read("shut/model.fbz"), Some(EACCES));
    for name in ["read_only.fbz", "closed/model.fbz", "closed/new.fbz"] {
        let path = folder.join(name);
        match write_file(&path, &large(1)).unwrap_err() {
            WriteError::Io {
                path: named,
                source,
            } => {
                assert_eq!((named, source.raw_os_error()), (path, Some(EACCES)));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn files_and_folders_without_permission_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let allow = |name: &str, mode| {
        fs::set_permissions(place(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in ["closed", "shut"] {
        fs::create_dir(place(name)).unwrap();
    }
    let files = [
        ("unreadable.fbz", 0o000),
        ("read_only.fbz", 0o444),
        ("closed/model.fbz", 0o666),
        ("shut/model.fbz", 0o666),
    ];
    for (name, mode) in files {
        write_file(place(name), &tiny()).unwrap();
        allow(name, mode);
    }
    // What forbids nothing to the administrator is tried as somebody else, who has to reach the program.
    let program = place("program");
    // A program that any process has open for writing is not run. So another process copies it: what this process has open is
    // open in the children of other tests, too.
    let copied = Command::new("cp")
        .arg(std::env::current_exe().unwrap())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let mut child = Command::new(&program);
    child
        .args(["--exact", "child_without_permissions", "--ignored"])
        .env(PATH, folder.path());
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        child.uid(65534).gid(65534);
    }
    let modes = [
        ("", 0o755),
        ("program", 0o755),
        ("closed", 0o555),
        ("shut", 0),
    ];
    for (name, mode) in modes {
        allow(name, mode);
    }
    let output = child.output().unwrap();
    for (name, _) in modes {
        allow(name, 0o755);
    }
    assert!(output.status.success(), "{output:?}");
    for (name, _) in files {
        allow(name, 0o644);
        assert_eq!(read_file(place(name)).unwrap(), tiny(), "{name}");
    }
    assert_eq!(temporary_files(&place("closed")), 0);
}
