//! Files of other formats. They are recognised, so that the message can say what to do.

use crate::error::{DecodeError, DecodeErrorKind, Location};

/// The first bytes of every file.
///
/// A byte above 127 and line ends of all kinds show a transfer in text mode. 0x1A ends the display of the file on some
/// systems.
pub(crate) const MAGIC: [u8; 8] = [0x89, b'F', b'B', b'Z', b'\r', b'\n', 0x1A, b'\n'];

const CONVERT: &str =
    "convert the Keras model with `cnn2snn convert` and give the .fbz file that it writes";
const CONVERT_SOURCE: &str =
    "only Keras models can be converted: `cnn2snn convert` takes the .h5 or .keras file";
const COPY_AGAIN: &str = "copy the file again, in binary mode";
const VENDOR: &str = "files of the vendor's runtime use another format: convert the Keras model again with `cnn2snn convert`";

/// The error for bytes that do not begin as an `.fbz` file. `bytes` may be the beginning of the file only.
pub(crate) fn refuse(bytes: &[u8]) -> DecodeError {
    let error = |received, remedy| {
        DecodeError::new(
            DecodeErrorKind::NotFbz,
            "the file",
            "an .fbz file of this toolchain",
            received,
        )
        .with_remedy(remedy)
    };
    match bytes {
        [] => error("an empty file", "write the model again"),
        _ if MAGIC.starts_with(bytes) => DecodeError::new(
            DecodeErrorKind::Truncated,
            "the file",
            "longer",
            alloc::format!("{} bytes", bytes.len()),
        )
        .at(Location::Byte(bytes.len() as u64))
        .with_remedy("copy or write the file again"),
        _ if is_damaged_magic(bytes) => error(
            "one with damaged first bytes, as by a transfer in text mode",
            COPY_AGAIN,
        ),
        [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1A, b'\n', ..] => error(
            "an HDF5 file, the format of Keras models that end in .h5",
            CONVERT,
        ),
        [b'P', b'K', 3, 4, ..] => error("a ZIP archive, the format of .keras files", CONVERT),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => {
            error("a TensorFlow Lite model", CONVERT_SOURCE)
        }
        [0x08, 1, 0x12, ..] => error("a TensorFlow SavedModel", CONVERT_SOURCE),
        // The field ir_version, then the field producer_name, graph or opset_import.
        [0x08, 2..=31, 0x12 | 0x3A | 0x42, ..] => error("an ONNX model", CONVERT_SOURCE),
        _ => error("another format", VENDOR),
    }
}

/// Whether the first bytes are the magic number, with its line ends, its encoding or the highest bit changed.
fn is_damaged_magic(bytes: &[u8]) -> bool {
    let rest = match bytes {
        // U+FFFD, and U+0089, in UTF-8.
        [0xEF, 0xBF, 0xBD, rest @ ..] | [0xC2, 0x89, rest @ ..] => rest,
        [0x89 | 0x09, rest @ ..] => rest,
        _ => return false,
    };
    rest.starts_with(b"FBZ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_transfer_in_text_mode_is_recognised() {
        let damaged: [&[u8]; 5] = [
            b"\x89FBZ\n\x1a\n",
            b"\x89FBZ\r\r\n\x1a\r\n",
            b"\x09FBZ\r\n\x1a\n",
            b"\xEF\xBF\xBDFBZ\r\n\x1a\n",
            b"\xC2\x89FBZ\r\n\x1a\n",
        ];
        for bytes in damaged {
            let message = refuse(bytes).to_string();
            assert!(message.contains("binary mode"), "{bytes:?}: {message}");
        }
    }

    #[test]
    fn a_part_of_the_magic_number_is_a_truncated_file() {
        for length in 1..MAGIC.len() {
            assert_eq!(refuse(&MAGIC[..length]).kind(), DecodeErrorKind::Truncated);
        }
    }
}
