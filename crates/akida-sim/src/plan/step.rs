//! The steps of a plan. `docs/engine.md` defines the words.

use super::add::AddStep;
use super::depthwise::DepthwiseStep;
use super::deviation::DeviationStep;
use super::neural::Neural;
use super::quantize::QuantizeStep;
use super::recurrence::RecurrenceStep;
use super::scratch::{Scratch, Sizes};
use super::wide::Wide;
use crate::interrupt::{Interrupted, Watch, pieces};
use crate::run::{Inputs, ValuesMut, ValuesRef};
use crate::threads::Crew;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// What a plan does for one layer.
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
    /// Rounds the model's float inputs.
    Quantize(QuantizeStep),
    /// Multiplies each channel by weights of its own.
    Depthwise(Box<DepthwiseStep>),
    /// Multiplies by weights in 64 bits.
    Wide(Box<Wide>),
    /// Adds two maps.
    Add(Box<AddStep>),
    /// Moves states on.
    Recurrence(Box<RecurrenceStep>),
    /// Compares a prediction with its target.
    Deviation(DeviationStep),
}

impl Step {
    /// The sizes of the buffers that the step uses for so many inputs at once.
    pub(super) fn sizes(&self, inputs: usize) -> Sizes {
        match self {
            Self::Pass
            | Self::Join { .. }
            | Self::Quantize(_)
            | Self::Add(_)
            | Self::Deviation(_) => Sizes::default(),
            Self::Neural(neural) => neural.sizes(inputs),
            Self::Depthwise(depthwise) => depthwise.sizes(),
            Self::Wide(wide) => Sizes {
                wide: wide.accumulators(),
                ..Sizes::default()
            },
            Self::Recurrence(recurrence) => Sizes {
                wide: recurrence.wide(),
                ..Sizes::default()
            },
        }
    }

    /// The bytes of packed weights and other parameters.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Pass | Self::Join { .. } | Self::Quantize(_) | Self::Deviation(_) => 0,
            Self::Neural(neural) => neural.bytes(),
            Self::Depthwise(depthwise) => depthwise.bytes(),
            Self::Wide(wide) => wide.bytes(),
            Self::Add(add) => add.bytes(),
            Self::Recurrence(recurrence) => recurrence.bytes(),
        }
    }

    /// Computes the outputs of layer `index` for some inputs, and keeps them at `places`.
    ///
    /// The layers before it keep their outputs for the same inputs from place 0 on.
    pub(super) fn run(
        &self,
        index: usize,
        input: Inputs<'_>,
        places: Range<usize>,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
    ) -> Result<(), Interrupted> {
        let (earlier, later) = scratch.outputs.split_at_mut(index);
        let Some(outputs) = later.first_mut() else {
            return Ok(());
        };
        let inputs = places.len();
        let mut outputs = outputs.of_mut(places);
        let of = |source: usize| earlier[source].first(inputs);
        let (works, state) = (&mut scratch.works, &mut scratch.state);
        match self {
            Self::Pass => {
                outputs.copy_from(input.integers());
                Ok(())
            }
            Self::Join { parts } => join(parts, of, outputs, &mut crew.watch),
            Self::Neural(neural) => {
                let map = neural.source.map_or(input.integers(), of);
                let map = match neural.in_time {
                    true => state.push(index, map),
                    false => map,
                };
                neural.run(inputs, map, works, crew, outputs)
            }
            Self::Quantize(quantize) => quantize.run(input.floats(), outputs, &mut crew.watch),
            Self::Depthwise(depthwise) => {
                let map = match depthwise.in_time {
                    true => state.push(index, of(depthwise.source)),
                    false => of(depthwise.source),
                };
                depthwise.run(map, works, crew, outputs)
            }
            Self::Wide(wide) => {
                let map = wide.source.map_or(input.integers(), of);
                let map = match wide.windows.frames > 1 {
                    true => state.push(index, map),
                    false => map,
                };
                wide.run(map, &mut works[0], outputs, &mut crew.watch)
            }
            Self::Add(add) => add.run(add.sources.map(of), outputs, &mut crew.watch),
            Self::Recurrence(recurrence) => {
                let map = of(recurrence.source);
                let states = state.states(index);
                recurrence.run(map, states, &mut works[0], outputs, &mut crew.watch)
            }
            Self::Deviation(deviation) => {
                let maps = deviation.sources.map(of);
                deviation.run(maps, outputs, &mut crew.watch)
            }
        }
    }
}

/// Joins maps on the channel axis. The type of the joined map holds the values of all of them.
fn join<'a>(
    parts: &[(usize, usize)],
    map: impl Fn(usize) -> ValuesRef<'a>,
    mut joined: ValuesMut<'_>,
    watch: &mut Watch<'_>,
) -> Result<(), Interrupted> {
    let total: usize = parts.iter().map(|(_, channels)| channels).sum();
    let mut first = 0;
    for &(layer, channels) in parts {
        let place = first..first + channels;
        let map = map(layer);
        let work = 8 + channels as u64 / 8;
        for cells in pieces(0..map.len() / channels, work) {
            let count = cells.len() as u64;
            let from = map.slice(cells.start * channels..cells.end * channels);
            let mut to = joined
                .reborrow()
                .slice(cells.start * total..cells.end * total);
            let positions = (total, place.clone());
            match (&mut to, from) {
                (ValuesMut::U8(to), ValuesRef::U8(from)) => copy(positions, to, from, |v| v),
                (ValuesMut::I8(to), ValuesRef::I8(from)) => copy(positions, to, from, |v| v),
                (ValuesMut::I16(to), ValuesRef::I16(from)) => copy(positions, to, from, |v| v),
                (ValuesMut::I32(to), ValuesRef::I32(from)) => copy(positions, to, from, |v| v),
                (ValuesMut::I8(to), ValuesRef::U8(from)) => copy(positions, to, from, |v| v as i8),
                (ValuesMut::I16(to), ValuesRef::U8(from)) => copy(positions, to, from, i16::from),
                (ValuesMut::I16(to), ValuesRef::I8(from)) => copy(positions, to, from, i16::from),
                (ValuesMut::I32(to), ValuesRef::I16(from)) => copy(positions, to, from, i32::from),
                // Never: the joined format is the smallest one that holds all values.
                _ => {}
            }
            watch.worked(count * work)?;
        }
        first += channels;
    }
    Ok(())
}

/// Copies a map to some channels of positions of `total` channels.
fn copy<S: Copy, T>(
    (total, place): (usize, Range<usize>),
    joined: &mut [T],
    map: &[S],
    convert: impl Fn(S) -> T,
) {
    let positions = joined.chunks_exact_mut(total);
    for (to, from) in positions.zip(map.chunks_exact(place.len())) {
        for (to, &from) in to[place.clone()].iter_mut().zip(from) {
            *to = convert(from);
        }
    }
}
