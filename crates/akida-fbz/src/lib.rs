#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod container;
mod decode;
mod encode;
mod error;
#[cfg(feature = "std")]
mod file;
mod foreign;
mod generated;
mod inspect;
mod limits;
mod tensors;

pub use container::FORMAT_VERSION;
pub use decode::{decode, decode_with};
pub use encode::{encode, encode_with};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Location};
#[cfg(feature = "std")]
pub use file::{
    ReadError, WriteError, inspect_file, inspect_file_with, read_file, read_file_with, write_file,
    write_file_with,
};
pub use inspect::{Inspection, LayerSummary, ValueSummary, VariableSummary, inspect, inspect_with};
pub use limits::Limits;
