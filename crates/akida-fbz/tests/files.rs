//! Reading and writing by path.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{
    DecodeErrorKind, EncodeErrorKind, Limits, ReadError, WriteError, encode, read_file,
    read_file_with, write_file, write_file_with,
};
use common::*;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn decode_kind(result: Result<akida_sim::Model, ReadError>) -> DecodeErrorKind {
    match result.unwrap_err() {
        ReadError::Decode(error) => error.kind(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_written_file_has_the_encoded_bytes_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    for model in [tiny(), every_layer(), tiny()] {
        write_file(&path, &model).unwrap();
        assert_eq!(fs::read(&path).unwrap(), encode(&model).unwrap());
        assert_eq!(read_file(&path).unwrap(), model);
        assert_eq!(names(folder.path()), ["model.fbz"]);
    }
}

#[test]
fn a_model_that_cannot_be_encoded_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    write_file(&path, &tiny()).unwrap();
    let limits = Limits::default().with_max_weights(10);
    let error = write_file_with(&path, &every_layer(), &limits).unwrap_err();
    assert!(matches!(error, WriteError::Encode(e) if e.kind() == EncodeErrorKind::Limit));
    assert_eq!(read_file(&path).unwrap(), tiny());
    assert_eq!(names(folder.path()), ["model.fbz"]);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("model.fbz");
    let error = write_file(&path, &tiny()).unwrap_err();
    let WriteError::Io { source, .. } = &error else {
        panic!("not an I/O error");
    };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    #[cfg(unix)]
    assert_eq!(source.raw_os_error(), Some(2));
    assert!(
        error.to_string().starts_with(path.to_str().unwrap()),
        "{error}"
    );
    let error = read_file(&path).unwrap_err();
    let ReadError::Io { source, .. } = &error else {
        panic!("not an I/O error");
    };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    #[cfg(unix)]
    assert_eq!(source.raw_os_error(), Some(2));
    assert!(
        error.to_string().starts_with(path.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_folder_in_the_place_of_the_file_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    fs::create_dir(&path).unwrap();
    assert!(matches!(
        write_file(&path, &tiny()),
        Err(WriteError::Io { .. })
    ));
    assert!(matches!(read_file(&path), Err(ReadError::Io { .. })));
    assert_eq!(names(folder.path()), ["model.fbz"]);
}

#[cfg(unix)]
#[test]
fn a_failed_rename_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    // Too long for a file, which shows only when the temporary one is renamed to it.
    let path = folder.path().join("x".repeat(300));
    assert!(matches!(
        write_file(&path, &tiny()),
        Err(WriteError::Io { .. })
    ));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_followed_and_kept() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    symlink("inner/second", folder.path().join("first")).unwrap();
    symlink("model.fbz", inner.join("second")).unwrap();
    // The first time, the chain of links leads to nothing yet.
    for model in [tiny(), every_layer()] {
        write_file(folder.path().join("first"), &model).unwrap();
        assert_eq!(read_file(inner.join("model.fbz")).unwrap(), model);
        assert!(folder.path().join("first").is_symlink());
        assert!(inner.join("second").is_symlink());
        assert_eq!(names(&inner), ["model.fbz", "second"]);
        assert_eq!(names(folder.path()), ["first", "inner"]);
    }
    symlink("loop", folder.path().join("loop")).unwrap();
    let result = write_file(folder.path().join("loop"), &tiny());
    assert!(matches!(result, Err(WriteError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn an_existing_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    write_file(&path, &tiny()).unwrap();
    for mode in [0o600, 0o664] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        write_file(&path, &every_layer()).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode
        );
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let reader = {
        let path = path.clone();
        std::thread::spawn(move || fs::read(path).unwrap())
    };
    write_file(&path, &tiny()).unwrap();
    assert_eq!(reader.join().unwrap(), encode(&tiny()).unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
}

#[cfg(unix)]
#[test]
fn an_endless_file_is_not_read_to_its_end() {
    assert_eq!(decode_kind(read_file("/dev/zero")), DecodeErrorKind::NotFbz);
}

#[test]
fn a_file_beyond_the_limits_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    write_file(&path, &every_layer()).unwrap();
    let stored = fs::metadata(&path).unwrap().len() - 32;
    for max in [0, stored / 2, stored - 1, stored] {
        let limits = Limits::default().with_max_payload(max);
        assert_eq!(
            decode_kind(read_file_with(&path, &limits)),
            DecodeErrorKind::Limit
        );
    }
}

#[test]
fn foreign_damaged_and_empty_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.fbz");
    let good = encode(&tiny()).unwrap();
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    let surplus = [&good[..], b"\n"].concat();
    let cases: [(&[u8], DecodeErrorKind); 6] = [
        (b"", DecodeErrorKind::NotFbz),
        (b"\x89HDF\r\n\x1a\n", DecodeErrorKind::NotFbz),
        (&good[..20], DecodeErrorKind::Truncated),
        (&good[..100], DecodeErrorKind::Truncated),
        (&damaged, DecodeErrorKind::Checksum),
        (&surplus, DecodeErrorKind::Header),
    ];
    for (bytes, kind) in cases {
        fs::write(&path, bytes).unwrap();
        assert_eq!(decode_kind(read_file(&path)), kind);
    }
}
