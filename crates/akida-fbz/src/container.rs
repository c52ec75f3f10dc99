//! The frame around the payload: magic number, version, lengths, checksum, compression.

use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::foreign::{self, MAGIC};
use crate::limits::Limits;
use akida_sim::memory::{self, OutOfMemory};
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The version of the format that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;

pub(crate) const HEADER_LEN: usize = 32;

const VERSION_AT: usize = 8;
const COMPRESSION_AT: usize = 10;
const RESERVED_AT: usize = 11;
const CRC_AT: usize = 12;
const PAYLOAD_LEN_AT: usize = 16;
const STORED_LEN_AT: usize = 24;

const STORED: u8 = 0;
const DEFLATE: u8 = 1;
/// The most bytes that a byte of a deflate stream gives: two bits can stand for 258 bytes.
const MAX_RATIO: u64 = 1032;
/// Shorter payloads are not compressed: that would save hardly any space, and people can read stored bytes.
const MIN_TO_COMPRESS: usize = 512;
/// The level of compression, from 0 (none) to 10. Higher levels take several times as long for hardly fewer bytes.
const LEVEL: i32 = 6;
/// More bytes than the compressor takes for itself (320 KiB in six parts), also where an allocator grows by a MiB at once.
const STATE_OF_COMPRESSOR: usize = 2 << 20;

pub(crate) const UPGRADE: &str = "the file was written by a newer version: upgrade akida-sim";
const RAISE: &str = "if you trust the file, raise Limits::with_max_payload (at most 1 GiB)";
const AGAIN: &str = "copy or write the file again";

/// A compressor for a payload of at most `length` bytes; `None` where it would stay without work.
///
/// The compressor ends the program where the system refuses its memory. So it is made before the payload takes memory.
pub(crate) fn compressor(length: usize) -> Result<Option<CompressorOxide>, OutOfMemory> {
    if length < MIN_TO_COMPRESS {
        return Ok(None);
    }
    memory::ask(STATE_OF_COMPRESSOR)?;
    let flags = create_comp_flags_from_zip_params(LEVEL, 0, 0);
    Ok(Some(CompressorOxide::new(flags)))
}

/// The file around `payload`. The compressor must be new.
pub(crate) fn wrap(
    payload: &[u8],
    compressor: Option<CompressorOxide>,
) -> Result<Vec<u8>, OutOfMemory> {
    let mut file = memory::filled(0, HEADER_LEN + payload.len())?;
    let (header, stored) = file.split_at_mut(HEADER_LEN);
    let (compression, stored_len) =
        match compressor.and_then(|state| deflate(payload, state, stored)) {
            Some(deflated_len) => (DEFLATE, deflated_len),
            None => {
                stored.copy_from_slice(payload);
                (STORED, payload.len())
            }
        };
    header[..VERSION_AT].copy_from_slice(&MAGIC);
    header[VERSION_AT..COMPRESSION_AT].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[COMPRESSION_AT] = compression;
    header[PAYLOAD_LEN_AT..STORED_LEN_AT].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[STORED_LEN_AT..].copy_from_slice(&(stored_len as u64).to_le_bytes());
    file.truncate(HEADER_LEN + stored_len);
    let crc = checksum(&file).to_le_bytes();
    file[CRC_AT..PAYLOAD_LEN_AT].copy_from_slice(&crc);
    Ok(file)
}

/// Compresses `payload` into `out`, which is as long. Gives the compressed length; `None` where compression saves nothing.
fn deflate(payload: &[u8], mut state: CompressorOxide, out: &mut [u8]) -> Option<usize> {
    if payload.len() < MIN_TO_COMPRESS {
        return None;
    }
    let (status, _, written) = compress(&mut state, payload, out, TDEFLFlush::Finish);
    let is_shorter = status == TDEFLStatus::Done && written < payload.len();
    is_shorter.then_some(written)
}

/// The payload inside `file`.
pub(crate) fn unwrap<'a>(file: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, DecodeError> {
    check_beginning(file)?;
    let header = Header::read(file)?;
    // Stored bytes are never more than the payload. The file may have been read up to the limit only. Without this check it
    // would seem to be truncated.
    let most = limits.max_payload().saturating_add(HEADER_LEN as u64);
    if file.len() as u64 > most {
        let allowed = format!("at most {most} bytes");
        let error = length_error(DecodeErrorKind::Limit, allowed, file, most);
        return Err(error.with_remedy(RAISE));
    }
    let stored = header.stored_bytes(file)?;
    if checksum(file) != header.crc {
        let received = format!("{:#010x}", checksum(file));
        let allowed = format!("{:#010x}", header.crc);
        return Err(DecodeError::new(
            DecodeErrorKind::Checksum,
            "the checksum of the file",
            allowed,
            received,
        )
        .at(byte(CRC_AT))
        .with_remedy("the file was changed or damaged: copy or write it again"));
    }
    header.check(limits)?;
    match header.compression {
        STORED => Ok(Cow::Borrowed(stored)),
        _ => inflate(stored, header.payload_len).map(Cow::Owned),
    }
}

/// Refuses bytes that are not the beginning of a file of this format and version.
///
/// Fewer bytes than a header pass. [`unwrap`] refuses them as truncated.
pub(crate) fn check_beginning(bytes: &[u8]) -> Result<(), DecodeError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(foreign::refuse(bytes));
    }
    match array(bytes, VERSION_AT).map(u16::from_le_bytes) {
        None | Some(FORMAT_VERSION) => Ok(()),
        Some(version) => {
            let error = DecodeError::new(
                DecodeErrorKind::Version,
                "the format version",
                format!("{FORMAT_VERSION}"),
                version,
            )
            .at(byte(VERSION_AT));
            Err(error.with_remedy(if version > FORMAT_VERSION {
                UPGRADE
            } else {
                "no such version exists: copy or write the file again"
            }))
        }
    }
}

/// The fields of the header that say what follows it.
pub(crate) struct Header {
    compression: u8,
    reserved: u8,
    crc: u32,
    payload_len: u64,
    stored_len: u64,
}

impl Header {
    /// Whether the payload is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.compression != STORED
    }

    pub(crate) fn read(file: &[u8]) -> Result<Self, DecodeError> {
        let read = || {
            Some(Self {
                compression: *file.get(COMPRESSION_AT)?,
                reserved: *file.get(RESERVED_AT)?,
                crc: u32::from_le_bytes(array(file, CRC_AT)?),
                payload_len: u64::from_le_bytes(array(file, PAYLOAD_LEN_AT)?),
                stored_len: u64::from_le_bytes(array(file, STORED_LEN_AT)?),
            })
        };
        read().ok_or_else(|| {
            length_error(
                DecodeErrorKind::Truncated,
                format!("at least {HEADER_LEN} bytes"),
                file,
                HEADER_LEN as u64,
            )
        })
    }

    /// The bytes after the header. They must be as many as the header says.
    fn stored_bytes<'a>(&self, file: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let rest = file.get(HEADER_LEN..).unwrap_or_default();
        let expected = self.stored_len.saturating_add(HEADER_LEN as u64);
        let kind = match (rest.len() as u64).cmp(&self.stored_len) {
            core::cmp::Ordering::Equal => return Ok(rest),
            core::cmp::Ordering::Less => DecodeErrorKind::Truncated,
            core::cmp::Ordering::Greater => DecodeErrorKind::Header,
        };
        let allowed = format!("{expected} bytes");
        Err(length_error(kind, allowed, file, expected))
    }

    /// Checks the fields of the header. The checksum has shown that they are as they were written.
    fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        let newer = |subject: &'static str, allowed: &'static str, received, at| {
            let error = DecodeError::new(DecodeErrorKind::Version, subject, allowed, received);
            Err(error.at(byte(at)).with_remedy(UPGRADE))
        };
        if self.reserved != 0 {
            return newer("the reserved byte", "0", self.reserved, RESERVED_AT);
        }
        let stored_len = self.stored_len;
        let (possible, allowed) = match self.compression {
            STORED => (
                stored_len..=stored_len,
                format!("{stored_len}, the stored length, without compression"),
            ),
            DEFLATE => (
                stored_len.saturating_add(1)..=stored_len.saturating_mul(MAX_RATIO),
                format!("above the stored length {stored_len} and at most {MAX_RATIO} times it"),
            ),
            other => {
                let allowed = "0 (none) or 1 (deflate)";
                return newer("the compression", allowed, other, COMPRESSION_AT);
            }
        };
        let length = |kind, allowed| {
            let subject = "the length of the payload";
            DecodeError::new(kind, subject, allowed, self.payload_len).at(byte(PAYLOAD_LEN_AT))
        };
        if self.payload_len > limits.max_payload() {
            let allowed = format!("at most {} bytes", limits.max_payload());
            return Err(length(DecodeErrorKind::Limit, allowed).with_remedy(RAISE));
        }
        if !possible.contains(&self.payload_len) {
            return Err(length(DecodeErrorKind::Header, allowed));
        }
        Ok(())
    }
}

/// The `payload_len` bytes that `stored` gives. The caller has compared the length with the limits and the ratio.
fn inflate(stored: &[u8], payload_len: u64) -> Result<Vec<u8>, DecodeError> {
    let error = |subject: &'static str, allowed, received| {
        DecodeError::new(DecodeErrorKind::Compression, subject, allowed, received)
            .at(byte(HEADER_LEN))
            .with_remedy(AGAIN)
    };
    let Ok(length) = usize::try_from(payload_len) else {
        return Err(error(
            "the length of the payload",
            format!("at most {} bytes on this machine", usize::MAX),
            format!("{payload_len}"),
        ));
    };
    let mut payload = memory::filled(0, length)?;
    let mut state = memory::filled(DecompressorOxide::default(), 1)?;
    let (status, read, written) = decompress(
        &mut state[0],
        stored,
        &mut payload,
        0,
        TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
    );
    match status {
        TINFLStatus::Done if written == length && read == stored.len() => Ok(payload),
        TINFLStatus::Done | TINFLStatus::HasMoreOutput => Err(error(
            "the compressed bytes",
            format!("{} bytes that give {length}", stored.len()),
            match status {
                TINFLStatus::Done => format!("{read} bytes that give {written}"),
                _ => format!("bytes that give more than {length}"),
            },
        )),
        _ => Err(error(
            "the compressed bytes",
            "a deflate stream".into(),
            format!("an invalid or incomplete one after {written} bytes of payload"),
        )),
    }
}

/// CRC-32, as in PNG and zip, of the header and the stored bytes. Zeros stand in place of the checksum.
fn checksum(file: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(file.get(..CRC_AT).unwrap_or_default());
    crc.update(&[0; PAYLOAD_LEN_AT - CRC_AT]);
    crc.update(file.get(PAYLOAD_LEN_AT..).unwrap_or_default());
    crc.finalize()
}

/// The error of a file that should end at `end`.
fn length_error(
    kind: DecodeErrorKind,
    allowed: alloc::string::String,
    file: &[u8],
    end: u64,
) -> DecodeError {
    DecodeError::new(
        kind,
        "the length of the file",
        allowed,
        format!("{}", file.len()),
    )
    .at(Location::Byte(end.min(file.len() as u64)))
    .with_remedy(AGAIN)
}

fn byte(offset: usize) -> Location {
    Location::Byte(offset as u64)
}

/// The `N` bytes at `offset`; `None` where there are fewer.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn wrapped(payload: &[u8]) -> Vec<u8> {
        wrap(payload, compressor(payload.len()).unwrap()).unwrap()
    }

    fn round_trip(payload: &[u8], limits: &Limits) -> u8 {
        let file = wrapped(payload);
        assert_eq!(unwrap(&file, limits).as_deref(), Ok(payload));
        file[COMPRESSION_AT]
    }

    #[test]
    fn a_payload_is_compressed_when_it_is_not_small_and_that_makes_it_shorter() {
        for length in [0, 1, MIN_TO_COMPRESS - 1, MIN_TO_COMPRESS, 100_000] {
            let small = length < MIN_TO_COMPRESS;
            let expected = if small { STORED } else { DEFLATE };
            assert_eq!(
                round_trip(&alloc::vec![7; length], &Limits::DEFAULT),
                expected
            );
            assert_eq!(round_trip(&noise(length), &Limits::DEFAULT), STORED);
        }
    }

    #[test]
    fn the_limit_on_the_payload_allows_payloads_of_its_length() {
        for payload in [alloc::vec![7; 5000], noise(5000)] {
            round_trip(&payload, &Limits::DEFAULT.with_max_payload(5000));
            let file = wrapped(&payload);
            let error = unwrap(&file, &Limits::DEFAULT.with_max_payload(4999)).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Limit);
        }
    }

    #[test]
    fn no_deflate_stream_of_this_compressor_exceeds_the_ratio() {
        for length in [600, 10_000, 1 << 20, 16 << 20] {
            let stored = wrapped(&alloc::vec![0; length]).len() - HEADER_LEN;
            assert!(length as u64 <= stored as u64 * MAX_RATIO);
        }
    }
}
