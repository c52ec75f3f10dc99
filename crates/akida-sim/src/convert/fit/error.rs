//! Why a threshold or a step cannot be fitted.

use crate::memory::OutOfMemory;
use core::fmt;

/// An ideal threshold or step that no layer can hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FitError {
    channel: usize,
    subject: &'static str,
    allowed: &'static str,
    received: f64,
    memory: Option<OutOfMemory>,
}

impl From<OutOfMemory> for FitError {
    fn from(error: OutOfMemory) -> Self {
        let bytes = error.bytes as f64;
        Self {
            memory: Some(error),
            ..Self::new(0, "the memory in bytes", "at hand", bytes)
        }
    }
}

impl FitError {
    pub(super) fn new(
        channel: usize,
        subject: &'static str,
        allowed: &'static str,
        received: f64,
    ) -> Self {
        Self {
            channel,
            subject,
            allowed,
            received,
            memory: None,
        }
    }

    /// The caller has handed in `received` ideal boundaries, and the layer has another number.
    pub(in crate::convert) fn boundaries(received: usize) -> Self {
        Self::new(
            0,
            "the number of boundaries",
            "2^act_bits − 1 for each channel",
            received as f64,
        )
    }

    /// The memory that was not granted, where it did not suffice.
    #[must_use]
    pub fn out_of_memory(&self) -> Option<OutOfMemory> {
        self.memory
    }

    /// The output channel concerned.
    #[must_use]
    pub fn channel(&self) -> usize {
        self.channel
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "channel {}: {} must be {}, received {}",
            self.channel, self.subject, self.allowed, self.received
        )
    }
}

impl core::error::Error for FitError {}
