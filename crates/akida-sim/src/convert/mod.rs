//! The numeric part of conversion: from ideal real thresholds and steps to those an Akida layer can hold.
//!
//! Implements rule H5 of `docs/arithmetic.md`.

mod exact;

use crate::model::bits;
use alloc::vec::Vec;
use core::fmt;
use exact::{MAX_MAGNITUDE, floor_of_sum};

/// `threshold` and `act_step` per channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The variable `threshold`.
    pub threshold: Vec<i32>,
    /// The variable `act_step`.
    pub act_step: Vec<f32>,
    /// How many of the 2^b − 1 boundaries differ from the ideal ones, per channel; zeros without activation.
    pub mismatches: Vec<u8>,
}

/// An ideal threshold or step that no layer can hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FitError {
    channel: usize,
    subject: &'static str,
    allowed: &'static str,
    received: f64,
}

impl FitError {
    /// The output channel concerned.
    #[must_use]
    pub fn channel(&self) -> usize {
        self.channel
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "channel {}: {} must be {}, received {}",
            self.channel, self.subject, self.allowed, self.received
        )
    }
}

impl core::error::Error for FitError {}

/// Thresholds and steps of a layer with activation: as many boundaries T + floor(n · s) as possible equal the ideal
/// floor(t + n · s), n = 0 … 2^b − 2 (H4, H5).
///
/// `t` and `s` hold one real number per channel, in units of potentials; `act_bits` is 1, 2 or 4. Boundaries beyond
/// the range of int32 count as its ends, which no potential crosses.
///
/// # Errors
///
/// A value that is not finite or beyond 1e30, a step that is not positive, an `act_bits` that does not exist, or slices of different lengths
/// (reported as the first missing channel).
///
/// # Examples
///
/// ```
/// let fit = akida_sim::convert::fit_boundaries(&[1536.0, -153.75], &[512.0, 358.5], 4)?;
/// assert_eq!(fit.threshold, [1536, -154]);
/// assert_eq!(fit.act_step[0], 512.0);
/// assert_eq!(fit.mismatches, [0, 0]);
/// # Ok::<(), akida_sim::convert::FitError>(())
/// ```
pub fn fit_boundaries(t: &[f64], s: &[f64], act_bits: u8) -> Result<Fit, FitError> {
    if bits::check("act_bits", act_bits, bits::LEVEL_BITS).is_err() {
        return Err(FitError {
            channel: 0,
            subject: "act_bits",
            allowed: "one of 1, 2, 4",
            received: f64::from(act_bits),
        });
    }
    let mut fit = check(t, s)?;
    for (&t, &s) in t.iter().zip(s) {
        let (threshold, act_step, mismatches) = fit_channel(t, s, act_bits);
        fit.threshold.push(threshold);
        fit.act_step.push(act_step);
        fit.mismatches.push(mismatches);
    }
    Ok(fit)
}

/// Thresholds and steps of a layer without activation: `t` rounded to nearest, ties to even, and `a` in float32 (H5).
///
/// # Errors
///
/// As for [`fit_boundaries`], and a threshold outside int32 or a step outside float32.
pub fn fit_output(t: &[f64], a: &[f64]) -> Result<Fit, FitError> {
    let mut fit = check(t, a)?;
    for (channel, (&t, &a)) in t.iter().zip(a).enumerate() {
        let error = |subject, allowed, received| FitError {
            channel,
            subject,
            allowed,
            received,
        };
        let threshold = libm::rint(t);
        if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&threshold) {
            return Err(error("the threshold", "inside 32 bits", t));
        }
        let act_step = a as f32;
        if act_step == 0.0 {
            return Err(error("the step", "inside the range of float32", a));
        }
        fit.threshold.push(threshold as i32);
        fit.act_step.push(act_step);
        fit.mismatches.push(0);
    }
    Ok(fit)
}

/// An empty fit, when every value is usable.
fn check(t: &[f64], s: &[f64]) -> Result<Fit, FitError> {
    let error = |channel, subject, allowed, received| {
        Err(FitError {
            channel,
            subject,
            allowed,
            received,
        })
    };
    if t.len() != s.len() {
        let channel = t.len().min(s.len());
        return error(
            channel,
            "the step and the threshold",
            "both given",
            f64::NAN,
        );
    }
    for (channel, (&t, &s)) in t.iter().zip(s).enumerate() {
        if !(-MAX_MAGNITUDE..=MAX_MAGNITUDE).contains(&t) {
            return error(channel, "the threshold", "a number within ±1e30", t);
        }
        if !(s > 0.0 && s <= MAX_MAGNITUDE) {
            return error(channel, "the step", "greater than zero and at most 1e30", s);
        }
    }
    Ok(Fit {
        threshold: Vec::with_capacity(t.len()),
        act_step: Vec::with_capacity(t.len()),
        mismatches: Vec::with_capacity(t.len()),
    })
}

fn saturate(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// How far from s an interval is tried. One that is further away hits one boundary at most, which the nearest does too:
/// two boundaries n < m fix (m − n) intervals up to less than 2.
const INTERVAL_REACH: f64 = 2.0;

/// The best (threshold, step, boundaries missed) of one channel.
fn fit_channel(t: f64, s: f64, act_bits: u8) -> (i32, f32, u8) {
    let count = bits::max_level(act_bits);
    let ideal: Vec<i64> = (0..count)
        .map(|n| i64::from(saturate(floor_of_sum(t, n, s))))
        .collect();
    let first = ideal.first().copied().unwrap_or(0);
    // The interval is act_step times this power of two.
    let scale = f64::from(1u16 << (4 - act_bits));
    let nearest = to_step(s / scale);
    let mut best = Candidate::default();
    best.improve(nearest, first, &ideal, s, scale);
    if best.missed != 0 {
        for act_step in steps(s, count, scale) {
            best.improve(act_step, first, &ideal, s, scale);
        }
    }
    (saturate(best.threshold), best.act_step, best.missed)
}

/// A threshold and a step, and how good they are.
struct Candidate {
    threshold: i64,
    act_step: f32,
    missed: u8,
    /// Distance of the interval from the ideal one.
    off: f64,
    /// Whether the first boundary is missed.
    late: bool,
}

impl Default for Candidate {
    fn default() -> Self {
        Self {
            threshold: 0,
            act_step: 1.0,
            missed: u8::MAX,
            off: f64::INFINITY,
            late: true,
        }
    }
}

impl Candidate {
    /// Takes `act_step` with the threshold that suits it best, if that is better.
    fn improve(&mut self, act_step: f32, first: i64, ideal: &[i64], s: f64, scale: f64) {
        let interval = f64::from(act_step) * scale;
        let off = libm::fabs(interval - s);
        let mut distances = [0i64; 15];
        for (distance, n) in distances.iter_mut().zip(0u8..) {
            // Exact: n has 4 bits, the interval 24.
            *distance = libm::floor(f64::from(n) * interval) as i64;
        }
        for (&boundary, &distance) in ideal.iter().zip(&distances) {
            let threshold = i64::from(saturate(boundary.saturating_sub(distance)));
            let hit =
                |&(&b, &d): &(&i64, &i64)| i64::from(saturate(threshold.saturating_add(d))) == b;
            let missed = (ideal.len() - ideal.iter().zip(&distances).filter(hit).count()) as u8;
            let late = threshold != first;
            if (missed, late, off) < (self.missed, self.late, self.off) {
                *self = Self {
                    threshold,
                    act_step,
                    missed,
                    off,
                    late,
                };
            }
        }
    }
}

/// The steps worth trying: floor(n · interval) changes only where the interval is a multiple of 1/n, so the best set of intervals
/// begins and ends at such multiples. Gives the float32 steps on both sides of each near `s`.
fn steps(s: f64, count: u8, scale: f64) -> impl Iterator<Item = f32> {
    (1..count).flat_map(move |n| {
        let n = f64::from(n);
        let from = libm::ceil((s - INTERVAL_REACH).max(0.0) * n);
        let changes = (0..=(2.0 * INTERVAL_REACH * n) as u32).map(move |i| from + f64::from(i));
        changes.flat_map(move |m| {
            // The smallest step with n · interval >= m, and the one before it.
            let guess = to_step(m / n / scale);
            let reaches = |step: f32| f64::from(step) * scale * n >= m;
            let at = if reaches(guess) {
                guess
            } else {
                guess.next_up()
            };
            [at, at.next_down()]
                .into_iter()
                .filter(|step| step.is_finite() && *step > 0.0)
        })
    })
}

/// The nearest positive finite float32.
fn to_step(value: f64) -> f32 {
    (value as f32).clamp(f32::from_bits(1), f32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::boundaries;

    #[test]
    fn a_grid_that_can_be_hit_is_hit() {
        let fit = fit_boundaries(&[0.5, 10.0, -3.25], &[1.0, 2.5, 100.0], 4).unwrap();
        assert_eq!(fit.threshold, [0, 10, -4]);
        assert_eq!(fit.mismatches, [0, 0, 0]);
        assert_eq!(fit.act_step[..2], [1.0, 2.5]);
    }

    #[test]
    fn a_fraction_lost_by_the_threshold_is_won_back_by_the_step() {
        // Ideal 0, 3, 6: with T = 0 the ideal step 2.6 gives 0, 2, 5; a step in 3 .. 3.5 gives all three.
        let fit = fit_boundaries(&[0.9], &[2.6], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 0));
        assert_eq!(boundaries(0, fit.act_step[0], 2), [0, 3, 6]);
    }

    #[test]
    fn the_documented_impossible_case_misses_one_boundary() {
        let fit = fit_boundaries(&[0.75], &[2.5], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 1));
    }

    #[test]
    fn one_bit_is_always_exact() {
        let fit = fit_boundaries(&[-0.5, 7.999, 1e12], &[0.1, 1e9, 3.0], 1).unwrap();
        assert_eq!(fit.threshold, [-1, 7, i32::MAX]);
        assert_eq!(fit.mismatches, [0, 0, 0]);
    }

    #[test]
    fn the_last_layer_is_rounded_to_nearest() {
        let fit = fit_output(&[-0.20833, 0.83333, 2.5], &[4.0, 2.0, 1.0]).unwrap();
        assert_eq!(fit.threshold, [0, 1, 2]);
    }

    #[test]
    fn unusable_values_are_refused_with_their_channel() {
        for (t, s) in [
            (f64::NAN, 1.0),
            (0.0, 0.0),
            (0.0, f64::INFINITY),
            (0.0, -1.0),
        ] {
            let error = fit_boundaries(&[0.0, t], &[1.0, s], 4).unwrap_err();
            assert_eq!(error.channel(), 1);
        }
        assert!(fit_boundaries(&[0.0], &[1.0], 3).is_err());
        assert!(fit_boundaries(&[0.0], &[], 4).is_err());
        assert!(fit_output(&[3e9], &[1.0]).is_err());
        assert!(fit_output(&[0.0], &[1e31]).is_err());
        assert!(fit_output(&[0.0], &[1e-60]).is_err());
    }
}
