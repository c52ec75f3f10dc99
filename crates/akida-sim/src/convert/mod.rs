//! The numeric part of conversion: from ideal real thresholds and steps to those an Akida layer can hold.
//!
//! Implements rule H5 of `docs/arithmetic.md`.

use crate::model::bits;
use alloc::vec::Vec;
use core::fmt;

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

/// Largest interval and output step, in potentials: far beyond what 32 bits can hold.
const MAX_STEP: f64 = 1e30;

/// Thresholds and steps of a layer with activation: as many boundaries T + floor(n · s) as possible equal the ideal ones
/// (H4, H5).
///
/// `ideal` holds, channel after channel, the 2^`act_bits` − 1 ideal boundaries floor(t + n · s), which the caller has computed
/// exactly; `s` holds the ideal interval of each channel in units of potentials, of which the nearest is chosen where several
/// serve. Boundaries beyond the range of int32 count as its ends, which no potential crosses.
///
/// # Errors
///
/// An interval that is not positive and at most 1e30, an `act_bits` that is not 1, 2 or 4, or another number of boundaries than
/// these ask for.
///
/// # Examples
///
/// ```
/// let fit = akida_sim::convert::fit_boundaries(&[1536, 2048, 2560, -154, 204, 563], &[512.0, 358.4], 2)?;
/// assert_eq!(fit.threshold, [1536, -154]);
/// assert_eq!(fit.act_step[0], 128.0);
/// assert_eq!(fit.mismatches, [0, 0]);
/// # Ok::<(), akida_sim::convert::FitError>(())
/// ```
pub fn fit_boundaries(ideal: &[i64], s: &[f64], act_bits: u8) -> Result<Fit, FitError> {
    let error = |channel, subject, allowed, received| FitError {
        channel,
        subject,
        allowed,
        received,
    };
    if bits::check("act_bits", act_bits, bits::LEVEL_BITS).is_err() {
        return Err(error(0, "act_bits", "one of 1, 2, 4", f64::from(act_bits)));
    }
    let count = usize::from(bits::max_level(act_bits));
    if ideal.len() != count * s.len() {
        let allowed = "2^act_bits − 1 for each interval";
        return Err(error(
            0,
            "the number of boundaries",
            allowed,
            ideal.len() as f64,
        ));
    }
    check_steps(s)?;
    let mut fit = Fit::with_capacity(s.len());
    for (ideal, &s) in ideal.chunks_exact(count).zip(s) {
        let ideal: Vec<i64> = ideal.iter().map(|&b| i64::from(saturate(b))).collect();
        let (threshold, act_step, mismatches) = fit_channel(&ideal, s);
        fit.threshold.push(threshold);
        fit.act_step.push(act_step);
        fit.mismatches.push(mismatches);
    }
    Ok(fit)
}

/// Thresholds and steps of a layer without activation: `t` as it is, `a` in float32 (H5).
///
/// `t` holds the ideal thresholds, rounded to nearest by the caller, `a` the potentials per unit of output.
///
/// # Errors
///
/// A threshold outside int32, a step that is not positive, or beyond float32, or slices of different lengths.
pub fn fit_output(t: &[i64], a: &[f64]) -> Result<Fit, FitError> {
    if t.len() != a.len() {
        return Err(FitError {
            channel: 0,
            subject: "the number of thresholds",
            allowed: "that of the steps",
            received: t.len() as f64,
        });
    }
    check_steps(a)?;
    let mut fit = Fit::with_capacity(t.len());
    for (channel, (&t, &a)) in t.iter().zip(a).enumerate() {
        let error = |subject, allowed, received| FitError {
            channel,
            subject,
            allowed,
            received,
        };
        let act_step = a as f32;
        if act_step == 0.0 {
            return Err(error("the step", "inside the range of float32", a));
        }
        let threshold =
            i32::try_from(t).map_err(|_| error("the threshold", "inside 32 bits", t as f64))?;
        fit.threshold.push(threshold);
        fit.act_step.push(act_step);
        fit.mismatches.push(0);
    }
    Ok(fit)
}

impl Fit {
    fn with_capacity(channels: usize) -> Self {
        Self {
            threshold: Vec::with_capacity(channels),
            act_step: Vec::with_capacity(channels),
            mismatches: Vec::with_capacity(channels),
        }
    }
}

fn check_steps(s: &[f64]) -> Result<(), FitError> {
    match s.iter().position(|&s| !(s > 0.0 && s <= MAX_STEP)) {
        None => Ok(()),
        Some(channel) => Err(FitError {
            channel,
            subject: "the step",
            allowed: "greater than zero and at most 1e30",
            received: s[channel],
        }),
    }
}

fn saturate(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// How far from s an interval is tried. One that is further away hits one boundary at most, which the nearest does too:
/// two boundaries n < m fix (m − n) intervals up to less than 2.
const INTERVAL_REACH: f64 = 2.0;

/// The best (threshold, step, boundaries missed) of one channel with 1, 3 or 15 boundaries.
fn fit_channel(ideal: &[i64], s: f64) -> (i32, f32, u8) {
    let first = ideal.first().copied().unwrap_or(0);
    // The interval is act_step times this power of two.
    let scale = f64::from(16 / (ideal.len() as u32 + 1));
    let nearest = to_step(s / scale);
    let mut best = Candidate::default();
    best.improve(nearest, first, ideal, s, scale);
    if best.missed != 0 {
        for act_step in steps(s, ideal.len() as u32, scale) {
            best.improve(act_step, first, ideal, s, scale);
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
    first_missed: bool,
}

impl Default for Candidate {
    fn default() -> Self {
        Self {
            threshold: 0,
            act_step: 1.0,
            missed: u8::MAX,
            off: f64::INFINITY,
            first_missed: true,
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
            // Exact: n has 4 bits, the interval 24; the cast of a positive number is its floor.
            *distance = (f64::from(n) * interval) as i64;
        }
        let mut tried = None;
        for (&boundary, &distance) in ideal.iter().zip(&distances) {
            let threshold = i64::from(saturate(boundary.saturating_sub(distance)));
            // Neighbouring boundaries mostly ask for the same threshold.
            if tried.replace(threshold) == Some(threshold) {
                continue;
            }
            let hit =
                |&(&b, &d): &(&i64, &i64)| i64::from(saturate(threshold.saturating_add(d))) == b;
            let missed = (ideal.len() - ideal.iter().zip(&distances).filter(hit).count()) as u8;
            let first_missed = threshold != first;
            if (missed, first_missed, off) < (self.missed, self.first_missed, self.off) {
                *self = Self {
                    threshold,
                    act_step,
                    missed,
                    off,
                    first_missed,
                };
            }
        }
    }
}

/// The steps worth trying: floor(n · interval) changes only where the interval is a multiple of 1/n, so the best set of intervals
/// begins and ends at such multiples. Gives the float32 steps on both sides of each near `s`.
fn steps(s: f64, count: u32, scale: f64) -> impl Iterator<Item = f32> {
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
    fn boundaries_that_can_be_hit_are_hit_with_the_nearest_step() {
        let ideal = [-4, 96, 196, 10, 12, 15];
        let fit = fit_boundaries(&ideal, &[100.0, 2.5], 2).unwrap();
        assert_eq!(fit.threshold, [-4, 10]);
        assert_eq!(fit.mismatches, [0, 0]);
        assert_eq!(fit.act_step, [25.0, 2.5 / 4.0]);
    }

    #[test]
    fn a_fraction_lost_by_the_threshold_is_won_back_by_the_step() {
        // t = 0.9: with T = 0 the ideal interval 2.6 gives 0, 2, 5; one in 3 .. 3.5 gives all three.
        let fit = fit_boundaries(&[0, 3, 6], &[2.6], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 0));
        assert_eq!(boundaries(0, fit.act_step[0], 2), [0, 3, 6]);
    }

    #[test]
    fn the_documented_impossible_case_misses_one_boundary() {
        let fit = fit_boundaries(&[0, 3, 5], &[2.5], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 1));
    }

    #[test]
    fn a_slow_rise_takes_the_threshold_of_most_boundaries() {
        // t = 4.99, s = 0.01: all but the first boundary are 5.
        let mut ideal = [5; 15];
        ideal[0] = 4;
        let fit = fit_boundaries(&ideal, &[0.01], 4).unwrap();
        assert_eq!(
            (fit.threshold[0], fit.mismatches[0], fit.act_step[0]),
            (5, 1, 0.01)
        );
    }

    #[test]
    fn one_bit_is_always_exact() {
        let fit = fit_boundaries(&[-1, 7, i64::MAX], &[0.1, 1e9, 3.0], 1).unwrap();
        assert_eq!(fit.threshold, [-1, 7, i32::MAX]);
        assert_eq!(fit.mismatches, [0, 0, 0]);
    }

    #[test]
    fn the_last_layer_keeps_its_rounded_threshold() {
        let fit = fit_output(&[0, 1, -2], &[4.0, 2.0, 0.1]).unwrap();
        assert_eq!(
            (fit.threshold, fit.act_step),
            (vec![0, 1, -2], vec![4.0, 2.0, 0.1])
        );
    }

    #[test]
    fn unusable_values_are_refused_with_their_channel() {
        for s in [0.0, f64::NAN, f64::INFINITY, -1.0, 1e31] {
            let error = fit_boundaries(&[0, 0], &[1.0, s], 1).unwrap_err();
            assert_eq!(error.channel(), 1);
        }
        assert!(fit_boundaries(&[0], &[1.0], 3).is_err());
        assert!(fit_boundaries(&[0, 1], &[1.0], 2).is_err());
        assert!(fit_output(&[1 << 31], &[1.0]).is_err());
        assert!(fit_output(&[0], &[1e31]).is_err());
        assert!(fit_output(&[0], &[1e-60]).is_err());
        assert!(fit_output(&[0], &[]).is_err());
    }
}
