//! What a device makes of one layer.

use super::need::Need;
use super::violation::Violation;
use alloc::vec::Vec;

/// What a device makes of one layer.
pub(super) struct Verdict {
    /// Every limit that the layer breaks.
    pub(super) violations: Vec<Violation>,
    /// What the layer takes of the chip; `None` for a layer that is left to software.
    pub(super) need: Option<Need>,
}
