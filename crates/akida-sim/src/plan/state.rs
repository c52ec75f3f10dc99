//! What layers keep of the earlier inputs of a stream.

use crate::memory::{self, OutOfMemory};
use crate::model::{Model, Operation};
use crate::run::{ElementType, Values, ValuesRef};
use alloc::vec::Vec;

/// What the layers of a model keep of the earlier inputs of one stream. All of it is zero before the first input.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamState {
    /// For each layer in order.
    layers: Vec<LayerState>,
}

/// What a layer keeps.
#[derive(Debug, Clone)]
pub(super) enum LayerState {
    /// Nothing: outputs depend on the newest input only.
    Nothing,
    /// The last maps, the oldest first, the newest input included.
    Queue(Values),
    /// Complex states: real parts, then imaginary parts.
    States(Vec<i32>),
}

impl StreamState {
    /// The state before the first input.
    pub(crate) fn new(model: &Model) -> Result<Self, OutOfMemory> {
        let mut layers = memory::with_capacity(model.layers().len())?;
        for layer in model.layers() {
            let connection = layer.connection();
            layers.push(match &connection.operation {
                Operation::Windows(windows) if windows.frames > 1 => {
                    let element = ElementType::of(connection.input.format);
                    let values = windows.frames * connection.input.shape.len();
                    LayerState::Queue(Values::zeros(element, values)?)
                }
                Operation::Recurrence(recurrence) => {
                    LayerState::States(memory::filled(0, 2 * recurrence.states)?)
                }
                Operation::Windows(_)
                | Operation::Pass
                | Operation::Quantize(_)
                | Operation::Dequantize
                | Operation::Join
                | Operation::Add
                | Operation::Deviation(_) => LayerState::Nothing,
            });
        }
        Ok(Self { layers })
    }

    /// Appends a map to the queue of a layer, drops the oldest one, and gives the queue.
    pub(super) fn push<'a>(&'a mut self, layer: usize, map: ValuesRef<'a>) -> ValuesRef<'a> {
        let Some(LayerState::Queue(queue)) = self.layers.get_mut(layer) else {
            return map.slice(0..0);
        };
        let (map_len, all) = (map.len(), queue.as_ref().len());
        queue.copy_within(map_len..all);
        queue.as_mut().slice(all - map_len..all).copy_from(map);
        queue.as_ref()
    }

    /// The states of a layer.
    pub(super) fn states(&mut self, layer: usize) -> &mut [i32] {
        match self.layers.get_mut(layer) {
            Some(LayerState::States(states)) => states,
            _ => &mut [],
        }
    }

    /// Sets everything to zero.
    pub(crate) fn reset(&mut self) {
        for layer in &mut self.layers {
            match layer {
                LayerState::Nothing => {}
                LayerState::Queue(queue) => queue.clear_values(),
                LayerState::States(states) => states.fill(0),
            }
        }
    }

    /// A copy.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub(crate) fn try_clone(&self) -> Result<Self, OutOfMemory> {
        let mut layers = memory::with_capacity(self.layers.len())?;
        for layer in &self.layers {
            layers.push(match layer {
                LayerState::Nothing => LayerState::Nothing,
                LayerState::Queue(queue) => LayerState::Queue(queue.try_clone()?),
                LayerState::States(states) => LayerState::States(memory::copied(states)?),
            });
        }
        Ok(Self { layers })
    }

    /// The number of bytes that [`write`](Self::write) appends.
    pub(crate) fn size(&self) -> usize {
        let sizes = self.layers.iter().map(|layer| match layer {
            LayerState::Nothing => 0,
            LayerState::Queue(queue) => queue.as_ref().len() * queue.as_ref().element().bytes(),
            LayerState::States(states) => states.len() * size_of::<i16>(),
        });
        sizes.sum()
    }

    /// Appends the state as bytes, the lowest byte of a value first. The memory has been asked for.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        for layer in &self.layers {
            match layer {
                LayerState::Nothing => {}
                LayerState::Queue(queue) => {
                    let size = queue.as_ref().element().bytes();
                    for value in queue.as_ref().iter() {
                        bytes.extend_from_slice(&value.to_le_bytes()[..size]);
                    }
                }
                LayerState::States(states) => {
                    for state in states {
                        bytes.extend_from_slice(&(*state as i16).to_le_bytes());
                    }
                }
            }
        }
    }

    /// Takes over a state that [`write`](Self::write) has written; `None` where a value is outside the format of its layer.
    pub(crate) fn read(&mut self, model: &Model, bytes: &[u8]) -> Option<()> {
        let mut bytes = bytes;
        for (own, layer) in self.layers.iter_mut().zip(model.layers()) {
            match own {
                LayerState::Nothing => {}
                LayerState::Queue(queue) => {
                    let format = layer.connection().input.format;
                    let element = queue.as_ref().element();
                    let (mine, rest) =
                        bytes.split_at_checked(queue.as_ref().len() * element.bytes())?;
                    queue.set_le_bytes(mine);
                    let mut values = queue.as_ref().iter();
                    if !values.all(|value| format.allows(value.into())) {
                        return None;
                    }
                    bytes = rest;
                }
                LayerState::States(states) => {
                    let (mine, rest) = bytes.split_at_checked(2 * states.len())?;
                    for (state, value) in states.iter_mut().zip(mine.as_chunks::<2>().0) {
                        *state = i16::from_le_bytes(*value).into();
                    }
                    bytes = rest;
                }
            }
        }
        bytes.is_empty().then_some(())
    }
}
