//! The potentials that a layer's weights can produce, by interval arithmetic.

use super::bits::max_level;
use super::layer::Pooling;
use super::model::Layer;
use super::tensor::Weights;
use alloc::vec;
use alloc::vec::Vec;

/// The smallest and the largest potential of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// The smallest potential, at most 0.
    pub min: i64,
    /// The largest potential, at least 0.
    pub max: i64,
}

impl Reach {
    /// Adds `weight` times any value of `input`.
    fn add(&mut self, weight: i8, input: Self) {
        let weight = i64::from(weight);
        let (a, b) = (weight * input.min, weight * input.max);
        self.min += a.min(b);
        self.max += a.max(b);
    }
}

/// The reach of each filter for inputs of 0 … `max_input`, whatever they are.
///
/// `weights_pw` is given for separable layers; `summed` is the number of potentials that global average pooling adds, 1
/// without it. Every potential of the layer lies inside; cells of the border count as any other input.
///
/// # Examples
///
/// ```
/// use akida_sim::{Reach, Weights, reach};
///
/// let weights = Weights::new([1, 1, 3, 1], vec![7, -2, 1])?;
/// assert_eq!(reach(&weights, None, 15, 1), [Reach { min: -30, max: 120 }]);
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[must_use]
pub fn reach(
    weights: &Weights,
    weights_pw: Option<&Weights>,
    max_input: u8,
    summed: usize,
) -> Vec<Reach> {
    let input = Reach {
        min: 0,
        max: i64::from(max_input),
    };
    let [_, _, channels, filters] = weights.shape();
    let mut all = match weights_pw {
        None => {
            let mut all = vec![Reach::default(); filters];
            for row in weights.values().chunks(filters.max(1)) {
                all.iter_mut().zip(row).for_each(|(r, &w)| r.add(w, input));
            }
            all
        }
        Some(pw) => {
            let mut depthwise = vec![Reach::default(); channels];
            for row in weights.values().chunks(channels.max(1)) {
                let channels = depthwise.iter_mut().zip(row);
                channels.for_each(|(r, &w)| r.add(w, input));
            }
            let filters = pw.shape()[3];
            let mut all = vec![Reach::default(); filters];
            for (row, &d) in pw.values().chunks(filters.max(1)).zip(&depthwise) {
                all.iter_mut().zip(row).for_each(|(r, &w)| r.add(w, d));
            }
            all
        }
    };
    let summed = summed as i64;
    for r in &mut all {
        r.min *= summed;
        r.max *= summed;
    }
    all
}

impl Layer {
    /// The [`reach`] of each filter; empty for layers without weights.
    #[must_use]
    pub fn reach(&self) -> Vec<Reach> {
        let Some(variables) = &self.variables else {
            return Vec::new();
        };
        let summed = match self.spec.conv().map(|c| c.pooling) {
            Some(Pooling::GlobalAverage) => self.connection.potential_shape.positions(),
            _ => 1,
        };
        let max_input = max_level(self.connection.input_bits);
        let pw = variables.weights_pw.as_ref();
        reach(&variables.weights, pw, max_input, summed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separable_reach_goes_through_the_depthwise_sums() {
        // Depthwise sums: 0..=30 and -15..=15; the second filter turns the first around.
        let weights = Weights::new([1, 2, 2, 1], vec![1, 1, 1, -1]).unwrap();
        let pw = Weights::new([1, 1, 2, 2], vec![1, -2, 3, 1]).unwrap();
        let all = reach(&weights, Some(&pw), 15, 4);
        let first = Reach {
            min: -45 * 4,
            max: 75 * 4,
        };
        let second = Reach {
            min: -75 * 4,
            max: 15 * 4,
        };
        assert_eq!(all, [first, second]);
    }
}
