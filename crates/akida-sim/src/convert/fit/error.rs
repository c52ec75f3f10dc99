//! Why a threshold or a step cannot be fitted.

use crate::interrupt::Interrupted;
use crate::memory::OutOfMemory;
use crate::model::ReachError;
use core::fmt;

/// Why there is no fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FitError(Reason);

#[derive(Debug, Clone, PartialEq)]
enum Reason {
    /// An ideal threshold or step that no layer can hold.
    Value {
        channel: usize,
        subject: &'static str,
        allowed: &'static str,
        received: f64,
    },
    Memory(OutOfMemory),
    Interrupted,
}

impl From<OutOfMemory> for FitError {
    fn from(error: OutOfMemory) -> Self {
        Self(Reason::Memory(error))
    }
}

impl From<Interrupted> for FitError {
    fn from(_: Interrupted) -> Self {
        Self(Reason::Interrupted)
    }
}

impl From<ReachError> for FitError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::Memory(error) => error.into(),
            ReachError::Interrupted => Interrupted.into(),
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
        Self(Reason::Value {
            channel,
            subject,
            allowed,
            received,
        })
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
        match self.0 {
            Reason::Memory(error) => Some(error),
            Reason::Value { .. } | Reason::Interrupted => None,
        }
    }

    /// Whether the caller asked to stop.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0 == Reason::Interrupted
    }

    /// The output channel concerned, the first one where all are.
    #[must_use]
    pub fn channel(&self) -> usize {
        match self.0 {
            Reason::Value { channel, .. } => channel,
            Reason::Memory(_) | Reason::Interrupted => 0,
        }
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Value {
                channel,
                subject,
                allowed,
                received,
            } => write!(
                f,
                "channel {channel}: {subject} must be {allowed}, received {received}"
            ),
            Reason::Memory(error) => error.fmt(f),
            Reason::Interrupted => Interrupted.fmt(f),
        }
    }
}

impl core::error::Error for FitError {}
