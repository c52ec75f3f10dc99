//! How many bits a chip has for thresholds and steps (`docs/arithmetic.md`, H7).

/// The widths of a layer's `threshold` and `act_step` on a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    /// Bits of a threshold, signed: 2 to 32.
    pub threshold_bits: u8,
    /// Bits of the whole part of a step, unsigned: 1 to 127.
    pub act_step_bits: u8,
}

impl Widths {
    /// The widths of a layer that is not bound for a chip.
    pub const UNLIMITED: Self = Self {
        threshold_bits: 32,
        act_step_bits: 128,
    };

    /// The smallest and the largest threshold.
    #[must_use]
    pub fn thresholds(self) -> (i32, i32) {
        let unused = 32 - u32::from(self.threshold_bits.clamp(1, 32));
        (i32::MIN >> unused, i32::MAX >> unused)
    }

    /// The largest step.
    #[must_use]
    pub fn max_step(self) -> f32 {
        if self.act_step_bits >= 128 {
            return f32::MAX;
        }
        libm::ldexpf(1.0, i32::from(self.act_step_bits)).next_down()
    }

    /// Whether a chip holds both.
    #[must_use]
    pub fn hold(self, threshold: i32, act_step: f32) -> bool {
        let (low, high) = self.thresholds();
        (low..=high).contains(&threshold) && act_step <= self.max_step()
    }
}
