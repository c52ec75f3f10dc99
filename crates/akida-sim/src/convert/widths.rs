//! What a chip holds of thresholds and steps (`docs/arithmetic.md`, H7).

use crate::device::Allowed;
use crate::device::akida1::Registers;

/// The largest and smallest values of a layer's `threshold` and `act_step` on a chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Widths {
    /// The smallest threshold.
    pub min_threshold: i32,
    /// The largest threshold.
    pub max_threshold: i32,
    /// The largest step.
    pub max_step: f32,
    /// Steps are stored as multiples of this; 0 where any float32 is.
    pub step_unit: f32,
}

impl Widths {
    /// The widths of a layer that is not bound for a chip.
    pub const UNLIMITED: Self = Self {
        min_threshold: i32::MIN,
        max_threshold: i32::MAX,
        max_step: f32::MAX,
        step_unit: 0.0,
    };

    /// The widths of registers.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{FullyConnected, convert::Widths, device::Device};
    ///
    /// let device = Device::akd1000();
    /// let registers = device.limits.registers_of(&FullyConnected::new(10).into());
    /// let widths = Widths::of(registers);
    /// assert!(widths.hold(-524_288, 65_535.0) && !widths.hold(524_288, 65_535.0));
    /// assert!(widths.store(2.0625) && !widths.store(2.05));
    /// ```
    #[must_use]
    pub fn of(registers: &Registers) -> Self {
        let mut widths = Self::UNLIMITED;
        if let Allowed::Signed(bits @ 1..=32) = registers.threshold.allowed {
            widths.min_threshold = i32::MIN >> (32 - bits);
            widths.max_threshold = i32::MAX >> (32 - bits);
        }
        if let Allowed::Unsigned(bits @ 0..=24, fraction) = registers.act_step.allowed {
            // Exact: a float32 holds 24 bits.
            let largest = ((1u32 << bits) - 1) as f32;
            let fraction = -(fraction.min(127) as i32);
            widths.max_step = libm::ldexpf(largest, fraction);
            widths.step_unit = libm::ldexpf(1.0, fraction);
        }
        widths
    }

    /// Whether a chip holds both.
    #[must_use]
    pub fn hold(self, threshold: i32, act_step: f32) -> bool {
        (self.min_threshold..=self.max_threshold).contains(&threshold) && act_step <= self.max_step
    }

    /// Whether a step is a multiple of the smallest that a chip stores, and so stored without rounding.
    #[must_use]
    pub fn store(self, act_step: f32) -> bool {
        self.step_unit == 0.0 || f64::from(act_step) % f64::from(self.step_unit) == 0.0
    }
}
