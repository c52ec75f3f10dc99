//! What a threshold and a step are to achieve for a channel, and how good a choice of both is.
//!
//! A boundary is *right* when no potential of the channel tells it from the ideal boundary.
//!
//! # Example
//!
//! The potentials of a channel lie in −30 ..= 45. Every potential exceeds a boundary of −31, and also one of −100: potentials
//! do not tell these apart. No potential exceeds 45, nor 1000. So boundaries are compared after a clamp to −31 ..= 45, the
//! *visible range*: −100 is seen as −31, and 1000 as 45. Boundaries between the ends of this range are *inner* boundaries.

use super::step::{BOUNDARIES, LAST, RightSteps, distances, nearest_step, saturate, smallest_step};
use crate::convert::Widths;

/// A threshold and a step, and how good they are; less is better, field by field in this order (H6).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Choice {
    /// How many boundaries are not right.
    pub(super) missed: u8,
    /// Whether threshold or step is too wide for the chip.
    outside: bool,
    /// Whether the first boundary is not right.
    first_missed: bool,
    /// Whether the chip would round the step.
    rounded: bool,
    /// Distance of the interval from the ideal interval.
    off: f64,
    /// Distance of the threshold from the ideal threshold.
    drift: i64,
    pub(super) threshold: i32,
    pub(super) act_step: f32,
}

impl Choice {
    /// Whether every boundary is right and the chip stores both numbers as they are.
    pub(super) fn is_perfect(&self) -> bool {
        self.missed == 0 && !self.outside && !self.rounded
    }
}

/// What is wanted of a channel with 1, 3 or 15 boundaries.
pub(super) struct Goal<'a> {
    /// The ideal boundaries, rising and inside int32.
    pub(super) ideal: &'a [i64],
    /// The ends of the visible range, between which potentials tell boundaries apart (H5).
    pub(super) ends: (i64, i64),
    /// The ideal interval between boundaries, in potentials.
    pub(super) interval: f64,
    /// The interval of a step is the step times this power of two.
    pub(super) scale: f64,
    pub(super) widths: Widths,
}

impl<'a> Goal<'a> {
    /// The goal of a channel whose potentials lie in `lowest ..= highest`.
    pub(super) fn new(
        ideal: &'a [i64],
        interval: f64,
        (lowest, highest): (i32, i32),
        widths: Widths,
    ) -> Self {
        // Below int32's lowest value the visible range needs no end: no potential has that value (B5).
        let below = i64::from(lowest.saturating_sub(1));
        Self {
            ideal,
            ends: (below, i64::from(highest)),
            interval,
            scale: f64::from(16 / (ideal.len() as u32 + 1)),
            widths,
        }
    }

    /// A boundary as potentials see it.
    pub(super) fn seen(&self, boundary: i64) -> i64 {
        boundary.clamp(self.ends.0, self.ends.1)
    }

    /// The ideal threshold.
    pub(super) fn first(&self) -> i64 {
        self.ideal.first().copied().unwrap_or(0)
    }

    /// The step of the ideal interval.
    pub(super) fn nearest_step(&self) -> f32 {
        nearest_step(self.interval / self.scale)
    }

    /// The indices of the ideal boundaries that some potential exceeds and another does not.
    pub(super) fn inner(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (ends, ideal) = (self.ends, self.ideal);
        (0..ideal.len()).filter(move |&n| ends.0 < ideal[n] && ideal[n] < ends.1)
    }

    /// How far the boundaries of a step lie above the threshold.
    pub(super) fn distances(&self, act_step: f32) -> [i64; BOUNDARIES] {
        distances(f64::from(act_step) * self.scale)
    }

    /// How good a threshold is with a step whose boundaries lie `distances` above it.
    pub(super) fn rate(
        &self,
        threshold: i32,
        act_step: f32,
        distances: &[i64; BOUNDARIES],
    ) -> Choice {
        let t = i64::from(threshold);
        let is_right = |&(&ideal, &distance): &(&i64, &i64)| {
            self.seen(i64::from(saturate(t.saturating_add(distance)))) == self.seen(ideal)
        };
        let right = self.ideal.iter().zip(distances).filter(is_right).count();
        Choice {
            missed: (self.ideal.len() - right) as u8,
            outside: !self.widths.hold(threshold, act_step),
            first_missed: !self.first_is_right(t),
            rounded: !self.widths.store(act_step),
            off: libm::fabs(f64::from(act_step) * self.scale - self.interval),
            drift: (t - self.first()).abs(),
            threshold,
            act_step,
        }
    }

    /// Whether the first boundary is right with a threshold, which is that boundary.
    pub(super) fn first_is_right(&self, threshold: i64) -> bool {
        self.seen(threshold) == self.seen(self.first())
    }

    /// The steps for which each boundary but the first is right with a threshold.
    pub(super) fn right_steps(&self, threshold: i64) -> RightSteps {
        let mut steps = RightSteps::none();
        for (n, &ideal) in self.ideal.iter().enumerate().skip(1) {
            let boundary = self.seen(ideal);
            let distance = boundary - threshold;
            // At the lower end of the visible range, every smaller boundary is right as well.
            let from = if boundary <= self.ends.0 {
                1
            } else {
                smallest_step(n, self.scale, distance)
            };
            // At the upper end of the visible range, every larger boundary is right as well.
            let to = if boundary >= self.ends.1 {
                LAST + 1
            } else {
                smallest_step(n, self.scale, distance + 1)
            };
            steps.add(from, to);
        }
        steps
    }

    /// The steps that the chip stores next to a step, below and above; none where the chip stores any step.
    pub(super) fn stored_steps(&self, act_step: f32) -> impl Iterator<Item = f32> + use<> {
        let unit = self.widths.step_unit;
        let below = libm::floorf(act_step / unit) * unit;
        let steps = [below, below + unit].into_iter();
        steps.filter(|step| step.is_finite() && *step > 0.0)
    }
}
