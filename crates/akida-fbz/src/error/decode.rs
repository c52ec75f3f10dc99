//! Why bytes are refused.

use super::{AT_HAND, MEMORY, Rule, refusal};
use akida_sim::memory::OutOfMemory;
use akida_sim::{ModelError, ModelErrorKind};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// The culprit of a [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes are of another format, or empty.
    NotFbz,
    /// A newer version of this toolchain has written the bytes, with something that this version does not know.
    Version,
    /// The end of the file is missing.
    Truncated,
    /// The checksum does not match: the bytes were changed after they were written.
    Checksum,
    /// The header breaks a rule: surplus bytes, reserved bits, impossible lengths.
    Header,
    /// The compressed bytes are invalid, or do not give what the header declares.
    Compression,
    /// The file asks for more than the [`Limits`](crate::Limits) allow.
    Limit,
    /// A field of the payload is missing or has a value that no writer may give it.
    Payload,
    /// The layers are well-formed, but make no valid model. [`DecodeError::model_error`] tells the broken rule.
    Model,
    /// The memory does not suffice.
    Memory,
}

impl DecodeErrorKind {
    /// A stable name for programs, e.g. `"checksum"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFbz => "not_fbz",
            Self::Version => "version",
            Self::Truncated => "truncated",
            Self::Checksum => "checksum",
            Self::Header => "header",
            Self::Compression => "compression",
            Self::Limit => "limit",
            Self::Payload => "payload",
            Self::Model => "model",
            Self::Memory => "memory",
        }
    }
}

/// The place in a file that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// An offset from the beginning of the file, in bytes; 0 when the file as a whole is at fault.
    Byte(u64),
    /// A field of the payload, e.g. `layers[3].act_step`; `model` when the payload as a whole is at fault.
    Field(String),
}

impl Location {
    /// `layers[index].name`, or `layers[index]` for an empty name.
    pub(crate) fn layer(index: usize, name: &str) -> Self {
        Self::Field(match name {
            "" => format!("layers[{index}]"),
            _ => format!("layers[{index}].{name}"),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(offset) => write!(f, "byte {offset}"),
            Self::Field(path) => f.write_str(path),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Detail {
    Rule(Rule),
    Model(ModelError),
}

/// Why bytes are no model: the culprit, the place, what was received and what is allowed.
///
/// `{}` shows it with the remedy after a semicolon, `{:#}` without the remedy.
///
/// # Examples
///
/// ```
/// use akida_fbz::{DecodeErrorKind, decode};
///
/// let error = decode(b"PK\x03\x04 and the rest of a Keras file").unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::NotFbz);
/// assert!(error.to_string().contains("`cnn2snn convert`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeErrorInner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct DecodeErrorInner {
    kind: DecodeErrorKind,
    location: Location,
    detail: Detail,
}

impl DecodeError {
    /// An error about the file that shows as "subject must be allowed, received received".
    pub(crate) fn new(
        kind: DecodeErrorKind,
        subject: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
        received: impl ToString,
    ) -> Self {
        let rule = Rule::new(subject, allowed, received);
        Self(Box::new(DecodeErrorInner {
            kind,
            location: Location::Byte(0),
            detail: Detail::Rule(rule),
        }))
    }

    /// An error about a field of the payload, whose path is the subject.
    pub(crate) fn field(
        kind: DecodeErrorKind,
        location: Location,
        allowed: impl Into<Cow<'static, str>>,
        received: impl ToString,
    ) -> Self {
        Self::new(kind, "", allowed, received).at(location)
    }

    /// An error of the model, met at `location`.
    pub(crate) fn model(location: Location, error: ModelError) -> Self {
        Self(Box::new(DecodeErrorInner {
            kind: match error.kind() {
                ModelErrorKind::Memory => DecodeErrorKind::Memory,
                _ => DecodeErrorKind::Model,
            },
            location,
            detail: Detail::Model(error),
        }))
    }

    pub(crate) fn at(mut self, location: Location) -> Self {
        self.0.location = location;
        self
    }

    pub(crate) fn with_remedy(mut self, words: &'static str) -> Self {
        if let Detail::Rule(rule) = &mut self.0.detail {
            rule.remedy = Some(words);
        }
        self
    }

    /// The culprit, for programs.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The place in the file.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// The broken rule of the model, for errors that the model's builder has found.
    #[must_use]
    pub fn model_error(&self) -> Option<&ModelError> {
        match &self.0.detail {
            Detail::Rule(_) => None,
            Detail::Model(error) => Some(error),
        }
    }

    /// What is allowed, in words.
    #[must_use]
    pub fn allowed(&self) -> &str {
        match &self.0.detail {
            Detail::Rule(rule) => &rule.allowed,
            Detail::Model(error) => error.allowed(),
        }
    }

    /// What was received, in words.
    #[must_use]
    pub fn received(&self) -> &str {
        match &self.0.detail {
            Detail::Rule(rule) => &rule.received,
            Detail::Model(error) => error.received(),
        }
    }

    /// What to do about the error, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        match &self.0.detail {
            Detail::Rule(rule) => rule.remedy,
            Detail::Model(error) => error.remedy(),
        }
    }
}

impl From<OutOfMemory> for DecodeError {
    fn from(error: OutOfMemory) -> Self {
        let received = refusal(error);
        Self::new(DecodeErrorKind::Memory, MEMORY, AT_HAND, received)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.location, &self.0.detail) {
            (Location::Byte(0), Detail::Rule(_)) => {}
            (place, Detail::Rule(rule)) if rule.subject.is_empty() => write!(f, "{place} ")?,
            (place, _) => write!(f, "{place}: ")?,
        }
        match &self.0.detail {
            Detail::Rule(rule) => rule.fmt(f),
            Detail::Model(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.0.detail {
            Detail::Rule(_) => None,
            Detail::Model(error) => Some(error),
        }
    }
}
