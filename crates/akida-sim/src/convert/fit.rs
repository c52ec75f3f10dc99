//! Integer thresholds and float32 steps for ideal boundaries (`docs/arithmetic.md`, H6).

use super::Widths;
use crate::model::{Format, LEVEL_BITS, Reach};
use alloc::vec::Vec;
use core::fmt;

/// `threshold` and `act_step` per channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The variable `threshold`.
    pub threshold: Vec<i32>,
    /// The variable `act_step`.
    pub act_step: Vec<f32>,
    /// How many of the 2^b − 1 boundaries differ from the ideal ones inside the reach, per channel; zeros without
    /// activation.
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
    /// Another number of ideal boundaries than a layer has.
    pub(super) fn boundaries(received: usize) -> Self {
        Self {
            channel: 0,
            subject: "the number of boundaries",
            allowed: "2^act_bits − 1 for each channel",
            received: received as f64,
        }
    }

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
/// for every potential inside `reach` (H4 to H6).
///
/// `ideal` holds, channel after channel, the 2^`act_bits` − 1 ideal boundaries floor(t + n · s), rising, which the caller has
/// computed exactly; `s` holds the ideal interval of each channel in units of potentials, of which the nearest is chosen where
/// several serve. Boundaries beyond the range of int32 count as its ends, which no potential crosses. Of choices that are
/// equally good one inside `widths` is taken.
///
/// # Errors
///
/// An interval that is not positive and at most 1e30, an `act_bits` that is not 1, 2 or 4, another number of boundaries or
/// of reaches than these ask for, or a reach whose lowest potential is above its highest.
///
/// # Examples
///
/// ```
/// use akida_sim::{Reach, convert::{Widths, fit_boundaries}};
///
/// let ideal = [1536, 2048, 2560, -154, 204, 563];
/// let fit = fit_boundaries(&ideal, &[512.0, 358.4], 2, &Reach::unknown(2), Widths::UNLIMITED)?;
/// assert_eq!(fit.threshold, [1536, -154]);
/// assert_eq!(fit.act_step[0], 128.0);
/// assert_eq!(fit.mismatches, [0, 0]);
/// // A filter that cannot fire does so with any threshold that it cannot reach.
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
    let error = |channel, subject, allowed, received| FitError {
        channel,
        subject,
        allowed,
        received,
    };
    if !LEVEL_BITS.contains(&act_bits) {
        return Err(error(0, "act_bits", "one of 1, 2, 4", f64::from(act_bits)));
    }
    let count = Format::unsigned(act_bits).max() as usize;
    if ideal.len() != count * s.len() {
        return Err(FitError::boundaries(ideal.len()));
    }
    for ends in [&reach.lowest, &reach.highest] {
        if ends.len() != s.len() {
            let subject = "the number of reaches";
            return Err(error(
                0,
                subject,
                "that of the intervals",
                ends.len() as f64,
            ));
        }
    }
    check_steps(s)?;
    let mut fit = Fit::with_capacity(s.len());
    let mut held = Vec::with_capacity(count);
    for (channel, (ideal, &s)) in ideal.chunks_exact(count).zip(s).enumerate() {
        let (lowest, highest) = (reach.lowest[channel], reach.highest[channel]);
        if lowest > highest {
            let subject = "the lowest potential";
            return Err(error(
                channel,
                subject,
                "at most the highest",
                f64::from(lowest),
            ));
        }
        held.clear();
        held.extend(ideal.iter().map(|&b| i64::from(saturate(b))));
        let best = Search::new(&held, s, (lowest, highest), widths).run();
        fit.threshold.push(best.threshold);
        fit.act_step.push(best.act_step);
        fit.mismatches.push(best.missed);
    }
    Ok(fit)
}

/// Thresholds and steps of a layer without activation: `t` as it is, `a` in float32 (H6).
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

/// A threshold and a step, and how good they are; less is better, in this order (H6).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Choice {
    missed: u8,
    /// Whether the chip's widths do not hold it.
    outside: bool,
    first_missed: bool,
    /// Whether the chip would round the step.
    rounded: bool,
    /// Distance of the interval from the ideal one.
    off: f64,
    /// Distance of the threshold from the ideal one.
    drift: i64,
    threshold: i32,
    act_step: f32,
}

/// The bits of positive finite float32 numbers, which are ordered like these: 1 ..= LAST.
const LAST: u32 = f32::MAX.to_bits();

/// The search for the best threshold and step of one channel with 1, 3 or 15 boundaries.
struct Search<'a> {
    /// Inside int32.
    ideal: &'a [i64],
    /// Boundaries below the first count as the first, those above the second as the second (H5).
    window: (i64, i64),
    s: f64,
    /// The interval is act_step times this power of two.
    scale: f64,
    widths: Widths,
    best: Option<Choice>,
}

impl<'a> Search<'a> {
    fn new(ideal: &'a [i64], s: f64, (lowest, highest): (i32, i32), widths: Widths) -> Self {
        let below = i64::from(lowest.saturating_sub(1));
        Self {
            ideal,
            // A window of one value would hold nothing apart: int32's lowest value, which no potential has.
            window: (below, i64::from(highest)),
            s,
            scale: f64::from(16 / (ideal.len() as u32 + 1)),
            widths,
            best: None,
        }
    }

    fn run(mut self) -> Choice {
        let first = self.ideal.first().copied().unwrap_or(0);
        let nearest = to_step(self.s / self.scale);
        let kept = self.offer(first, nearest);
        if kept.missed == 0 && !kept.outside && !kept.rounded {
            return kept;
        }
        self.at_step(nearest);
        for step in self.stored(nearest) {
            self.at_step(step);
        }
        self.near_the_ideal();
        let inner = (0..self.ideal.len()).filter(|&n| self.is_inner(n)).count();
        let best = self.best.unwrap_or(kept);
        // With two inner boundaries right the step is tied to the ideal one; with one at most any wide step does as well.
        let right = self.ideal.len() - usize::from(best.missed);
        if (best.missed != 0 || best.outside || best.rounded)
            && right + inner <= self.ideal.len() + 1
        {
            self.far_from_the_ideal();
        }
        self.best.unwrap_or(kept)
    }

    /// A boundary as potentials see it.
    fn seen(&self, boundary: i64) -> i64 {
        boundary.clamp(self.window.0, self.window.1)
    }

    /// Whether some potential exceeds boundary n and another does not.
    fn is_inner(&self, n: usize) -> bool {
        self.window.0 < self.ideal[n] && self.ideal[n] < self.window.1
    }

    /// Rates a choice and keeps it if it is the best so far.
    fn offer(&mut self, threshold: i64, act_step: f32) -> Choice {
        let interval = f64::from(act_step) * self.scale;
        self.rate(saturate(threshold), act_step, &distances(interval))
    }

    fn rate(&mut self, threshold: i32, act_step: f32, distances: &[i64; 15]) -> Choice {
        let t = i64::from(threshold);
        let right = |&(&ideal, &d): &(&i64, &i64)| {
            self.seen(i64::from(saturate(t.saturating_add(d)))) == self.seen(ideal)
        };
        let count = self.ideal.iter().zip(distances).filter(right).count();
        let first = self.ideal.first().copied().unwrap_or(0);
        let choice = Choice {
            missed: (self.ideal.len() - count) as u8,
            outside: !self.widths.hold(threshold, act_step),
            first_missed: self.seen(t) != self.seen(first),
            rounded: !self.widths.store(act_step),
            off: libm::fabs(f64::from(act_step) * self.scale - self.s),
            drift: (t - first).abs(),
            threshold,
            act_step,
        };
        if self.best.is_none_or(|best| choice < best) {
            self.best = Some(choice);
        }
        choice
    }

    /// Offers the thresholds that suit a step: some boundary is then right by no more than is needed.
    fn at_step(&mut self, act_step: f32) {
        let distances = distances(f64::from(act_step) * self.scale);
        let (low, high) = (self.widths.min_threshold, self.widths.max_threshold);
        let mut tried = None;
        for (&ideal, &distance) in self.ideal.iter().zip(&distances) {
            for boundary in [ideal, self.seen(ideal)] {
                let threshold = saturate(boundary.saturating_sub(distance));
                for threshold in [threshold, threshold.clamp(low, high)] {
                    // Neighbouring boundaries mostly ask for the same threshold.
                    if tried.replace(threshold) != Some(threshold) {
                        self.rate(threshold, act_step, &distances);
                    }
                }
            }
        }
    }

    /// Offers the best steps for a threshold: each boundary is right for steps in one range, and where most of these
    /// overlap the step nearest to the ideal one is taken, and the one nearest to it inside the chip's width.
    fn at_threshold(&mut self, threshold: i64) {
        let threshold = i64::from(saturate(threshold));
        let mut ranges = [(0u32, 0u32); 14];
        let mut used = 0;
        for (n, &ideal) in self.ideal.iter().enumerate().skip(1) {
            let boundary = self.seen(ideal);
            // Steps from the first on exceed or reach, those from the second on are too large.
            let from = if boundary <= self.window.0 {
                1
            } else {
                self.first_step(n, boundary - threshold)
            };
            let to = if boundary >= self.window.1 {
                LAST + 1
            } else {
                self.first_step(n, boundary - threshold + 1)
            };
            if from < to {
                ranges[used] = (from, to);
                used += 1;
            }
        }
        let ranges = &ranges[..used];
        let at = |step: u32| {
            let around = ranges
                .iter()
                .filter(|(from, to)| (*from..*to).contains(&step));
            around.fold((0, LAST + 1), |(count, end), &(_, to)| {
                (count + 1, to.min(end))
            })
        };
        let starts = || ranges.iter().map(|&(from, _)| from).chain([1]);
        let most = starts().map(|start| at(start).0).max().unwrap_or(0);
        let first_right = self
            .ideal
            .first()
            .is_some_and(|&b| self.seen(b) == self.seen(threshold));
        let right = most + usize::from(first_right);
        if self
            .best
            .is_some_and(|best| usize::from(best.missed) + right < self.ideal.len())
        {
            return;
        }
        let wanted = to_step(self.s / self.scale).to_bits();
        let widest = self.widths.max_step.to_bits();
        for start in starts() {
            let (count, end) = at(start);
            if count == most && start < end {
                for wanted in [wanted, wanted.min(widest)] {
                    let step = f32::from_bits(wanted.clamp(start, end - 1));
                    self.offer(threshold, step);
                    for step in self.stored(step) {
                        self.offer(threshold, step);
                    }
                }
            }
        }
    }

    /// The steps next to one, below and above, that the chip stores; none where it stores any.
    fn stored(&self, act_step: f32) -> impl Iterator<Item = f32> + use<> {
        let unit = self.widths.step_unit;
        let below = libm::floorf(act_step / unit) * unit;
        let steps = [below, below + unit].into_iter();
        steps.filter(|step| step.is_finite() && *step > 0.0)
    }

    /// The bits of the smallest step with n · interval >= `distance`; LAST + 1 where there is none.
    fn first_step(&self, n: usize, distance: i64) -> u32 {
        if distance <= 0 {
            return 1;
        }
        // Exact products: n has 4 bits, the step 24.
        let (n, distance) = (n as f64, distance as f64);
        let guess = (distance / n / self.scale) as f32;
        if guess > f32::MAX {
            return LAST + 1;
        }
        let guess = guess.to_bits().max(1);
        let reaches = f64::from(f32::from_bits(guess)) * self.scale * n >= distance;
        guess + u32::from(!reaches)
    }

    /// Offers what lies near the ideal threshold and interval.
    ///
    /// Two inner boundaries n < m that are right tie both: with d = |t − T| they exclude each other when
    /// d >= (n + m) / (m − n). So k right ones other than the first need d < (2M − k + 1) / (k − 1), M the last index, and
    /// thresholds further away are not tried once they cannot do as well as the best so far.
    fn near_the_ideal(&mut self) {
        let last = self.ideal.len() - 1;
        let inside = |&n: &usize| {
            let ideal = self.ideal[n];
            i64::from(i32::MIN) < ideal && ideal < i64::from(i32::MAX)
        };
        let anchor = (0..=last)
            .find(|&n| self.is_inner(n))
            .or_else(|| (0..=last).find(inside))
            .unwrap_or(0);
        let inner = (0..=last).filter(|&n| self.is_inner(n)).count();
        let center = self.ideal[anchor].saturating_sub((anchor as f64 * self.s) as i64);
        for away in 0..=2 * last as i64 + 4 {
            // The anchor's fractions leave the ideal threshold open by less than 2.
            let d = (away - 2).max(0) as usize;
            let ties = if d == 0 {
                inner
            } else {
                inner.min(2 + 2 * last / (d + 1))
            };
            let possible = self.ideal.len() - inner + ties;
            let right = |best: Choice| self.ideal.len() - usize::from(best.missed);
            if self.best.is_some_and(|best| possible < right(best)) {
                break;
            }
            self.at_threshold(center.saturating_sub(away));
            if away != 0 {
                self.at_threshold(center.saturating_add(away));
            }
        }
    }

    /// Offers choices with at most one inner boundary right, beside those that are never or always exceeded: any interval
    /// as wide as the reach keeps these apart, and the narrowest and the widest that the chip holds are among those tried.
    fn far_from_the_ideal(&mut self) {
        let (below, highest) = self.window;
        let last = self.ideal.len() - 1;
        let mut gaps = Vec::with_capacity(last + 2);
        gaps.push(highest - below);
        for n in (0..=last).filter(|&n| self.is_inner(n)) {
            let above = if n < last { highest - self.ideal[n] } else { 0 };
            let under = if n > 0 { self.ideal[n] - below } else { 0 };
            gaps.push(above.max(under));
        }
        let steps = gaps.into_iter().map(|gap| {
            let step = (gap as f64 / self.scale) as f32;
            let enough = f64::from(step) * self.scale >= gap as f64;
            to_step(f64::from(if enough { step } else { step.next_up() }))
        });
        let steps: Vec<f32> = steps.chain([self.widths.max_step]).collect();
        let stored: Vec<f32> = steps.iter().flat_map(|&step| self.stored(step)).collect();
        for act_step in steps.into_iter().chain(stored) {
            self.at_step(act_step);
            for n in 0..=last {
                let distance = (n as f64 * f64::from(act_step) * self.scale) as i64;
                let threshold = self.seen(self.ideal[n]).saturating_sub(distance);
                self.at_threshold(threshold);
                self.at_threshold(threshold.saturating_add(1));
            }
        }
        let (low, high) = (self.widths.min_threshold, self.widths.max_threshold);
        let ends = [low, high, i32::MIN, i32::MAX].map(i64::from);
        for threshold in ends.into_iter().chain([below, highest]) {
            self.at_threshold(threshold);
        }
    }
}

/// floor(n · interval) for every n.
fn distances(interval: f64) -> [i64; 15] {
    let mut distances = [0i64; 15];
    for (distance, n) in distances.iter_mut().zip(0u8..) {
        // Exact: n has 4 bits, the interval 24; the cast of a positive number is its floor.
        *distance = (f64::from(n) * interval) as i64;
    }
    distances
}

/// The nearest positive finite float32.
fn to_step(value: f64) -> f32 {
    (value as f32).clamp(f32::from_bits(1), f32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::boundaries;
    use alloc::vec;

    fn whole(ideal: &[i64], s: &[f64], act_bits: u8) -> Result<Fit, FitError> {
        fit_boundaries(
            ideal,
            s,
            act_bits,
            &Reach::unknown(s.len()),
            Widths::UNLIMITED,
        )
    }

    #[test]
    fn boundaries_that_can_be_hit_are_hit_with_the_nearest_step() {
        let ideal = [-4, 96, 196, 10, 12, 15];
        let fit = whole(&ideal, &[100.0, 2.5], 2).unwrap();
        assert_eq!(fit.threshold, [-4, 10]);
        assert_eq!(fit.mismatches, [0, 0]);
        assert_eq!(fit.act_step, [25.0, 2.5 / 4.0]);
    }

    #[test]
    fn a_fraction_lost_by_the_threshold_is_won_back_by_the_step() {
        // t = 0.9: with T = 0 the ideal interval 2.6 gives 0, 2, 5; one in 3 .. 3.5 gives all three.
        let fit = whole(&[0, 3, 6], &[2.6], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 0));
        assert_eq!(boundaries(0, fit.act_step[0], 2), [0, 3, 6]);
    }

    #[test]
    fn the_documented_impossible_case_misses_one_boundary() {
        let fit = whole(&[0, 3, 5], &[2.5], 2).unwrap();
        assert_eq!((fit.threshold[0], fit.mismatches[0]), (0, 1));
    }

    #[test]
    fn a_slow_rise_takes_the_threshold_of_most_boundaries() {
        // t = 4.99, s = 0.01: all but the first boundary are 5.
        let mut ideal = [5; 15];
        ideal[0] = 4;
        let fit = whole(&ideal, &[0.01], 4).unwrap();
        assert_eq!(
            (fit.threshold[0], fit.mismatches[0], fit.act_step[0]),
            (5, 1, 0.01)
        );
    }

    #[test]
    fn one_bit_is_always_exact() {
        let fit = whole(&[-1, 7, i64::MAX], &[0.1, 1e9, 3.0], 1).unwrap();
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
            let error = whole(&[0, 0], &[1.0, s], 1).unwrap_err();
            assert_eq!(error.channel(), 1);
        }
        assert!(whole(&[0], &[1.0], 3).is_err());
        assert!(whole(&[0, 1], &[1.0], 2).is_err());
        assert!(fit_output(&[1 << 31], &[1.0]).is_err());
        assert!(fit_output(&[0], &[1e31]).is_err());
        assert!(fit_output(&[0], &[1e-60]).is_err());
        assert!(fit_output(&[0], &[]).is_err());
    }

    #[test]
    fn one_boundary_that_counts_is_right_though_the_others_saturate() {
        let mut ideal = [i64::from(i32::MIN); 15];
        ideal[14] = 5;
        let fit = whole(&ideal, &[1e11], 4).unwrap();
        assert_eq!(fit.mismatches, [1]);
        let reach = Reach {
            lowest: vec![-1000],
            highest: vec![1000],
        };
        let fit = fit_boundaries(&ideal, &[1e11], 4, &reach, Widths::UNLIMITED).unwrap();
        assert_eq!(fit.mismatches, [0]);
    }
}
