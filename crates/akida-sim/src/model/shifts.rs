//! Saturation and shifts (`docs/arithmetic-akida2.md`, section A).

/// The nearest integer that has `bits` bits, sign included.
#[must_use]
pub fn saturate(value: i64, bits: u8) -> i64 {
    clip(value, bits - 1)
}

/// The nearest integer in −2^`bits` ..= 2^`bits` − 1.
#[must_use]
pub fn clip(value: i64, bits: u8) -> i64 {
    let end = 1i64 << bits;
    value.clamp(-end, end - 1)
}

/// `value` times 2^`shift`, or the end of 64 bits where it lies beyond.
#[must_use]
pub fn shift_left(value: i64, shift: i32) -> i64 {
    match shift {
        _ if value == 0 => 0,
        0..=62 => value.saturating_mul(1 << shift),
        _ if value < 0 => i64::MIN,
        _ => i64::MAX,
    }
}

/// ⌊`value` · 2^`shift` + ½⌋: a shift to the left, or one to the right that rounds halves up.
///
/// The absolute value is below 2^61. A product that leaves 64 bits becomes their end.
///
/// # Examples
///
/// ```
/// use akida_sim::ops::shift_rounding;
///
/// let halves = [-3, -2, -1, 1, 2, 3, 5, -5].map(|v| shift_rounding(v, -1));
/// assert_eq!(halves, [-1, -1, 0, 1, 1, 2, 3, -2]);
/// assert_eq!(shift_rounding(3, 2), 12);
/// ```
#[must_use]
pub fn shift_rounding(value: i64, shift: i32) -> i64 {
    match shift {
        0.. => shift_left(value, shift),
        -62..0 => (value + (1 << (-shift - 1))) >> -shift,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_equal_products_and_floors() {
        for value in -300i64..300 {
            for shift in 0..9 {
                assert_eq!(shift_rounding(value, shift), value * (1 << shift));
                let unit = 1 << shift;
                let floor = (2 * value + unit).div_euclid(2 * unit);
                if shift > 0 {
                    assert_eq!(shift_rounding(value, -shift), floor, "{value} {shift}");
                }
            }
        }
    }

    #[test]
    fn shifts_of_any_length_keep_the_sign_or_vanish() {
        for value in [1, -1, 1 << 40, -(1 << 40)] {
            assert_eq!(shift_left(value, 255).signum(), value.signum());
            assert_eq!(
                clip(shift_left(value, 255), 32),
                clip(i64::MAX * value.signum(), 32)
            );
            assert_eq!(shift_rounding(value, -128), 0);
            assert_eq!(shift_rounding(value, -62), 0);
        }
        assert_eq!(shift_left(0, 255), 0);
    }

    #[test]
    fn the_ends_of_a_width_are_kept() {
        assert_eq!(saturate(200, 8), 127);
        assert_eq!(saturate(-200, 8), -128);
        assert_eq!(clip(1 << 33, 32), (1 << 32) - 1);
        assert_eq!(clip(-(1 << 33), 32), -(1 << 32));
    }
}
