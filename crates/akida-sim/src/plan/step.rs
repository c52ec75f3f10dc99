//! The steps of a plan. `docs/engine.md` defines the words.

use super::neural::Neural;
use super::scratch::{PerInput, Scratch, Sizes};
use crate::run::{ValuesMut, ValuesRef};
use crate::threads::Crew;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// What a plan does for one layer.
#[derive(Debug)]
pub(super) enum Step {
    /// Passes the model's input on.
    Pass,
    /// Joins the outputs of other layers on the channel axis.
    Join {
        /// The layers to join, in order: (index of the layer, its channels).
        parts: Vec<(usize, usize)>,
    },
    /// Multiplies by weights.
    Neural(Box<Neural>),
}

impl Step {
    /// The sizes of the buffers that the step uses for so many inputs at once.
    pub(super) fn sizes(&self, inputs: usize) -> Sizes {
        match self {
            Self::Pass | Self::Join { .. } => Sizes::default(),
            Self::Neural(neural) => neural.sizes(inputs),
        }
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Pass | Self::Join { .. } => 0,
            Self::Neural(neural) => neural.bytes(),
        }
    }

    /// Computes the outputs of layer `index` for some inputs, and keeps them at `places`.
    ///
    /// The layers before it keep their outputs for the same inputs from place 0 on.
    pub(super) fn run(
        &self,
        index: usize,
        input: ValuesRef<'_>,
        places: Range<usize>,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
    ) {
        let (earlier, later) = scratch.outputs.split_at_mut(index);
        let Some(outputs) = later.first_mut() else {
            return;
        };
        let inputs = places.len();
        let mut outputs = outputs.of_mut(places);
        match self {
            Self::Pass => outputs.copy_from(input),
            Self::Join { parts } => join(parts, earlier, outputs),
            Self::Neural(neural) => {
                let map = match neural.source {
                    None => input,
                    Some(source) => earlier[source].first(inputs),
                };
                neural.run(inputs, map.u8(), &mut scratch.works, crew, outputs);
            }
        }
    }
}

fn join(parts: &[(usize, usize)], earlier: &[PerInput], joined: ValuesMut<'_>) {
    fn typed<'a, T: Copy + 'a>(
        parts: &[(usize, usize)],
        earlier: &'a [PerInput],
        joined: &mut [T],
        of: fn(ValuesRef<'a>) -> &'a [T],
    ) {
        let total: usize = parts.iter().map(|(_, channels)| channels).sum();
        let mut first = 0;
        for &(layer, channels) in parts {
            let positions = joined.chunks_exact_mut(total);
            for (to, from) in positions.zip(of(earlier[layer].first(1)).chunks_exact(channels)) {
                to[first..first + channels].copy_from_slice(from);
            }
            first += channels;
        }
    }
    match joined {
        ValuesMut::U8(joined) => typed(parts, earlier, joined, ValuesRef::u8),
        ValuesMut::I8(joined) => typed(parts, earlier, joined, ValuesRef::i8),
        ValuesMut::I16(joined) => typed(parts, earlier, joined, ValuesRef::i16),
        ValuesMut::I32(joined) => typed(parts, earlier, joined, ValuesRef::i32),
    }
}
