//! Why bytes are refused, and why a model is not written.

mod decode;
mod encode;

pub use decode::{DecodeError, DecodeErrorKind, Location};
pub use encode::{EncodeError, EncodeErrorKind};

use akida_sim::memory::OutOfMemory;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// A broken rule: what must be how, and what was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// What is wrong; empty when the location says it.
    pub(super) subject: Cow<'static, str>,
    pub(super) allowed: Cow<'static, str>,
    pub(super) received: String,
    pub(super) remedy: Option<&'static str>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subject.is_empty() {
            write!(f, "{} ", self.subject)?;
        }
        write!(f, "must be {}, received {}", self.allowed, self.received)?;
        match self.remedy {
            Some(remedy) if !f.alternate() => write!(f, "; {remedy}"),
            _ => Ok(()),
        }
    }
}

impl Rule {
    fn new(
        subject: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
        received: impl ToString,
    ) -> Self {
        Self {
            subject: subject.into(),
            allowed: allowed.into(),
            received: received.to_string(),
            remedy: None,
        }
    }
}

/// What an error of memory is about.
const MEMORY: &str = "the memory that is needed";
/// What the memory must be.
const AT_HAND: &str = "at hand";

fn refusal(error: OutOfMemory) -> String {
    format!("a refusal of {} bytes", error.bytes)
}
