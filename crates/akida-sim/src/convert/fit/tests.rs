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
