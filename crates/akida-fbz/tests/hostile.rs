//! Whatever the bytes are, the answer is a valid model or a typed error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod targets;

use akida_fbz::{DecodeErrorKind as Kind, Limits, Location, decode, decode_with, encode};
use common::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use targets::check_error;

/// Small files, compressed and not.
fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = (0..12u32)
        .map(|seed| {
            (0..40)
                .map(|i| (seed * 40 + i).wrapping_mul(0x9E37_79B1) >> 5)
                .collect()
        })
        .map(|numbers: Vec<u32>| encode(&model_of(&numbers)).unwrap())
        .collect();
    for model in [tiny(), every_layer(), tiny_akida2(), every_layer_akida2()] {
        let file = encode(&model).unwrap();
        files.push(Container::plain(&payload_of(&file)).bytes());
        files.push(file);
    }
    files
}

fn kind(bytes: &[u8]) -> Kind {
    let error = decode(bytes).unwrap_err();
    check_error(&error, bytes.len());
    error.kind()
}

/// The places in a payload that are changed: all but the inside of tables of activations. Each value of a table is allowed.
fn places(payload: &[u8]) -> Vec<usize> {
    const TABLE: usize = 4 * 2048;
    let length = (TABLE as u32).to_le_bytes();
    let words = payload.windows(4).enumerate();
    let tables = words.filter(|(_, word)| *word == length);
    let inside: Vec<_> = tables.map(|(at, _)| at + 64..at + TABLE - 64).collect();
    let all = 0..payload.len();
    all.filter(|at| !inside.iter().any(|table| table.contains(at)))
        .collect()
}

#[test]
fn every_prefix_is_refused() {
    for file in corpus() {
        for length in 0..file.len() {
            let expected = if length == 0 {
                Kind::NotFbz
            } else {
                Kind::Truncated
            };
            assert_eq!(
                kind(&file[..length]),
                expected,
                "{length} of {} bytes",
                file.len()
            );
        }
    }
}

#[test]
fn every_change_of_one_bit_is_refused() {
    for file in corpus() {
        for bit in 0..8 * file.len() {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            kind(&damaged);
        }
    }
}

#[test]
fn surplus_bytes_are_refused() {
    for mut file in corpus() {
        file.push(0);
        assert_eq!(kind(&file), Kind::Header);
    }
}

#[test]
fn changed_payloads_with_the_right_checksum_never_panic() {
    let (mut models, mut errors) = (0, 0);
    let payloads: BTreeSet<Vec<u8>> = corpus().iter().map(|file| payload_of(file)).collect();
    for payload in payloads {
        for at in places(&payload) {
            let old = payload[at];
            let values = [0, 1, 2, 4, 8, 0x40, 0x7F, 0x80, 0xFE, 0xFF];
            let nearby = [old ^ 1, old.wrapping_add(1), old.wrapping_sub(1), old << 1];
            for value in values.into_iter().chain(nearby) {
                let mut changed = payload.clone();
                changed[at] = value;
                let file = Container::plain(&changed).bytes();
                match decode(&file) {
                    Ok(model) => {
                        models += 1;
                        // To write takes many times longer than to read.
                        if models % 8 == 0 {
                            let again = encode(&model).unwrap();
                            assert_eq!(decode(&again).unwrap(), model);
                        }
                    }
                    Err(error) => {
                        errors += 1;
                        let kinds = [Kind::Payload, Kind::Model, Kind::Version, Kind::Limit];
                        assert!(kinds.contains(&error.kind()), "{error}");
                        check_error(&error, file.len());
                        // What the compression hides is judged in the same way.
                        if at % 16 == 0 {
                            let deflated = miniz_oxide::deflate::compress_to_vec(&changed, 1);
                            if deflated.len() < changed.len() {
                                let length = changed.len() as u64;
                                let file = Container::deflate(deflated, length).bytes();
                                assert_eq!(decode(&file), Err(error));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(
        models > 100 && errors > 1000,
        "{models} models, {errors} errors"
    );
}

proptest! {
    #[test]
    fn payloads_changed_in_several_places_never_panic(
        numbers in prop::collection::vec(any::<u32>(), 20..60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut payload = payload_of(&encode(&model_of(&numbers)).unwrap());
        for (at, value) in changes {
            *at.get_mut(&mut payload) = value;
        }
        if let Ok(model) = decode(&Container::plain(&payload).bytes()) {
            prop_assert_eq!(decode(&encode(&model).unwrap()).unwrap(), model);
        }
    }
}

#[test]
fn cut_payloads_with_the_right_checksum_never_panic() {
    for file in corpus() {
        let payload = payload_of(&file);
        for length in 0..payload.len() {
            // The end of a payload may be nothing but the fill before what the writer put first.
            let result = decode(&Container::plain(&payload[..length]).bytes());
            if let Err(error) = result {
                check_error(&error, 32 + length);
                assert!(
                    matches!(error.kind(), Kind::Payload | Kind::Model),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn changed_compressed_bytes_with_the_right_checksum_never_panic() {
    let file = encode(&every_layer()).unwrap();
    assert_eq!(file[10], 1);
    let payload_len = payload_of(&file).len() as u64;
    for bit in 0..8 * (file.len() - 32) {
        let mut stored = file[32..].to_vec();
        stored[bit / 8] ^= 1 << (bit % 8);
        let file = Container::deflate(stored, payload_len).bytes();
        if let Err(error) = decode(&file) {
            check_error(&error, file.len());
            let kinds = [
                Kind::Compression,
                Kind::Payload,
                Kind::Model,
                Kind::Version,
                Kind::Limit,
            ];
            assert!(kinds.contains(&error.kind()), "{error}");
        }
    }
}

#[test]
fn every_field_of_the_header_is_checked() {
    let payload = payload_of(&encode(&tiny()).unwrap());
    let plain = || Container::plain(&payload);
    let refused = |container: Container, expected: Kind, at: u64| {
        let error = decode(&container.bytes()).unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        assert_eq!(error.location(), &Location::Byte(at), "{error}");
        error.to_string()
    };
    let newer = Container {
        version: 2,
        ..plain()
    };
    assert_eq!(
        refused(newer, Kind::Version, 8),
        "byte 8: the format version must be 1, received 2; \
         the file was written by a newer version: upgrade akida-sim"
    );
    let version_0 = Container {
        version: 0,
        ..plain()
    };
    assert!(!refused(version_0, Kind::Version, 8).contains("upgrade"));
    for compression in 2..=255 {
        let unknown = Container {
            compression,
            ..plain()
        };
        assert!(refused(unknown, Kind::Version, 10).contains("upgrade akida-sim"));
    }
    for reserved in 1..=255 {
        refused(
            Container {
                reserved,
                ..plain()
            },
            Kind::Version,
            11,
        );
    }
    for payload_len in [0, 1, payload.len() as u64 - 1, payload.len() as u64 + 1] {
        refused(
            Container {
                payload_len,
                ..plain()
            },
            Kind::Header,
            16,
        );
    }
    refused(
        Container {
            payload_len: u64::MAX,
            ..plain()
        },
        Kind::Limit,
        16,
    );
}

#[test]
fn a_declared_length_beyond_what_deflate_can_give_is_refused_before_it_is_allocated() {
    for stored_len in [1u64, 10, 100] {
        let most = 1032 * stored_len;
        let file =
            |payload_len| Container::deflate(vec![0xFF; stored_len as usize], payload_len).bytes();
        assert_eq!(kind(&file(most + 1)), Kind::Header);
        assert_eq!(kind(&file(most)), Kind::Compression);
        assert_eq!(kind(&file(stored_len)), Kind::Header);
    }
}

#[test]
fn compressed_bytes_that_give_more_or_less_than_declared_are_refused() {
    let payload = payload_of(&encode(&every_layer()).unwrap());
    let deflated = miniz_oxide::deflate::compress_to_vec(&payload, 6);
    for wrong in [payload.len() - 1, payload.len() + 1, payload.len() + 1000] {
        let file = Container::deflate(deflated.clone(), wrong as u64).bytes();
        assert_eq!(kind(&file), Kind::Compression, "{wrong}");
    }
    let surplus = [&deflated[..], &[0]].concat();
    assert_eq!(
        kind(&Container::deflate(surplus, payload.len() as u64).bytes()),
        Kind::Compression
    );
    let cut = deflated[..deflated.len() - 1].to_vec();
    assert_eq!(
        kind(&Container::deflate(cut, payload.len() as u64).bytes()),
        Kind::Compression
    );
}

#[test]
fn a_bomb_meets_the_limit_on_the_payload() {
    let zeros = vec![0; 64 << 20];
    let bomb = miniz_oxide::deflate::compress_to_vec(&zeros, 6);
    assert!(bomb.len() < zeros.len() / 900);
    let file = Container::deflate(bomb, zeros.len() as u64).bytes();
    let limits = Limits::default().with_max_payload(zeros.len() as u64 - 1);
    assert_eq!(decode_with(&file, &limits).unwrap_err().kind(), Kind::Limit);
    assert_eq!(kind(&file), Kind::Payload);
}

#[test]
fn files_of_other_formats_are_named_with_advice() {
    let cases: [(&[u8], &str, &str); 8] = [
        (b"", "an empty file", "write the model again"),
        (
            b"\x89HDF\r\n\x1a\n\0\0\0",
            "an HDF5 file",
            "`cnn2snn convert`",
        ),
        (b"PK\x03\x04\x14\0", "a ZIP archive", "`cnn2snn convert`"),
        (
            b"\x1c\0\0\0TFL3",
            "a TensorFlow Lite model",
            "`cnn2snn convert`",
        ),
        (
            b"\x08\x01\x12\xf0\x01",
            "a TensorFlow SavedModel",
            "`cnn2snn convert`",
        ),
        (
            b"\x08\x08\x12\x07pytorch",
            "an ONNX model",
            "`cnn2snn convert`",
        ),
        (b"\x89FBZ\n\x1a\n", "damaged first bytes", "binary mode"),
        (
            b"\x18\0\0\0\0\0",
            "another format",
            "convert the Keras model again with `cnn2snn convert`",
        ),
    ];
    for (bytes, name, advice) in cases {
        let error = decode(bytes).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFbz);
        let message = error.to_string();
        assert!(
            message.contains(name) && message.contains(advice),
            "{message}"
        );
    }
}

#[test]
fn random_bytes_are_refused() {
    for length in 0..300usize {
        let bytes: Vec<u8> = (0..length)
            .map(|i| ((i * 7919 + length).wrapping_mul(0x9E37_79B1) >> 11) as u8)
            .collect();
        assert!(decode(&bytes).is_err());
        assert!(decode(&Container::plain(&bytes).bytes()).is_err());
    }
}
