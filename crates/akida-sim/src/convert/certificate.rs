//! What a converted layer is known to do for every input (`docs/arithmetic.md`, H7 and H9).

use super::{FitError, Widths};
use crate::interrupt::{Answer, Watch};
use crate::memory;
use crate::model::{Layer, Stage};
use crate::ops::{boundaries, level};
use alloc::vec::Vec;

/// A boundary at another potential than the ideal one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The level that begins above it, 1 … 2^b − 1.
    pub level: u8,
    /// The ideal boundary.
    pub ideal: i64,
    /// That of the layer's threshold and step.
    pub held: i32,
    /// A potential inside the reach that exceeds one of the two and not the other.
    pub witness: i32,
}

/// What is known of one filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The lowest potential inside the reach (H5).
    pub lowest: i32,
    /// The highest.
    pub highest: i32,
    /// The boundaries that differ for some potential inside the reach. With none the filter equals the ideal one for
    /// every input.
    pub differences: Vec<Difference>,
    /// The levels of the lowest and of the highest potential; `None` without activation. A filter whose highest level
    /// is 0 never fires, one whose lowest is 2^b − 1 always saturates.
    pub levels: Option<(u8, u8)>,
    /// Whether the chip holds threshold and step.
    pub held: bool,
    /// How many boundaries would move for some potential inside the reach if threshold and step were set to the nearest
    /// values that the chip holds.
    pub moved_if_clipped: u8,
}

/// The certificates of a layer's filters; none for a layer without weights.
///
/// `ideal` holds, filter after filter, the 2^b − 1 ideal boundaries (H4), and nothing for a layer without activation.
/// `widths` says what the chip holds.
///
/// # Errors
///
/// Another number of ideal boundaries than that.
///
/// # Examples
///
/// ```
/// use akida_sim::convert::{Widths, certify};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Weights, device::Device};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 1), 2), &[])?;
/// let units = FullyConnected { weights_bits: 4, act_bits: Some(2), ..FullyConnected::new(1) };
/// let dense = builder.add("dense", units, &[])?;
/// builder.set_variable(dense, "weights", Weights::new([1, 1, 1, 1], vec![2])?)?;
/// builder.set_variable(dense, "act_step", vec![0.625])?;
/// // Boundaries 0, 2, 5 of potentials 0 … 6, where 0, 3, 5 are wanted.
/// let layer = &builder.layers()[dense];
/// let device = Device::akd1000();
/// let registers = device.limits.registers_of(layer.spec());
/// let widths = registers.map_or(Widths::UNLIMITED, Widths::of);
/// let certificate = &certify(layer, &[0, 3, 5], widths)?[0];
/// assert_eq!((certificate.lowest, certificate.highest), (0, 6));
/// assert_eq!(certificate.differences[0].witness, 3);
/// assert_eq!(certificate.levels, Some((0, 3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn certify(layer: &Layer, ideal: &[i64], widths: Widths) -> Result<Vec<Certificate>, FitError> {
    certify_watched(layer, ideal, widths, &mut Watch::default())
}

/// What [`certify`] gives, unless the answer of `interrupt` is true. It is asked now and then.
///
/// # Errors
///
/// As for [`certify`]. Or the answer was true.
pub fn certify_unless(
    layer: &Layer,
    ideal: &[i64],
    widths: Widths,
    interrupt: &dyn Fn() -> bool,
) -> Result<Vec<Certificate>, FitError> {
    let answer = Answer::default();
    let mut watch = Watch::new(Some(interrupt), &answer);
    certify_watched(layer, ideal, widths, &mut watch)
}

/// The work of the certificate of a filter, in the units of [`Watch::worked`].
const WORK_PER_FILTER: u64 = 1 << 12;

fn certify_watched(
    layer: &Layer,
    ideal: &[i64],
    widths: Widths,
    watch: &mut Watch<'_>,
) -> Result<Vec<Certificate>, FitError> {
    let (Some(thresholds), Some(reach)) = (layer.thresholds(), layer.reach_watched(watch)?) else {
        return Ok(Vec::new());
    };
    let output = layer.connection().output.format;
    let (act_bits, count) = match layer.connection().stage {
        Stage::Thresholds => (Some(output.bits), output.max() as usize),
        // Layers with a rescaling have no thresholds.
        Stage::Raw | Stage::Rescale(_) => (None, 0),
    };
    if ideal.len() != count * thresholds.filters().len() {
        return Err(FitError::boundaries(ideal.len()));
    }
    let reaches = reach.lowest.iter().zip(&reach.highest);
    let filters = thresholds.filters().zip(reaches).enumerate();
    let mut certificates = memory::with_capacity(filters.len())?;
    for (f, ((threshold, act_step), (&lowest, &highest))) in filters {
        let held = |threshold, act_step| match act_bits {
            Some(bits) => boundaries(threshold, act_step, bits),
            None => Vec::new(),
        };
        let own = held(threshold, act_step);
        let clipped = held(
            threshold.clamp(widths.min_threshold, widths.max_threshold),
            act_step.min(widths.max_step),
        );
        // Boundaries as potentials see them.
        let below = i64::from(lowest) - 1;
        let seen = |b: i64| b.clamp(below, i64::from(highest));
        let differences = own.iter().zip(&ideal[f * count..]).zip(1..);
        let moved = own.iter().zip(&clipped);
        certificates.push(Certificate {
            lowest,
            highest,
            differences: differences
                .filter_map(|((&held, &ideal), level)| {
                    let (a, b) = (seen(i64::from(held)), seen(ideal));
                    (a != b).then(|| Difference {
                        level,
                        ideal,
                        held,
                        // At least the lowest potential, and at most the highest as the other is above.
                        witness: (a.min(b) + 1) as i32,
                    })
                })
                .collect(),
            levels: act_bits.map(|_| (level(lowest, &own), level(highest, &own))),
            held: widths.hold(threshold, act_step),
            moved_if_clipped: moved
                .filter(|&(&a, &b)| seen(i64::from(a)) != seen(i64::from(b)))
                .count() as u8,
        });
        watch.worked(WORK_PER_FILTER)?;
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::{FullyConnected, InputData, ModelBuilder, Shape, Weights};
    use alloc::vec;

    /// A unit that reads one value of 0 … 15 with a weight.
    fn unit(weight: i8, threshold: i32, act_step: f32, act_bits: Option<u8>) -> ModelBuilder {
        let mut builder = ModelBuilder::new();
        let data = InputData::new(Shape::new(1, 1, 1), 4);
        builder.add("data", data, &[]).unwrap();
        let units = FullyConnected {
            weights_bits: 8,
            act_bits,
            ..FullyConnected::new(1)
        };
        let dense = builder.add("dense", units, &[]).unwrap();
        let weights = Weights::new([1, 1, 1, 1], vec![weight]).unwrap();
        builder.set_variable(dense, "weights", weights).unwrap();
        builder
            .set_variable(dense, "threshold", vec![threshold])
            .unwrap();
        builder
            .set_variable(dense, "act_step", vec![act_step])
            .unwrap();
        builder
    }

    fn certified(
        builder: &ModelBuilder,
        index: usize,
        ideal: &[i64],
    ) -> Result<Vec<Certificate>, FitError> {
        let layer = &builder.layers()[index];
        let limits = Device::akd1000().limits;
        let registers = limits.registers_of(layer.spec()).unwrap();
        certify(layer, ideal, Widths::of(registers))
    }

    fn of(builder: &ModelBuilder, ideal: &[i64]) -> Certificate {
        certified(builder, 1, ideal).unwrap().remove(0)
    }

    #[test]
    fn boundaries_outside_the_reach_do_not_differ() {
        // Potentials 0 … 105, boundaries 0, 80, 160.
        let builder = unit(7, 0, 20.0, Some(2));
        for ideal in [[0, 80, 160], [0, 80, 105], [0, 80, 1 << 40]] {
            assert_eq!(of(&builder, &ideal).differences, []);
        }
        let found = of(&builder, &[-5, 79, 104]).differences;
        let all = found.iter().map(|d| (d.level, d.ideal, d.held, d.witness));
        assert_eq!(
            all.collect::<Vec<_>>(),
            [(1, -5, 0, 0), (2, 79, 80, 80), (3, 104, 160, 105)]
        );
    }

    #[test]
    fn each_filter_is_compared_with_its_own_boundaries() {
        let mut builder = ModelBuilder::new();
        let data = InputData::new(Shape::new(1, 1, 1), 4);
        builder.add("data", data, &[]).unwrap();
        let units = FullyConnected {
            weights_bits: 8,
            act_bits: Some(2),
            ..FullyConnected::new(2)
        };
        builder.add("dense", units, &[]).unwrap();
        let weights = Weights::new([1, 1, 1, 2], vec![7, 1]).unwrap();
        let variables: [(&str, crate::Tensor); 3] = [
            ("weights", weights.into()),
            ("threshold", vec![0, 2].into()),
            ("act_step", vec![1.0, 0.5].into()),
        ];
        for (name, values) in variables {
            builder.set_variable(1, name, values).unwrap();
        }
        // Boundaries 0, 4, 8 of potentials 0 … 105, and 2, 4, 6 of 0 … 15.
        let found = certified(&builder, 1, &[0, 4, 8, 2, 5, 6]).unwrap();
        assert_eq!(found[0].differences, []);
        let different = Difference {
            level: 2,
            ideal: 5,
            held: 4,
            witness: 5,
        };
        assert_eq!(found[1].differences, [different]);
        for ideal in [&[0, 4, 8][..], &[0], &[0, 4, 8, 2, 5], &[]] {
            assert!(certified(&builder, 1, ideal).is_err(), "{ideal:?}");
        }
    }

    #[test]
    fn stuck_filters_have_one_level() {
        assert_eq!(of(&unit(0, 0, 1.0, Some(1)), &[0]).levels, Some((0, 0)));
        assert_eq!(of(&unit(7, -1, 1.0, Some(1)), &[-1]).levels, Some((1, 1)));
        assert_eq!(of(&unit(7, 104, 1.0, Some(1)), &[104]).levels, Some((0, 1)));
        assert_eq!(of(&unit(7, 0, 1.0, None), &[]).levels, None);
    }

    #[test]
    fn clipping_counts_where_potentials_see_it() {
        let beyond = |threshold, act_step, ideal: &[i64]| {
            let found = of(&unit(127, threshold, act_step, Some(2)), ideal);
            (found.held, found.moved_if_clipped)
        };
        assert_eq!(beyond(0, 1.0, &[0, 4, 8]), (true, 0));
        // Far above all potentials, and still so when clipped.
        assert_eq!(beyond(1 << 20, 1.0, &[0, 4, 8]), (false, 0));
        assert_eq!(beyond(0, 1e6, &[0, 4, 8]), (false, 0));
        // Thresholds that only the step brings within reach.
        assert_eq!(beyond(-524_289, 131_073.0, &[0, 4, 8]), (false, 2));
    }

    #[test]
    fn another_number_of_boundaries_is_refused() {
        let builder = unit(1, 0, 1.0, Some(2));
        assert!(certified(&builder, 1, &[0]).is_err());
        assert_eq!(certified(&builder, 0, &[]), Ok(vec![]));
    }
}
