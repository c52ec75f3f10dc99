use super::*;
use crate::ops::boundaries;
use alloc::vec;

fn whole(ideal: &[i64], s: &[f64], act_bits: u8) -> Result<Fit, FitError> {
    fit_boundaries(
        ideal,
        s,
        act_bits,
        &Reach::unknown(s.len()).unwrap(),
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
        assert!(!error.is_interrupted());
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

/// Thresholds of 10 bits, steps of up to 63.5 in halves.
const NARROW: Widths = Widths {
    min_threshold: -512,
    max_threshold: 511,
    max_step: 63.5,
    step_unit: 0.5,
};

#[test]
fn of_thresholds_that_are_as_good_the_one_nearest_to_the_ideal_is_taken() {
    let reach = Reach {
        lowest: vec![-9],
        highest: vec![9],
    };
    let threshold = |ideal: &[i64], s: f64, bits: u8| {
        let fit = fit_boundaries(ideal, &[s], bits, &reach, NARROW).unwrap();
        assert_eq!(fit.mismatches, [0], "{ideal:?}");
        fit.threshold[0]
    };
    // A filter that cannot fire takes 9 to 511, one that always fires −512 to −10.
    assert_eq!(threshold(&[1000], 8.0, 1), 511);
    assert_eq!(threshold(&[-1000], 8.0, 1), -512);
    assert_eq!(threshold(&[300], 8.0, 1), 300);
    assert_eq!(threshold(&[1000, 1040, 1080], 40.0, 2), 511);
    assert_eq!(threshold(&[-1080, -1040, -1000], 40.0, 2), -512);
}

/// How good a threshold and a step are, by H6: less is better, in this order.
type Rank = (usize, bool, bool, bool, f64, i64);

/// A channel to be fitted: ideal boundaries, ideal interval, lowest and highest potential.
struct Channel {
    ideal: Vec<i64>,
    s: f64,
    lowest: i32,
    highest: i32,
}

const FEW_BITS: Widths = Widths {
    min_threshold: -32,
    max_threshold: 31,
    max_step: 7.9375,
    step_unit: 0.0625,
};

impl Channel {
    fn scale(&self) -> f64 {
        16.0 / (self.ideal.len() + 1) as f64
    }

    fn seen(&self, boundary: i64) -> i64 {
        boundary.clamp(i64::from(self.lowest) - 1, self.highest.into())
    }

    fn rank(&self, threshold: i32, step: f32) -> Rank {
        let interval = f64::from(step) * self.scale();
        let is_missed = |n: usize| {
            let boundary = i64::from(threshold) + (n as f64 * interval).floor() as i64;
            self.seen(boundary) != self.seen(self.ideal[n])
        };
        let allowed = FEW_BITS.min_threshold..=FEW_BITS.max_threshold;
        (
            (0..self.ideal.len()).filter(|&n| is_missed(n)).count(),
            !allowed.contains(&threshold) || step > FEW_BITS.max_step,
            is_missed(0),
            (step / FEW_BITS.step_unit).fract() != 0.0,
            (interval - self.s).abs(),
            (i64::from(threshold) - self.ideal[0]).abs(),
        )
    }

    /// The steps at which some boundary changes, those beside them, and what the chip stores around each.
    fn steps(&self, threshold: i32) -> Vec<f32> {
        let mut steps = vec![(self.s / self.scale()) as f32, FEW_BITS.max_step];
        steps.push(f32::from_bits(1));
        let ends = [i64::MIN, i64::MAX];
        for boundary in self.ideal.iter().chain(&ends) {
            for n in 1..self.ideal.len() {
                for more in [0, 1] {
                    let distance = self.seen(*boundary) + more - i64::from(threshold);
                    let step = (distance as f64 / n as f64 / self.scale()) as f32;
                    if step > 0.0 {
                        steps.extend([step, step.next_down(), step.next_up()]);
                    }
                }
            }
        }
        steps.sort_by(f32::total_cmp);
        steps.dedup();
        let below = |step: &f32| (step / FEW_BITS.step_unit).floor() * FEW_BITS.step_unit;
        let stored: Vec<f32> = steps.iter().map(below).collect();
        for step in stored {
            steps.extend([step, step + FEW_BITS.step_unit]);
        }
        steps.sort_by(f32::total_cmp);
        steps.dedup();
        steps.retain(|&step| step > 0.0);
        steps
    }

    /// The best of all thresholds in a range.
    fn best(&self, thresholds: core::ops::Range<i32>) -> Rank {
        thresholds
            .flat_map(|t| self.steps(t).into_iter().map(move |step| (t, step)))
            .map(|(t, step)| self.rank(t, step))
            .min_by(|a, b| a.partial_cmp(b).unwrap())
            .unwrap()
    }
}

#[test]
fn inside_a_reach_no_threshold_and_step_are_better() {
    let mut state = 1u64;
    let mut random = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % end
    };
    let thresholds = -120..60;
    let mut missed = 0;
    for round in 0..90 {
        let act_bits = [1, 2, 4][round % 3];
        let s = 0.05 * (1.0 + random(100) as f64 / 10.0).powf(1.0 + random(100) as f64 / 100.0);
        let lowest = random(30) as i32 - 20;
        let highest = lowest + random(25) as i32;
        let span = (f64::from(highest - lowest) + 10.0 * s) * 1000.0;
        let t = f64::from(lowest) - 8.0 * s + random(span as u64) as f64 / 1000.0;
        let ideal = (0..(1 << act_bits) - 1).map(|n| (t + f64::from(n) * s).floor() as i64);
        let channel = Channel {
            ideal: ideal.collect(),
            s,
            lowest,
            highest,
        };
        let reach = Reach {
            lowest: vec![lowest],
            highest: vec![highest],
        };
        let fit = fit_boundaries(&channel.ideal, &[s], act_bits, &reach, FEW_BITS).unwrap();
        let found = channel.rank(fit.threshold[0], fit.act_step[0]);
        assert_eq!(usize::from(fit.mismatches[0]), found.0);
        missed += found.0;
        let best = channel.best(thresholds.clone());
        let case = (t, s, lowest, highest, act_bits);
        assert!(found <= best, "{case:?}: {found:?}, {best:?}");
        assert!(
            found == best || !thresholds.contains(&fit.threshold[0]),
            "{case:?}"
        );
    }
    assert!(missed > 10, "{missed}");
}
