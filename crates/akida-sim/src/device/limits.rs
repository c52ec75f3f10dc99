//! The limits on layers, by generation.

use super::akida1::limits as akida1;
use super::akida2::limits as akida2;
use super::limit::Limit;
use crate::{IpVersion, LayerSpec};
use alloc::vec::Vec;

/// The limits that the layers of a model must obey on a device. Each generation states limits on layers of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limits {
    /// The limits of Akida 1.0 devices.
    Akida1(&'static akida1::Limits),
    /// The limits of Akida 2.0 devices.
    Akida2(&'static akida2::Limits),
}

impl Limits {
    /// The generation of the layers that the limits rule.
    #[must_use]
    pub fn ip_version(&self) -> IpVersion {
        match self {
            Self::Akida1(_) => IpVersion::V1,
            Self::Akida2(_) => IpVersion::V2,
        }
    }

    /// The registers that hold the threshold and the step of a layer; `None` for Akida 2.0, which has neither.
    #[must_use]
    pub fn registers_of(&self, layer: &LayerSpec) -> Option<&'static akida1::Registers> {
        match self {
            Self::Akida1(limits) => Some(limits.registers_of(layer)),
            Self::Akida2(_) => None,
        }
    }

    /// Every limit under the layers that it rules, for reports.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, Vec<&'static Limit>)> {
        match self {
            Self::Akida1(limits) => limits.all(),
            Self::Akida2(limits) => limits.all(),
        }
    }
}
