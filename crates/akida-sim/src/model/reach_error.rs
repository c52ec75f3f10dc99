//! Why there is no reach.

use crate::interrupt::Interrupted;
use crate::memory::OutOfMemory;
use core::fmt;

/// Why there is no reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachError {
    /// The memory does not suffice.
    Memory(OutOfMemory),
    /// The caller asked to stop.
    Interrupted,
}

impl From<OutOfMemory> for ReachError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl From<Interrupted> for ReachError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Interrupted => Interrupted.fmt(f),
        }
    }
}

impl core::error::Error for ReachError {}
