//! The size of programs: what configures a chip for a model.

use super::fact::Fact;

/// What a program for the chip takes, by the published sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgramSize {
    /// Bytes per byte of weights that an NP holds or reads.
    pub per_weight_byte: Fact<f64>,
    /// Bytes per NP.
    pub per_np: Fact<f64>,
}

impl ProgramSize {
    /// The bytes of a program for so many NPs, which hold or read `weight_bytes` bytes of weights together.
    #[must_use]
    pub fn bytes(&self, weight_bytes: u64, nps: usize) -> u64 {
        (self.per_weight_byte.value * weight_bytes as f64 + self.per_np.value * nps as f64) as u64
    }
}
