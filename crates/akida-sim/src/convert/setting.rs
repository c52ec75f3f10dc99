//! All variables of a converted layer, in one step.

use super::fit::fit_watched;
use super::{Fit, FitError, Widths, fit_output};
use crate::interrupt::{Answer, Watch};
use crate::model::{Layer, ModelBuilder, ModelError, Reach, Stage, Tensor};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a layer was not set.
#[derive(Debug, Clone, PartialEq)]
pub enum SetError {
    /// A variable does not exist, or has values that are not allowed.
    Model(ModelError),
    /// No threshold or step holds an ideal value.
    Fit(FitError),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => error.fmt(f),
            Self::Fit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetError {}

/// Sets weights of the layer at `index`, and the thresholds and steps that come nearest to ideal ones (H6). Gives for each
/// filter how many boundaries differ from the ideal boundaries inside its reach.
///
/// `ideal` and `s` are those of [`fit_boundaries`](super::fit_boundaries) for a layer with activation, and those of [`fit_output`] for a layer
/// without one. `widths` says what the chip holds of the layer.
///
/// # Errors
///
/// As for [`ModelBuilder::set_variable`], [`fit_boundaries`](super::fit_boundaries) and [`fit_output`]. The builder is then unchanged.
///
/// # Examples
///
/// ```
/// use akida_sim::convert::{Widths, set_fitted};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Weights};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 1), 4), &[])?;
/// let units = FullyConnected { weights_bits: 4, act_bits: Some(2), ..FullyConnected::new(1) };
/// let dense = builder.add("dense", units, &[])?;
/// let weights = Weights::new([1, 1, 1, 1], vec![7])?;
/// let weights = vec![("weights".into(), weights.into())];
/// let missed = set_fitted(&mut builder, dense, weights, &[10, 20, 30], &[10.0], |_| Widths::UNLIMITED)?;
/// assert_eq!(missed, [0]);
/// let set = builder.layers()[dense].thresholds().ok_or("no thresholds")?;
/// assert_eq!((set.threshold[0], set.act_step[0]), (10, 2.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_fitted(
    builder: &mut ModelBuilder,
    index: usize,
    weights: Vec<(String, Tensor)>,
    ideal: &[i64],
    s: &[f64],
    widths: impl FnOnce(&Layer) -> Widths,
) -> Result<Vec<u8>, SetError> {
    let mut watch = Watch::default();
    set_watched(builder, index, weights, (ideal, s), widths, &mut watch)
}

/// What [`set_fitted`] does, unless the answer of `interrupt` is true. It is asked now and then.
///
/// # Errors
///
/// As for [`set_fitted`]. Or the answer was true. The builder is then unchanged.
pub fn set_fitted_unless(
    builder: &mut ModelBuilder,
    index: usize,
    weights: Vec<(String, Tensor)>,
    ideal: &[i64],
    s: &[f64],
    widths: impl FnOnce(&Layer) -> Widths,
    interrupt: &dyn Fn() -> bool,
) -> Result<Vec<u8>, SetError> {
    let answer = Answer::default();
    let mut watch = Watch::new(Some(interrupt), &answer);
    set_watched(builder, index, weights, (ideal, s), widths, &mut watch)
}

fn set_watched(
    builder: &mut ModelBuilder,
    index: usize,
    weights: Vec<(String, Tensor)>,
    wanted: (&[i64], &[f64]),
    widths: impl FnOnce(&Layer) -> Widths,
    watch: &mut Watch<'_>,
) -> Result<Vec<u8>, SetError> {
    // Layers are shared, so that a copy costs little.
    let mut edited = builder.clone();
    for (name, values) in weights {
        edited
            .set_variable(index, &name, values)
            .map_err(SetError::Model)?;
    }
    let fit = match edited.layers().get(index) {
        Some(layer) => fit(layer, wanted, widths(layer), watch).map_err(SetError::Fit)?,
        None => Fit::default(),
    };
    for (name, values) in [
        ("threshold", Tensor::from(fit.threshold)),
        ("act_step", Tensor::from(fit.act_step)),
    ] {
        edited
            .set_variable(index, name, values)
            .map_err(SetError::Model)?;
    }
    *builder = edited;
    Ok(fit.mismatches)
}

/// The thresholds and steps of a layer that has its weights.
fn fit(
    layer: &Layer,
    (ideal, s): (&[i64], &[f64]),
    widths: Widths,
    watch: &mut Watch<'_>,
) -> Result<Fit, FitError> {
    let connection = layer.connection();
    match connection.stage {
        // A layer with a rescaling has no thresholds, and refuses them when they are set.
        Stage::Raw | Stage::Rescale(_) => fit_output(ideal, s),
        Stage::Thresholds => {
            let reach = match layer.reach_watched(watch)? {
                Some(reach) => reach,
                None => Reach::unknown(s.len())?,
            };
            let bits = connection.output.format.bits;
            fit_watched(ideal, s, bits, &reach, widths, watch)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupted;
    use crate::{FullyConnected, InputData, Shape, Weights};
    use alloc::vec;

    #[test]
    fn a_layer_gets_its_weights_and_what_is_fitted_inside_its_reach() {
        let mut builder = ModelBuilder::new();
        let data = InputData::new(Shape::new(1, 1, 1), 4);
        builder.add("data", data, &[]).unwrap();
        let units = FullyConnected {
            weights_bits: 4,
            act_bits: Some(2),
            ..FullyConnected::new(2)
        };
        let dense = builder.add("dense", units, &[]).unwrap();
        let weights = Weights::new([1, 1, 1, 2], vec![7, -7]).unwrap();
        let weights = vec![(String::from("weights"), Tensor::from(weights.clone()))];
        // No interval gives 0, 3, 5. The second unit has no potential above 0.
        let ideal = [0, 3, 5, 0, 3, 5];
        let missed = set_fitted(&mut builder, dense, weights, &ideal, &[2.5, 2.5], |layer| {
            assert_eq!(layer.weights().unwrap().values(), [7, -7]);
            Widths::UNLIMITED
        });
        assert_eq!(missed, Ok(vec![1, 0]));
        let layer = &builder.layers()[dense];
        assert_eq!(layer.weights().unwrap().values(), [7, -7]);
        let filters: Vec<_> = layer.thresholds().unwrap().filters().collect();
        assert_eq!(filters[0], (0, 0.625));
    }

    #[test]
    fn a_layer_that_cannot_be_set_stays_as_it_was() {
        let mut builder = ModelBuilder::new();
        let data = InputData::new(Shape::new(1, 1, 1), 4);
        builder.add("data", data, &[]).unwrap();
        let units = FullyConnected {
            weights_bits: 4,
            ..FullyConnected::new(1)
        };
        let dense = builder.add("dense", units, &[]).unwrap();
        let before = builder.layers().to_vec();
        let weights = |value| {
            let weights = Weights::new([1, 1, 1, 1], vec![value]).unwrap();
            vec![(String::from("weights"), Tensor::from(weights))]
        };
        let mut set = |index, weights, s: f64| {
            set_fitted(&mut builder, index, weights, &[3], &[s], |_| {
                Widths::UNLIMITED
            })
        };
        assert!(matches!(
            set(dense, weights(8), 1.0),
            Err(SetError::Model(_))
        ));
        assert!(matches!(
            set(dense, weights(7), -1.0),
            Err(SetError::Fit(_))
        ));
        assert!(matches!(set(7, weights(7), 1.0), Err(SetError::Model(_))));
        assert!(matches!(set(0, vec![], 1.0), Err(SetError::Model(_))));
        assert_eq!(builder.layers(), before);
    }

    #[test]
    fn an_interrupt_leaves_a_layer_as_it_was() {
        let mut builder = ModelBuilder::new();
        let data = InputData::new(Shape::new(1, 1, 200), 4);
        builder.add("data", data, &[]).unwrap();
        let units = FullyConnected {
            weights_bits: 4,
            act_bits: Some(1),
            ..FullyConnected::new(100)
        };
        let dense = builder.add("dense", units, &[]).unwrap();
        let before = builder.layers().to_vec();
        let weights = || {
            let weights = Weights::new([1, 1, 200, 100], vec![1; 20_000]).unwrap();
            vec![(String::from("weights"), Tensor::from(weights))]
        };
        let (ideal, s) = ([3; 100], [1.0; 100]);
        let asked = core::cell::Cell::new(0);
        let mut set = |last: usize| {
            asked.set(0);
            let interrupt = || {
                asked.set(asked.get() + 1);
                asked.get() == last
            };
            let widths = |_: &Layer| Widths::UNLIMITED;
            set_fitted_unless(
                &mut builder,
                dense,
                weights(),
                &ideal,
                &s,
                widths,
                &interrupt,
            )
        };
        // The reach of every filter is asked about, then the search for every channel.
        for question in [1, 2, 5, 40, 100] {
            let stopped = Err(SetError::Fit(Interrupted.into()));
            assert_eq!(set(question), stopped, "question {question}");
        }
        assert!(set(0).is_ok());
        assert!(asked.get() >= 100);
        assert_ne!(builder.layers(), before);
    }
}
