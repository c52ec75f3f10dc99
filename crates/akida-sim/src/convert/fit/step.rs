//! Steps as float32 numbers, and the steps for which most boundaries are right.
//!
//! A *step* here is an `act_step`: a positive finite float32. The bits of such numbers, read as an integer, rise with the
//! numbers. So the steps are the integers 1 ..= [`LAST`], and a range of steps is a range of integers.
//!
//! # Example
//!
//! The threshold is 0 and the interval between boundaries equals the step. The ideal boundaries are 0, 3, 6. Boundary 1 is
//! floor(step): it is 3 for steps in 3 .. 4. Boundary 2 is floor(2 · step): it is 6 for steps in 3 .. 3.5. Both are right
//! for steps in 3 .. 3.5, where the two ranges overlap.

/// The bits of the largest step.
pub(super) const LAST: u32 = f32::MAX.to_bits();
/// The most boundaries of a channel: levels have at most 4 bits.
pub(super) const BOUNDARIES: usize = 15;

/// The step nearest to a value.
pub(super) fn nearest_step(value: f64) -> f32 {
    (value as f32).clamp(f32::from_bits(1), f32::MAX)
}

/// How far each boundary lies above the threshold: floor(n · interval) for every n.
pub(super) fn distances(interval: f64) -> [i64; BOUNDARIES] {
    let mut distances = [0i64; BOUNDARIES];
    for (distance, n) in distances.iter_mut().zip(0u8..) {
        // The product is exact: n has 4 bits, the interval 24. The cast of a positive number is its floor.
        *distance = (f64::from(n) * interval) as i64;
    }
    distances
}

/// The bits of the smallest step with n · step · scale >= `distance`, for n >= 1; LAST + 1 where no step is so large.
///
/// `scale` is a power of two.
pub(super) fn smallest_step(n: usize, scale: f64, distance: i64) -> u32 {
    if distance <= 0 {
        return 1;
    }
    let (n, distance) = (n as f64, distance as f64);
    let guess = (distance / n / scale) as f32;
    if guess > f32::MAX {
        return LAST + 1;
    }
    let guess = guess.to_bits().max(1);
    // The products are exact: n has 4 bits, the step 24.
    let reaches = f64::from(f32::from_bits(guess)) * scale * n >= distance;
    guess + u32::from(!reaches)
}

/// For one threshold, the range of steps of each boundary for which the boundary is right.
///
/// The first boundary is the threshold itself and has no range.
pub(super) struct RightSteps {
    /// The bits of the first step of a range, and of the step behind its last.
    ranges: [(u32, u32); BOUNDARIES - 1],
    count: usize,
}

impl RightSteps {
    pub(super) fn none() -> Self {
        Self {
            ranges: [(0, 0); BOUNDARIES - 1],
            count: 0,
        }
    }

    /// Adds the range of a boundary: the steps `from` .. `to`, which may be none.
    pub(super) fn add(&mut self, from: u32, to: u32) {
        if from < to {
            self.ranges[self.count] = (from, to);
            self.count += 1;
        }
    }

    fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges[..self.count]
    }

    /// How many boundaries are right at a step, and the larger step from which on one of them is not.
    fn at(&self, step: u32) -> (usize, u32) {
        let around = self
            .ranges()
            .iter()
            .filter(|(from, to)| (*from..*to).contains(&step));
        around.fold((0, LAST + 1), |(count, end), &(_, to)| {
            (count + 1, to.min(end))
        })
    }

    /// The steps at which a boundary becomes right, and the smallest step.
    fn starts(&self) -> impl Iterator<Item = u32> {
        self.ranges().iter().map(|&(from, _)| from).chain([1])
    }

    /// The most boundaries that are right at one step.
    pub(super) fn most(&self) -> usize {
        self.starts()
            .map(|start| self.at(start).0)
            .max()
            .unwrap_or(0)
    }

    /// The ranges of steps at which `most` boundaries are right: the first step and the last of each.
    pub(super) fn with(&self, most: usize) -> impl Iterator<Item = (u32, u32)> {
        self.starts().filter_map(move |start| {
            let (count, end) = self.at(start);
            (count == most && start < end).then_some((start, end - 1))
        })
    }
}

/// The nearest int32.
pub(super) fn saturate(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn ranges_overlap_where_both_boundaries_are_right() {
        let of = |n, boundary| {
            (
                smallest_step(n, 1.0, boundary),
                smallest_step(n, 1.0, boundary + 1),
            )
        };
        let bits = |step: f32| step.to_bits();
        assert_eq!(of(1, 3), (bits(3.0), bits(4.0)));
        assert_eq!(of(2, 6), (bits(3.0), bits(3.5)));
        let mut steps = RightSteps::none();
        for (from, to) in [of(1, 3), of(2, 6)] {
            steps.add(from, to);
        }
        assert_eq!(steps.most(), 2);
        let found: Vec<_> = steps.with(2).collect();
        assert_eq!(found, [(bits(3.0), bits(3.5) - 1); 2]);
    }

    #[test]
    fn the_smallest_step_reaches_its_distance_and_the_one_before_does_not() {
        for (n, scale, distance) in [
            (3, 4.0, 1_000_001),
            (14, 1.0, 1),
            (7, 2.0, i64::from(i32::MAX)),
        ] {
            let step = smallest_step(n, scale, distance);
            let product = |bits: u32| f64::from(f32::from_bits(bits)) * scale * n as f64;
            assert!(product(step) >= distance as f64 && product(step - 1) < distance as f64);
        }
        assert_eq!(smallest_step(1, 1.0, 0), 1);
    }
}
