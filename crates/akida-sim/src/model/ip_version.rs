//! The generations of the hardware.

use core::fmt;

/// The generation of the hardware that a model's layers belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// Akida 1.0: AKD1000, AKD1500.
    V1,
    /// Akida 2.0: blocks for chips of others.
    V2,
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "Akida 1.0",
            Self::V2 => "Akida 2.0",
        })
    }
}
