//! Why a model, or an edit of a model, is refused.

use crate::memory::OutOfMemory;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// The cause of a [`ModelError`], by the part of the model that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// A constructor parameter of a layer has a value that is not allowed.
    Parameter,
    /// A layer does not fit the shape of its input.
    Shape,
    /// The layers that a layer reads are missing, unsuitable or in conflict.
    Inbounds,
    /// A layer name is taken or unusable.
    Name,
    /// A variable has the wrong shape, name or values.
    Variable,
    /// A potential could leave the range of 32 bits.
    PotentialRange,
    /// The model as a whole breaks a rule: it has no layers, or no layer reads an output.
    Structure,
    /// The memory does not suffice.
    Memory,
}

impl ModelErrorKind {
    /// A stable name for programs, e.g. `"potential_range"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Shape => "shape",
            Self::Inbounds => "inbounds",
            Self::Name => "name",
            Self::Variable => "variable",
            Self::PotentialRange => "potential_range",
            Self::Structure => "structure",
            Self::Memory => "memory",
        }
    }
}

/// A broken rule of a model. It tells the place, what was received, what is allowed, and the remedy where there is one.
///
/// `{}` shows it with the remedy after a semicolon, `{:#}` without the remedy.
///
/// # Examples
///
/// ```
/// use akida_sim::{InputData, ModelBuilder, Shape};
///
/// let error = ModelBuilder::new()
///     .add("events", InputData::new(Shape::new(8, 8, 1), 3), &[])
///     .unwrap_err();
/// assert_eq!(error.to_string(), r#"layer "events": input_bits must be one of 1, 2, 4, 8, 16, received 3"#);
/// assert_eq!(error.layer(), Some("events"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    kind: ModelErrorKind,
    layer: Option<String>,
    subject: Cow<'static, str>,
    allowed: String,
    received: String,
    remedy: Option<Cow<'static, str>>,
}

impl ModelError {
    pub(crate) fn new(
        kind: ModelErrorKind,
        subject: impl Into<Cow<'static, str>>,
        allowed: impl ToString,
        received: impl ToString,
    ) -> Self {
        Self(Box::new(Details {
            kind,
            layer: None,
            subject: subject.into(),
            allowed: allowed.to_string(),
            received: received.to_string(),
            remedy: None,
        }))
    }

    pub(crate) fn parameter(
        subject: &'static str,
        allowed: impl ToString,
        received: impl ToString,
    ) -> Self {
        Self::new(ModelErrorKind::Parameter, subject, allowed, received)
    }

    pub(crate) fn at(mut self, layer: &str) -> Self {
        self.0.layer.get_or_insert_with(|| layer.to_string());
        self
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// The cause, for programs.
    #[must_use]
    pub fn kind(&self) -> ModelErrorKind {
        self.0.kind
    }

    /// The name of the layer at fault; `None` when the model as a whole is at fault.
    #[must_use]
    pub fn layer(&self) -> Option<&str> {
        self.0.layer.as_deref()
    }

    /// What is wrong: a parameter, a variable or a property.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What is allowed, in words.
    #[must_use]
    pub fn allowed(&self) -> &str {
        &self.0.allowed
    }

    /// What was received, in words.
    #[must_use]
    pub fn received(&self) -> &str {
        &self.0.received
    }

    /// What to do about the error, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = &self.0.layer {
            write!(f, "layer {layer:?}: ")?;
        }
        write!(
            f,
            "{} must be {}, received {}",
            self.0.subject, self.0.allowed, self.0.received
        )?;
        match &self.0.remedy {
            Some(remedy) if !f.alternate() => write!(f, "; {remedy}"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for ModelError {}

impl From<OutOfMemory> for ModelError {
    fn from(error: OutOfMemory) -> Self {
        Self::new(
            ModelErrorKind::Memory,
            "the memory that is needed",
            "at hand",
            alloc::format!("a refusal of {} bytes", error.bytes),
        )
    }
}
