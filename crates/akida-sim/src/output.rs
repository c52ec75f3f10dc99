//! From potentials to levels: the fast form of rule E3, shared by all kernels.

use crate::kernels::LevelsRun;
use crate::model::{Output, Variables};
use crate::ops;
use alloc::vec;
use alloc::vec::Vec;

/// The integer boundaries of a layer's channels, laid out for comparison of neighbouring channels, and the routine that
/// compares.
pub(crate) struct Levels {
    /// Boundary n of channel f at `[n * filters + f]`.
    boundaries: Vec<i32>,
    filters: usize,
    run: LevelsRun,
}

impl Levels {
    /// The boundaries of `variables`; `None` for a layer without activation.
    pub(crate) fn new(variables: &Variables, output: Output, run: LevelsRun) -> Option<Self> {
        let Output::Levels { bits } = output else {
            return None;
        };
        let filters = variables.threshold.len();
        let count = usize::from(crate::model::bits::max_level(bits));
        let mut boundaries = vec![0; count * filters];
        let channels = variables.threshold.iter().zip(&variables.act_step);
        for (f, (&threshold, &act_step)) in channels.enumerate() {
            for (n, b) in ops::boundaries(threshold, act_step, bits)
                .into_iter()
                .enumerate()
            {
                boundaries[n * filters + f] = b;
            }
        }
        Some(Self {
            boundaries,
            filters,
            run,
        })
    }

    /// The levels of `potentials`, positions of as many channels as there are filters.
    pub(crate) fn apply(&self, potentials: &[i32], levels: &mut [u8]) {
        (self.run)(&self.boundaries, self.filters, potentials, levels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Kernel, LevelsKernel, available};
    use crate::model::Weights;

    /// Every potential around every boundary of every width.
    #[test]
    fn levels_equal_the_definition() {
        for (kernel, bits) in
            available::<LevelsKernel>().flat_map(|k| [1u8, 2, 4].map(|bits| (k, bits)))
        {
            for filters in [1usize, 3, 15, 16, 17, 33] {
                let threshold: Vec<i32> = (0..filters as i32).map(|f| f * 37 - 200).collect();
                let act_step: Vec<f32> = (0..filters).map(|f| 0.07 + f as f32 * 0.9).collect();
                let variables = Variables {
                    weights: Weights::zeros([1, 1, 1, filters], 8),
                    weights_pw: None,
                    threshold,
                    act_step,
                };
                let fast = Levels::new(&variables, Output::Levels { bits }, kernel.run).unwrap();
                for p in (-600..1500).chain([i32::MAX, -i32::MAX]) {
                    let mut levels = vec![0; filters];
                    fast.apply(&vec![p; filters], &mut levels);
                    let expected: Vec<u8> = (0..filters)
                        .map(|f| {
                            let (t, s) = (variables.threshold[f], variables.act_step[f]);
                            ops::level(p, &ops::boundaries(t, s, bits))
                        })
                        .collect();
                    assert_eq!(
                        levels,
                        expected,
                        "{}, bits {bits}, potential {p}",
                        kernel.name()
                    );
                }
            }
        }
    }
}
