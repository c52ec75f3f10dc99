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
    /// let widths = registers.map_or(Widths::UNLIMITED, Widths::of);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::{ConvParams, FullyConnected, InputConvolutional, LayerSpec, Pair, Shape};

    fn of(layer: &LayerSpec) -> Widths {
        Widths::of(Device::akd1000().limits.registers_of(layer).unwrap())
    }

    fn changed(threshold: Allowed, act_step: Allowed) -> Widths {
        let limits = Device::akd1000().limits;
        let layer = FullyConnected::new(1).into();
        let mut registers = limits.registers_of(&layer).unwrap().clone();
        registers.threshold.allowed = threshold;
        registers.act_step.allowed = act_step;
        Widths::of(&registers)
    }

    #[test]
    fn registers_of_20_and_24_bits_hold_thresholds_and_sixteenths() {
        let narrow = Widths {
            min_threshold: -524_288,
            max_threshold: 524_287,
            max_step: 1_048_575.0 / 16.0,
            step_unit: 0.062_5,
        };
        assert_eq!(of(&FullyConnected::new(1).into()), narrow);
        let conv = ConvParams::new(Pair::square(3), 1);
        let image = InputConvolutional::new(Shape::new(5, 5, 1), conv).into();
        let wide = Widths {
            min_threshold: -8_388_608,
            max_threshold: 8_388_607,
            max_step: 16_777_215.0 / 16.0,
            step_unit: 0.062_5,
        };
        assert_eq!(of(&image), wide);
    }

    #[test]
    fn registers_of_every_width_are_read() {
        let whole = changed(Allowed::Signed(32), Allowed::Unsigned(24, 0));
        assert_eq!(
            whole.min_threshold..=whole.max_threshold,
            i32::MIN..=i32::MAX
        );
        assert_eq!((whole.max_step, whole.step_unit), (16_777_215.0, 1.0));
        let one = changed(Allowed::Signed(1), Allowed::Unsigned(1, 3));
        assert_eq!((one.min_threshold, one.max_threshold), (-1, 0));
        assert_eq!((one.max_step, one.step_unit), (0.125, 0.125));
        // What is no width that float32 and int32 have limits nothing.
        let beyond = changed(Allowed::Signed(33), Allowed::Unsigned(25, 4));
        assert_eq!(beyond, Widths::UNLIMITED);
        assert_eq!(changed(Allowed::Signed(0), Allowed::AtMost(3)), beyond);
    }

    #[test]
    fn values_at_the_ends_are_held_and_those_beyond_are_not() {
        let widths = of(&FullyConnected::new(1).into());
        for (threshold, act_step, held) in [
            (-524_288, 1_048_575.0 / 16.0, true),
            (524_287, f32::from_bits(1), true),
            (-524_289, 1.0, false),
            (524_288, 1.0, false),
            (0, 65_535.945, false),
        ] {
            assert_eq!(
                widths.hold(threshold, act_step),
                held,
                "{threshold} {act_step}"
            );
        }
        assert!(Widths::UNLIMITED.hold(i32::MIN, f32::MAX));
        assert!(widths.store(0.062_5) && widths.store(12.0) && !widths.store(0.062_6));
        assert!(!widths.store(f32::from_bits(1)) && Widths::UNLIMITED.store(f32::from_bits(1)));
    }
}
