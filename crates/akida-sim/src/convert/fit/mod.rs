//! Integer thresholds and float32 steps for ideal boundaries (`docs/arithmetic.md`, H6).
//!
//! `search.rs` looks for the best pair, `choice.rs` says what is better, `step.rs` counts with steps as float32 numbers.

mod choice;
mod error;
mod search;
mod step;
#[cfg(test)]
mod tests;

pub use error::FitError;

use super::Widths;
use crate::interrupt::{Answer, Watch};
use crate::memory::{self, OutOfMemory};
use crate::model::{Format, LEVEL_BITS, Reach};
use alloc::vec::Vec;
use choice::Goal;
use search::Search;
use step::saturate;

/// `threshold` and `act_step` per channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fit {
    /// The variable `threshold`.
    pub threshold: Vec<i32>,
    /// The variable `act_step`.
    pub act_step: Vec<f32>,
    /// How many of the 2^b − 1 boundaries of a channel differ from the ideal boundaries inside the reach. It is 0 without
    /// activation.
    pub mismatches: Vec<u8>,
}

/// The largest interval and the largest step of an output, in potentials: far beyond what 32 bits can hold.
const MAX_STEP: f64 = 1e30;

/// Thresholds and steps of a layer with activation (H4 to H6).
///
/// A threshold T and an interval s give a channel the boundaries T + floor(n · s). As many of them as possible equal the ideal
/// boundaries for every potential inside `reach`. Of equally good choices one inside `widths` is taken, then the one whose
/// interval is nearest to the ideal interval.
///
/// `ideal` holds the 2^`act_bits` − 1 ideal boundaries floor(t + n · s) of each channel, channel after channel. They rise, and
/// the caller has computed them exactly. A boundary beyond the range of int32 counts as the end of that range, which no
/// potential crosses. `s` holds the ideal interval of each channel, in potentials.
///
/// # Errors
///
/// - An interval that is not positive, or above 1e30.
/// - An `act_bits` that is not 1, 2 or 4.
/// - Another number of boundaries or of reaches than `s` and `act_bits` ask for.
/// - A reach whose lowest potential is above its highest potential.
/// - The memory does not suffice.
///
/// # Examples
///
/// ```
/// use akida_sim::{Reach, convert::{Widths, fit_boundaries}};
///
/// let ideal = [1536, 2048, 2560, -154, 204, 563];
/// let fit = fit_boundaries(&ideal, &[512.0, 358.4], 2, &Reach::unknown(2)?, Widths::UNLIMITED)?;
/// assert_eq!(fit.threshold, [1536, -154]);
/// assert_eq!(fit.act_step[0], 128.0);
/// assert_eq!(fit.mismatches, [0, 0]);
/// // A filter that cannot fire may have any threshold that it cannot reach.
/// let reach = Reach { lowest: vec![-9], highest: vec![9] };
/// let widths = Widths { min_threshold: -512, max_threshold: 511, max_step: 63.5, step_unit: 0.5 };
/// let fit = fit_boundaries(&[1 << 20, 1 << 21, 3 << 20], &[1048576.0], 2, &reach, widths)?;
/// assert!(fit.threshold[0] >= 9 && widths.hold(fit.threshold[0], fit.act_step[0]));
/// # Ok::<(), akida_sim::convert::FitError>(())
/// ```
pub fn fit_boundaries(
    ideal: &[i64],
    s: &[f64],
    act_bits: u8,
    reach: &Reach,
    widths: Widths,
) -> Result<Fit, FitError> {
    fit_watched(ideal, s, act_bits, reach, widths, &mut Watch::default())
}

/// What [`fit_boundaries`] gives, unless the answer of `interrupt` is true. It is asked now and then.
///
/// # Errors
///
/// As for [`fit_boundaries`]. Or the answer was true.
pub fn fit_boundaries_unless(
    ideal: &[i64],
    s: &[f64],
    act_bits: u8,
    reach: &Reach,
    widths: Widths,
    interrupt: &dyn Fn() -> bool,
) -> Result<Fit, FitError> {
    let answer = Answer::default();
    let mut watch = Watch::new(Some(interrupt), &answer);
    fit_watched(ideal, s, act_bits, reach, widths, &mut watch)
}

/// The work of the longest search for a channel, in the units of [`Watch::worked`].
const WORK_PER_CHANNEL: u64 = 1 << 20;

pub(super) fn fit_watched(
    ideal: &[i64],
    s: &[f64],
    act_bits: u8,
    reach: &Reach,
    widths: Widths,
    watch: &mut Watch<'_>,
) -> Result<Fit, FitError> {
    if !LEVEL_BITS.contains(&act_bits) {
        let received = f64::from(act_bits);
        return Err(FitError::new(0, "act_bits", "one of 1, 2, 4", received));
    }
    let count = Format::unsigned(act_bits).max() as usize;
    if ideal.len() != count * s.len() {
        return Err(FitError::boundaries(ideal.len()));
    }
    for ends in [&reach.lowest, &reach.highest] {
        if ends.len() != s.len() {
            let (subject, allowed) = ("the number of reaches", "that of the intervals");
            return Err(FitError::new(0, subject, allowed, ends.len() as f64));
        }
    }
    check_steps(s)?;
    let mut fit = Fit::with_capacity(s.len())?;
    let mut held = Vec::with_capacity(count);
    for (channel, (ideal, &s)) in ideal.chunks_exact(count).zip(s).enumerate() {
        let (lowest, highest) = (reach.lowest[channel], reach.highest[channel]);
        if lowest > highest {
            let (subject, allowed) = ("the lowest potential", "at most the highest");
            return Err(FitError::new(channel, subject, allowed, lowest.into()));
        }
        held.clear();
        held.extend(ideal.iter().map(|&b| i64::from(saturate(b))));
        let goal = Goal::new(&held, s, (lowest, highest), widths);
        let best = Search::new(goal).run();
        fit.threshold.push(best.threshold);
        fit.act_step.push(best.act_step);
        fit.mismatches.push(best.missed);
        watch.worked(WORK_PER_CHANNEL)?;
    }
    Ok(fit)
}

/// Thresholds and steps of a layer without activation: `t` as it is, `a` in float32 (H6).
///
/// `t` holds the ideal thresholds, which the caller has rounded to nearest. `a` holds the potentials per unit of output.
///
/// # Errors
///
/// - A threshold outside int32.
/// - A step that is not positive, or beyond float32.
/// - Slices of different lengths.
pub fn fit_output(t: &[i64], a: &[f64]) -> Result<Fit, FitError> {
    if t.len() != a.len() {
        let (subject, allowed) = ("the number of thresholds", "that of the steps");
        return Err(FitError::new(0, subject, allowed, t.len() as f64));
    }
    check_steps(a)?;
    let mut fit = Fit::with_capacity(t.len())?;
    for (channel, (&t, &a)) in t.iter().zip(a).enumerate() {
        let error = |subject, allowed, received| FitError::new(channel, subject, allowed, received);
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
    fn with_capacity(channels: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            threshold: memory::with_capacity(channels)?,
            act_step: memory::with_capacity(channels)?,
            mismatches: memory::with_capacity(channels)?,
        })
    }
}

fn check_steps(s: &[f64]) -> Result<(), FitError> {
    match s.iter().position(|&s| !(s > 0.0 && s <= MAX_STEP)) {
        None => Ok(()),
        Some(channel) => {
            let allowed = "greater than zero and at most 1e30";
            Err(FitError::new(channel, "the step", allowed, s[channel]))
        }
    }
}
