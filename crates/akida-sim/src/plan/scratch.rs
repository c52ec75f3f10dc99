//! Scratch memory: the outputs of all layers, and the buffers of parts. `docs/engine.md` defines the words.

use super::state::StreamState;
use super::tail::Tail;
use crate::kernels::{PADDING, active_levels, active_potentials};
use crate::memory::{self, OutOfMemory};
use crate::model::Model;
use crate::run::{ElementType, Inputs, Values, ValuesMut, ValuesRef};
#[cfg(feature = "threads")]
use crate::threads::PARTS_PER_THREAD;
use alloc::vec::Vec;
use core::ops::Range;

/// Memory for the runs of the [`Plan`](super::Plan) that made it, one run at a time.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// The number of the plan that made it.
    pub(crate) plan: usize,
    /// The outputs of each layer, in the type of their format.
    pub(crate) outputs: Vec<PerInput>,
    /// The buffers of the parts that threads compute side by side: one work for each part.
    pub(super) works: Vec<Work>,
    /// The sizes of the buffers of a work, for more works.
    #[cfg(feature = "threads")]
    sizes: Sizes,
    /// What layers keep of the earlier inputs of the stream that is run.
    pub(crate) state: StreamState,
    /// Whether values that are not zero are counted.
    pub(crate) counting: bool,
    /// How many values were not zero: of the outputs of each layer, then of the inputs.
    pub(crate) counts: Vec<u64>,
}

/// The outputs of a layer for some inputs, one input after the other. The place of an input is its index among these inputs.
#[derive(Debug, Clone)]
pub(crate) struct PerInput {
    /// The number of outputs for one input.
    size: usize,
    values: Values,
    /// Whether values are signed bytes that are stored with their sign flipped.
    flipped: bool,
}

impl PerInput {
    fn new(
        inputs: usize,
        size: usize,
        element: ElementType,
        flipped: bool,
    ) -> Result<Self, OutOfMemory> {
        Ok(Self {
            size,
            values: Values::zeros(element, inputs * size)?,
            flipped,
        })
    }

    /// Appends the outputs at the first place, as they are without a flip.
    pub(crate) fn append_to(&self, tap: &mut Values) -> Result<(), OutOfMemory> {
        let first = tap.as_ref().len();
        tap.extend(self.first(1))?;
        if let (true, Values::I8(tap)) = (self.flipped, tap) {
            tap[first..].iter_mut().for_each(|value| *value ^= i8::MIN);
        }
        Ok(())
    }

    /// The outputs at the first `inputs` places, as they are stored.
    pub(crate) fn first(&self, inputs: usize) -> ValuesRef<'_> {
        self.of(0..inputs)
    }

    /// The outputs at some places.
    fn of(&self, places: Range<usize>) -> ValuesRef<'_> {
        let range = places.start * self.size..places.end * self.size;
        self.values.as_ref().slice(range)
    }

    /// The outputs at some places, to be written.
    pub(super) fn of_mut(&mut self, places: Range<usize>) -> ValuesMut<'_> {
        let range = places.start * self.size..places.end * self.size;
        self.values.as_mut().slice(range)
    }
}

/// How many values are not zero.
fn active(values: ValuesRef<'_>) -> u64 {
    match values {
        ValuesRef::U8(levels) => active_levels(levels),
        ValuesRef::I32(potentials) => active_potentials(potentials),
        ValuesRef::I8(values) => values.iter().filter(|&&v| v != 0).count() as u64,
        ValuesRef::I16(values) => values.iter().filter(|&&v| v != 0).count() as u64,
    }
}

/// The buffers of one part. Layers use them in turn.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// The bordered map, in the element type that the kernel reads.
    pub(super) bordered: ByElement<Vec<u8>, Vec<i16>, Vec<i32>>,
    pub(super) sums: Sums,
    /// Potentials that are not yet outputs: they are added up, or become levels.
    pub(super) row: Vec<i32>,
    /// Levels before max pooling.
    pub(super) unpooled: Vec<u8>,
    /// Potentials before max pooling, of a layer without activation.
    pub(super) unpooled_potentials: Vec<i32>,
    /// The sums of potentials over all positions, of a global average.
    pub(super) totals: Vec<i32>,
    /// Accumulators of layers whose sums may leave 32 bits.
    pub(super) wide: Vec<i64>,
}

/// One thing for each element type that kernels read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ByElement<A, B, C> {
    pub(super) u8: A,
    pub(super) i16: B,
    pub(super) i32: C,
}

/// Depthwise sums of 16 or 32 bits, or the bytes that they are written as.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) u8: Vec<u8>,
    pub(super) i16: Vec<i16>,
    pub(super) i32: Vec<i32>,
}

impl Sums {
    /// Copies the first sums of `others` to `places`. Bytes are left out, as global averages have none.
    pub(super) fn take(&mut self, places: Range<usize>, others: &Self) {
        fn copy<T: Copy>(values: &mut [T], places: &Range<usize>, others: &[T]) {
            if let Some(values) = values.get_mut(places.clone()) {
                values.copy_from_slice(&others[..places.len()]);
            }
        }
        copy(&mut self.i16, &places, &others.i16);
        copy(&mut self.i32, &places, &others.i32);
    }
}

/// The sizes of the buffers that one step uses, in elements.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes {
    pub(super) bordered: ByElement<usize, usize, usize>,
    pub(super) sums_u8: usize,
    pub(super) sums_i16: usize,
    pub(super) sums_i32: usize,
    pub(super) row: usize,
    pub(super) unpooled: usize,
    pub(super) unpooled_potentials: usize,
    pub(super) totals: usize,
    pub(super) wide: usize,
}

impl Sizes {
    /// The sizes that suffice for two steps that use the same buffers in turn.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            bordered: ByElement {
                u8: self.bordered.u8.max(other.bordered.u8),
                i16: self.bordered.i16.max(other.bordered.i16),
                i32: self.bordered.i32.max(other.bordered.i32),
            },
            sums_u8: self.sums_u8.max(other.sums_u8),
            sums_i16: self.sums_i16.max(other.sums_i16),
            sums_i32: self.sums_i32.max(other.sums_i32),
            row: self.row.max(other.row),
            unpooled: self.unpooled.max(other.unpooled),
            unpooled_potentials: self.unpooled_potentials.max(other.unpooled_potentials),
            totals: self.totals.max(other.totals),
            wide: self.wide.max(other.wide),
        }
    }
}

/// A buffer of `len` elements, with room behind them for kernels that read whole groups.
fn padded<T: Clone + Default>(len: usize) -> Result<Vec<T>, OutOfMemory> {
    memory::filled(T::default(), if len == 0 { 0 } else { len + PADDING })
}

impl Work {
    fn new(sizes: &Sizes) -> Result<Self, OutOfMemory> {
        Ok(Self {
            bordered: ByElement {
                u8: padded(sizes.bordered.u8)?,
                i16: padded(sizes.bordered.i16)?,
                i32: padded(sizes.bordered.i32)?,
            },
            sums: Sums {
                u8: padded(sizes.sums_u8)?,
                i16: padded(sizes.sums_i16)?,
                i32: padded(sizes.sums_i32)?,
            },
            row: memory::filled(0, sizes.row)?,
            unpooled: memory::filled(0, sizes.unpooled)?,
            unpooled_potentials: memory::filled(0, sizes.unpooled_potentials)?,
            totals: memory::filled(0, sizes.totals)?,
            wide: memory::filled(0, sizes.wide)?,
        })
    }

    fn bytes(&self) -> usize {
        let Self {
            bordered,
            sums,
            row,
            unpooled,
            unpooled_potentials,
            totals,
            wide,
        } = self;
        let of_32_bits = [&bordered.i32, &sums.i32, row, unpooled_potentials, totals];
        bordered.u8.len()
            + sums.u8.len()
            + unpooled.len()
            + 2 * (bordered.i16.len() + sums.i16.len())
            + 4 * of_32_bits.into_iter().map(Vec::len).sum::<usize>()
            + 8 * wide.len()
    }
}

impl Scratch {
    /// The size in bytes. Each thread that runs a batch has scratch memory of its own.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let outputs = self.outputs.iter().map(|outputs| {
            let values = outputs.values.as_ref();
            values.len() * values.element().bytes()
        });
        outputs.sum::<usize>()
            + 8 * self.counts.len()
            + self.works.iter().map(Work::bytes).sum::<usize>()
    }

    /// The outputs of the last layer at the first `inputs` places.
    pub(crate) fn last(&self, inputs: usize) -> ValuesRef<'_> {
        let last = self.outputs.last();
        last.map_or(ValuesRef::U8(&[]), |outputs| outputs.first(inputs))
    }

    /// Counts the values of an input that are not zero, if counting is on.
    pub(super) fn count_input(&mut self, input: Inputs<'_>) {
        if self.counting
            && let Some(count) = self.counts.last_mut()
        {
            *count += match input {
                Inputs::Integers(values) => active(values),
                Inputs::Floats(values) => values.iter().filter(|&&x| x != 0.0).count() as u64,
            };
        }
    }

    /// Counts the outputs of a layer at some places that are not zero, if counting is on.
    pub(super) fn count(&mut self, layer: usize, places: Range<usize>) {
        if self.counting {
            let outputs = &self.outputs[layer];
            self.counts[layer] += match (outputs.of(places), outputs.flipped) {
                (ValuesRef::I8(values), true) => {
                    values.iter().filter(|&&v| v != i8::MIN).count() as u64
                }
                (values, _) => active(values),
            };
        }
    }

    /// Makes works for all parts of a layer that so many threads share, as far as the memory goes.
    #[cfg(feature = "threads")]
    pub(crate) fn share(&mut self, threads: usize) {
        let parts = threads * PARTS_PER_THREAD;
        while self.works.len() < parts {
            let work = Work::new(&self.sizes);
            if work
                .and_then(|work| memory::push(&mut self.works, work))
                .is_err()
            {
                // A layer has as many parts as there are works.
                break;
            }
        }
    }

    /// The bytes that [`new`](Self::new) allocates, without the room behind buffers.
    pub(super) fn needed(model: &Model, sizes: &Sizes, tail: Tail) -> usize {
        let bytes = [
            sizes.bordered.u8,
            sizes.sums_u8,
            sizes.unpooled,
            sizes.bordered.i16.saturating_mul(2),
            sizes.sums_i16.saturating_mul(2),
            sizes.bordered.i32.saturating_mul(4),
            sizes.sums_i32.saturating_mul(4),
            sizes.row.saturating_mul(4),
            sizes.unpooled_potentials.saturating_mul(4),
            sizes.totals.saturating_mul(4),
            sizes.wide.saturating_mul(8),
        ];
        let layers = model.layers().iter().enumerate().map(|(index, layer)| {
            let output = layer.connection().output;
            let elements = tail.kept(index).saturating_mul(output.shape.len());
            elements.saturating_mul(ElementType::of(output.format).bytes())
        });
        bytes
            .into_iter()
            .chain(layers)
            .fold(0, usize::saturating_add)
    }

    pub(super) fn new(
        plan: usize,
        model: &Model,
        sizes: &Sizes,
        tail: Tail,
        flipped: &[bool],
    ) -> Result<Self, OutOfMemory> {
        let mut outputs = memory::with_capacity(model.layers().len())?;
        for (index, layer) in model.layers().iter().enumerate() {
            let output = layer.connection().output;
            let element = ElementType::of(output.format);
            outputs.push(PerInput::new(
                tail.kept(index),
                output.shape.len(),
                element,
                flipped[index],
            )?);
        }
        Ok(Self {
            plan,
            outputs,
            works: memory::collected(core::iter::once(Work::new(sizes)?))?,
            #[cfg(feature = "threads")]
            sizes: *sizes,
            state: StreamState::new(model)?,
            counting: false,
            counts: memory::filled(0, model.layers().len() + 1)?,
        })
    }
}
