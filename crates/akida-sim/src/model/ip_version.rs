//! The generations of the hardware.

/// The generation of the hardware that a model's layers belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// Akida 1.0: AKD1000, AKD1500.
    V1,
    /// Akida 2.0: blocks for chips of others.
    V2,
}
