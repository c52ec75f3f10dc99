//! Why a model is not written.

use super::{AT_HAND, MEMORY, Rule, refusal};
use akida_sim::memory::OutOfMemory;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// The cause of an [`EncodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The model is larger than the [`Limits`](crate::Limits) or the format allow.
    Limit,
    /// The model has something that this version of the format cannot express.
    Unsupported,
    /// The memory does not suffice.
    Memory,
}

impl EncodeErrorKind {
    /// A stable name for programs, e.g. `"limit"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Memory => "memory",
        }
    }
}

/// Why a model is not written.
///
/// `{}` shows it with the remedy after a semicolon, `{:#}` without the remedy.
///
/// # Examples
///
/// ```
/// use akida_fbz::{EncodeErrorKind, Limits, encode_with};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// builder.add("classes", FullyConnected::new(5), &[])?;
/// let model = builder.build()?;
/// let error = encode_with(&model, &Limits::default().with_max_weights(40)).unwrap_err();
/// assert_eq!(error.kind(), EncodeErrorKind::Limit);
/// assert_eq!(
///     error.to_string(),
///     "layer \"classes\": the number of weights up to here must be at most 40, received 50; raise Limits::with_max_weights"
/// );
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError(Box<EncodeErrorInner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct EncodeErrorInner {
    kind: EncodeErrorKind,
    layer: Option<String>,
    rule: Rule,
}

impl EncodeError {
    pub(crate) fn new(
        kind: EncodeErrorKind,
        subject: &'static str,
        allowed: impl Into<Cow<'static, str>>,
        received: impl ToString,
    ) -> Self {
        let rule = Rule::new(subject, allowed, received);
        Self(Box::new(EncodeErrorInner {
            kind,
            layer: None,
            rule,
        }))
    }

    /// An error about something that the format cannot express.
    pub(crate) fn unsupported(
        subject: &'static str,
        allowed: impl Into<Cow<'static, str>>,
        received: impl ToString,
    ) -> Self {
        Self::new(EncodeErrorKind::Unsupported, subject, allowed, received)
    }

    pub(crate) fn at(mut self, layer: &str) -> Self {
        self.0.layer = Some(layer.to_string());
        self
    }

    pub(crate) fn with_remedy(mut self, words: &'static str) -> Self {
        self.0.rule.remedy = Some(words);
        self
    }

    /// The cause, for programs.
    #[must_use]
    pub fn kind(&self) -> EncodeErrorKind {
        self.0.kind
    }

    /// The name of the layer at fault; `None` when the model as a whole is at fault.
    #[must_use]
    pub fn layer(&self) -> Option<&str> {
        self.0.layer.as_deref()
    }

    /// What is allowed, in words.
    #[must_use]
    pub fn allowed(&self) -> &str {
        &self.0.rule.allowed
    }

    /// What was received, in words.
    #[must_use]
    pub fn received(&self) -> &str {
        &self.0.rule.received
    }

    /// What to do about the error, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.rule.remedy
    }
}

impl From<OutOfMemory> for EncodeError {
    fn from(error: OutOfMemory) -> Self {
        let received = refusal(error);
        Self::new(EncodeErrorKind::Memory, MEMORY, AT_HAND, received)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = &self.0.layer {
            write!(f, "layer \"{layer}\": ")?;
        }
        self.0.rule.fmt(f)
    }
}

impl core::error::Error for EncodeError {}
