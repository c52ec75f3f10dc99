//! The search for the best threshold and step of one channel.
//!
//! A threshold T and an interval s give the boundaries T + floor(n · s), n = 0, 1, … The search knows two moves:
//!
//! - [`at_step`](Search::at_step): for a given step, try the thresholds that make one boundary right;
//! - [`at_threshold`](Search::at_threshold): for a given threshold, try the steps at which most boundaries are right.
//!
//! It goes through steps and thresholds in four stages, and ends as soon as nothing better can follow.
//!
//! # Example
//!
//! The ideal boundaries are 0, 3, 6, the ideal interval is 2.6.
//!
//! 1. Threshold 0 with interval 2.6 gives 0, 2, 5: two boundaries are missed.
//! 2. For interval 2.6, threshold 1 gives 1, 3, 6: one boundary is missed.
//! 3. For threshold 0, intervals in 3 .. 3.5 make both further boundaries right (see `step.rs`). Interval 3 is nearest to 2.6
//!    and gives 0, 3, 6: no boundary is missed.
//! 4. The last stage is for channels of which at most one inner boundary can be right. It is not needed here.

use super::choice::{Choice, Goal};
use super::step::{nearest_step, saturate};
use alloc::vec::Vec;

pub(super) struct Search<'a> {
    goal: Goal<'a>,
    best: Choice,
}

impl<'a> Search<'a> {
    /// Begins with the ideal threshold and the step of the ideal interval.
    pub(super) fn new(goal: Goal<'a>) -> Self {
        let step = goal.nearest_step();
        let best = goal.rate(saturate(goal.first()), step, &goal.distances(step));
        Self { goal, best }
    }

    /// The best choice.
    pub(super) fn run(mut self) -> Choice {
        if self.best.is_perfect() {
            return self.best;
        }
        let nearest = self.goal.nearest_step();
        self.at_step(nearest);
        for step in self.goal.stored_steps(nearest) {
            self.at_step(step);
        }
        self.near_the_ideal();
        // Two right inner boundaries tie the step to the ideal step. With one at most, any wide step does as well.
        let outer = self.goal.ideal.len() - self.goal.inner().count();
        if !self.best.is_perfect() && self.right() <= outer + 1 {
            self.far_from_the_ideal();
        }
        self.best
    }

    /// How many boundaries are right with the best choice so far.
    fn right(&self) -> usize {
        self.goal.ideal.len() - usize::from(self.best.missed)
    }

    /// Keeps a choice if it is the best so far.
    fn offer(&mut self, choice: Choice) {
        if choice < self.best {
            self.best = choice;
        }
    }

    /// Offers, for a step, the thresholds that make some boundary right; and the nearest threshold that the chip holds.
    fn at_step(&mut self, act_step: f32) {
        let goal = &self.goal;
        let distances = goal.distances(act_step);
        let (low, high) = (goal.widths.min_threshold, goal.widths.max_threshold);
        let mut best = self.best;
        let mut tried = None;
        for (&ideal, &distance) in goal.ideal.iter().zip(&distances) {
            // A boundary beyond the visible range is right as soon as it reaches the end of the visible range.
            for boundary in [ideal, goal.seen(ideal)] {
                let threshold = saturate(boundary.saturating_sub(distance));
                for threshold in [threshold, threshold.clamp(low, high)] {
                    // Neighbouring boundaries mostly ask for the same threshold.
                    if tried.replace(threshold) != Some(threshold) {
                        let choice = goal.rate(threshold, act_step, &distances);
                        if choice < best {
                            best = choice;
                        }
                    }
                }
            }
        }
        self.best = best;
    }

    /// Offers, for a threshold, the steps at which most boundaries are right.
    ///
    /// There are ranges of such steps. Each offers the step nearest to the ideal step, and the nearest step inside the chip's
    /// width. It also offers the steps that the chip stores beside these two.
    fn at_threshold(&mut self, threshold: i64) {
        let threshold = saturate(threshold);
        let steps = self.goal.right_steps(threshold.into());
        let most = steps.most();
        if most + usize::from(self.goal.first_is_right(threshold.into())) < self.right() {
            return;
        }
        let wanted = self.goal.nearest_step().to_bits();
        let widest = self.goal.widths.max_step.to_bits();
        for (first, last) in steps.with(most) {
            for wanted in [wanted, wanted.min(widest)] {
                let step = f32::from_bits(wanted.clamp(first, last));
                for step in [step].into_iter().chain(self.goal.stored_steps(step)) {
                    self.offer(self.goal.rate(threshold, step, &self.goal.distances(step)));
                }
            }
        }
    }

    /// Offers the thresholds around the ideal threshold, from near to far, as long as they can be as good as the best.
    ///
    /// How far is that? Let two right inner boundaries have the indices n < m, let d = |t − T| be the distance of the
    /// threshold from the ideal one. The two exclude each other when d >= (n + m) / (m − n). So k right boundaries beside the
    /// first need d < (2M − k + 1) / (k − 1), where M is the last index. The larger d, the fewer boundaries can be right.
    fn near_the_ideal(&mut self) {
        let goal = &self.goal;
        let boundaries = goal.ideal.len();
        let last = boundaries - 1;
        let inner = goal.inner().count();
        let center = self.ideal_threshold();
        for away in 0..=2 * last as i64 + 4 {
            // The fractions that floor takes leave the ideal threshold open by less than 2.
            let d = (away - 2).max(0) as usize;
            let right_inner = if d == 0 {
                inner
            } else {
                inner.min(2 + 2 * last / (d + 1))
            };
            let possible = boundaries - inner + right_inner;
            if possible < self.right() {
                break;
            }
            self.at_threshold(center.saturating_sub(away));
            if away != 0 {
                self.at_threshold(center.saturating_add(away));
            }
        }
    }

    /// The ideal threshold as the ideal interval gives it from a boundary that has not saturated.
    fn ideal_threshold(&self) -> i64 {
        let goal = &self.goal;
        let is_inside = |&n: &usize| {
            let ideal = goal.ideal[n];
            i64::from(i32::MIN) < ideal && ideal < i64::from(i32::MAX)
        };
        let anchor = goal
            .inner()
            .next()
            .or_else(|| (0..goal.ideal.len()).find(is_inside))
            .unwrap_or(0);
        goal.ideal[anchor].saturating_sub((anchor as f64 * goal.interval) as i64)
    }

    /// Offers choices with at most one right inner boundary, beside the boundaries at the ends of the visible range.
    ///
    /// An interval as wide as the visible range keeps all other boundaries out of it. So the narrowest intervals that do are
    /// offered, and the widest that the chip holds.
    fn far_from_the_ideal(&mut self) {
        let (below, highest) = self.goal.ends;
        let last = self.goal.ideal.len() - 1;
        let (scale, widths) = (self.goal.scale, self.goal.widths);
        let mut steps: Vec<f32> = self
            .gaps()
            .into_iter()
            .map(|gap| {
                let step = (gap as f64 / scale) as f32;
                let is_enough = f64::from(step) * scale >= gap as f64;
                nearest_step(f64::from(if is_enough { step } else { step.next_up() }))
            })
            .collect();
        steps.push(widths.max_step);
        let stored = steps.iter().flat_map(|&step| self.goal.stored_steps(step));
        let stored: Vec<f32> = stored.collect();
        for act_step in steps.into_iter().chain(stored) {
            self.at_step(act_step);
            for n in 0..=last {
                let distance = (n as f64 * f64::from(act_step) * scale) as i64;
                let boundary = self.goal.seen(self.goal.ideal[n]);
                let threshold = boundary.saturating_sub(distance);
                self.at_threshold(threshold);
                self.at_threshold(threshold.saturating_add(1));
            }
        }
        let ends = [
            widths.min_threshold,
            widths.max_threshold,
            i32::MIN,
            i32::MAX,
        ];
        for threshold in ends.map(i64::from).into_iter().chain([below, highest]) {
            self.at_threshold(threshold);
        }
    }

    /// The width of the visible range, then for each inner boundary the interval that keeps its neighbours out of it.
    fn gaps(&self) -> Vec<i64> {
        let goal = &self.goal;
        let (below, highest) = goal.ends;
        let last = goal.ideal.len() - 1;
        let mut gaps = Vec::with_capacity(last + 2);
        gaps.push(highest - below);
        for n in goal.inner() {
            let above = if n < last { highest - goal.ideal[n] } else { 0 };
            let under = if n > 0 { goal.ideal[n] - below } else { 0 };
            gaps.push(above.max(under));
        }
        gaps
    }
}
