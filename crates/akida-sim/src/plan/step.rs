use super::neural::Neural;
use super::scratch::{PerInput, Scratch, Sizes};
use crate::exec::Crew;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// What a plan does for one layer.
#[derive(Debug)]
pub(super) enum Step {
    /// Passes the input on.
    Input,
    /// Joins the levels of other layers.
    Concat {
        /// (layer, its channels), in order.
        parts: Vec<(usize, usize)>,
    },
    /// Convolves or multiplies.
    Neural(Box<Neural>),
}

impl Step {
    /// What it needs for so many inputs at once.
    pub(super) fn sizes(&self, inputs: usize) -> Sizes {
        match self {
            Self::Input | Self::Concat { .. } => Sizes::default(),
            Self::Neural(neural) => neural.sizes(inputs),
        }
    }

    /// Bytes of packed weights and parameters.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Input | Self::Concat { .. } => 0,
            Self::Neural(neural) => neural.bytes(),
        }
    }

    /// Computes the outputs of layer `index` at some places among those that are kept; those of all layers before it are
    /// there, from the first place on.
    pub(super) fn run(
        &self,
        index: usize,
        input: &[u8],
        places: Range<usize>,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
    ) {
        let (earlier, later) = scratch.levels.split_at_mut(index);
        let Some(levels) = later.first_mut() else {
            return;
        };
        let inputs = places.len();
        let levels = levels.of(places);
        match self {
            Self::Input => levels.copy_from_slice(input),
            Self::Concat { parts } => concat(parts, earlier, levels),
            Self::Neural(neural) => {
                let map = match neural.source {
                    None => input,
                    Some(source) => earlier[source].first(inputs),
                };
                let potentials = match neural.levels {
                    Some(_) => &mut [],
                    None => scratch.potentials.of(0..inputs),
                };
                neural.run(inputs, map, &mut scratch.works, crew, levels, potentials);
            }
        }
    }
}

fn concat(parts: &[(usize, usize)], earlier: &[PerInput<u8>], joined: &mut [u8]) {
    let total: usize = parts.iter().map(|(_, channels)| channels).sum();
    let mut first = 0;
    for &(layer, channels) in parts {
        let positions = joined.chunks_exact_mut(total);
        for (to, from) in positions.zip(earlier[layer].first(1).chunks_exact(channels)) {
            to[first..first + channels].copy_from_slice(from);
        }
        first += channels;
    }
}
