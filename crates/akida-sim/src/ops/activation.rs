//! Levels (section E) and predictions (rule F2).

use crate::model::{Format, LEVEL_BITS};
use alloc::vec::Vec;

/// The 2^b − 1 integer boundaries B_n = T + floor(n · s), s = act_step · 2^(4 − b) (E1, E3), rising.
///
/// `act_bits` is 1, 2 or 4. Other widths have no boundaries. A potential has the level n + 1 or more when it exceeds B_n.
/// A boundary beyond the range of int32 becomes the end of that range.
///
/// # Examples
///
/// ```
/// assert_eq!(akida_sim::ops::boundaries(10, 0.6, 2), [10, 12, 14]);
/// ```
#[must_use]
pub fn boundaries(threshold: i32, act_step: f32, act_bits: u8) -> Vec<i32> {
    if !LEVEL_BITS.contains(&act_bits) {
        return Vec::new();
    }
    let interval = f64::from(act_step) * f64::from(1u16 << (4 - act_bits));
    (0..Format::unsigned(act_bits).max())
        .map(|n| {
            // Exact: n has 4 bits, and the interval has 24. The cast saturates, and so does the clamp after it.
            let distance = libm::floor(n as f64 * interval) as i64;
            let boundary = i64::from(threshold).saturating_add(distance);
            boundary.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
        })
        .collect()
}

/// The level of a potential: how many boundaries it exceeds (E3).
#[must_use]
pub fn level(potential: i32, boundaries: &[i32]) -> u8 {
    boundaries.iter().filter(|&&b| potential > b).count() as u8
}

/// float32((P − T) / act_step): an exact difference, one division in double precision, one rounding (F2).
///
/// # Examples
///
/// ```
/// assert_eq!(akida_sim::ops::prediction(3, -1, 4.166_666_5), 0.960_000_04);
/// ```
#[must_use]
pub fn prediction(potential: i32, threshold: i32, act_step: f32) -> f32 {
    let difference = i64::from(potential) - i64::from(threshold);
    (difference as f64 / f64::from(act_step)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_potential_must_exceed_a_boundary() {
        let b = boundaries(10, 0.6, 2);
        assert_eq!(
            [10, 11, 12, 13, 14, 15].map(|p| level(p, &b)),
            [0, 1, 1, 2, 2, 3]
        );
    }

    #[test]
    fn a_prediction_is_an_exact_difference_divided_and_rounded_once() {
        assert_eq!(prediction(9, 2, 4.0), 1.75);
        assert_eq!(prediction(-9, 2, 0.5), -22.0);
        assert_eq!(prediction(i32::MAX, i32::MIN, 1.0), 4_294_967_296.0);
        assert_eq!(prediction(i32::MIN, i32::MAX, 2.0), -2_147_483_648.0);
        assert_eq!(
            prediction(i32::MAX, i32::MIN, f32::from_bits(1)),
            f32::INFINITY
        );
    }

    #[test]
    fn one_bit_ignores_the_step() {
        for act_step in [f32::MIN_POSITIVE, 1.0, f32::MAX] {
            assert_eq!(boundaries(-7, act_step, 1), [-7]);
        }
    }

    #[test]
    fn boundaries_saturate_instead_of_wrapping() {
        let b = boundaries(i32::MAX - 1, 3.0e38, 4);
        assert_eq!(b[0], i32::MAX - 1);
        assert!(b[1..].iter().all(|&b| b == i32::MAX));
        let tiny = boundaries(i32::MIN, f32::from_bits(1), 4);
        assert_eq!(tiny, [i32::MIN; 15]);
    }

    #[test]
    fn levels_of_every_potential_equal_the_ceiling() {
        for (threshold, eighths, bits) in
            [(3, 5, 4), (-20, 19, 4), (0, 8, 2), (-3, 3, 2), (5, 9, 1)]
        {
            let b = boundaries(threshold, eighths as f32 / 8.0, bits);
            let interval = eighths << (4 - bits);
            for p in -200..600 {
                let ceil = ((p - threshold) * 8 + interval - 1).div_euclid(interval);
                let expected = ceil.clamp(0, (1 << bits) - 1) as u8;
                assert_eq!(
                    level(p, &b),
                    expected,
                    "T {threshold} s {interval}/8 b {bits} P {p}"
                );
            }
        }
    }
}
