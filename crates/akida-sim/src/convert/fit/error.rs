//! Why a threshold or a step cannot be fitted.

use core::fmt;

/// An ideal threshold or step that no layer can hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FitError {
    channel: usize,
    subject: &'static str,
    allowed: &'static str,
    received: f64,
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
