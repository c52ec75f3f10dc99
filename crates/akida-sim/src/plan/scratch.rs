#[cfg(feature = "threads")]
use super::neural::PARTS_PER_THREAD;
use super::step::Step;
use super::tail::Tail;
use crate::kernels::{PADDING, active_levels, active_potentials};
use crate::model::{Model, Output};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// Memory in which the [`Plan`](super::Plan) that made it runs one input at a time.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// The plan that made it.
    pub(crate) plan: usize,
    /// Levels of each layer; empty for a layer without activation.
    pub(crate) levels: Vec<PerInput<u8>>,
    /// Potentials of the last layer, when it has no activation.
    pub(crate) potentials: PerInput<i32>,
    /// One for each part of a layer that threads compute side by side.
    pub(super) works: Vec<Work>,
    /// Whether values that are not zero are counted.
    pub(crate) counting: bool,
    /// Those counted: of the outputs of each layer, then of the inputs.
    pub(crate) counts: Vec<u64>,
}

/// Outputs of a layer for the inputs that are kept at once, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct PerInput<T> {
    /// Values of one input.
    size: usize,
    values: Vec<T>,
}

impl<T: Clone + Default> PerInput<T> {
    fn new(inputs: usize, size: usize) -> Self {
        Self {
            size,
            values: vec![T::default(); inputs * size],
        }
    }

    /// The values of the first inputs.
    pub(crate) fn first(&self, inputs: usize) -> &[T] {
        &self.values[..inputs * self.size]
    }

    /// The values of the inputs at some places.
    pub(super) fn of(&mut self, places: Range<usize>) -> &mut [T] {
        &mut self.values[places.start * self.size..places.end * self.size]
    }
}

/// Buffers that layers use in turn.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// A layer's input with its border, in the element type that the kernel takes.
    pub(super) bordered: ByElement<Vec<u8>, Vec<i16>, Vec<i32>>,
    pub(super) sums: Sums,
    /// Potentials that are not the result of a layer.
    pub(super) row: Vec<i32>,
    /// Levels before max pooling.
    pub(super) unpooled: Vec<u8>,
    /// Potentials before max pooling, of a layer without activation.
    pub(super) unpooled_potentials: Vec<i32>,
    /// Potentials summed by global average pooling.
    pub(super) totals: Vec<i32>,
}

/// One thing per element type of inputs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ByElement<A, B, C> {
    pub(super) u8: A,
    pub(super) i16: B,
    pub(super) i32: C,
}

/// Depthwise sums, in the element types of kernels.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) u8: Vec<u8>,
    pub(super) i16: Vec<i16>,
    pub(super) i32: Vec<i32>,
}

impl Sums {
    /// Puts what others begin with to some places.
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

/// The sizes that one step needs.
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
}

impl Sizes {
    fn max(self, other: Self) -> Self {
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
        }
    }
}

/// What the steps need when they use the same memory in turn.
fn largest(steps: &[Step], tail: Tail) -> Sizes {
    let steps = steps.iter().enumerate();
    let sizes = steps.map(|(index, step)| step.sizes(tail.taken(index)));
    sizes.fold(Sizes::default(), Sizes::max)
}

/// Memory for `len` elements that kernels read in groups.
fn padded<T: Clone + Default>(len: usize) -> Vec<T> {
    vec![T::default(); if len == 0 { 0 } else { len + PADDING }]
}

impl Work {
    fn bytes(&self) -> usize {
        let Self {
            bordered,
            sums,
            row,
            unpooled,
            unpooled_potentials,
            totals,
        } = self;
        let wide = [&bordered.i32, &sums.i32, row, unpooled_potentials, totals];
        bordered.u8.len()
            + sums.u8.len()
            + unpooled.len()
            + 2 * (bordered.i16.len() + sums.i16.len())
            + 4 * wide.into_iter().map(Vec::len).sum::<usize>()
    }
}

impl Scratch {
    /// Its size in bytes. Every thread of a batch has one.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|l| l.values.len()).sum::<usize>()
            + 4 * self.potentials.values.len()
            + 8 * self.counts.len()
            + self.works.iter().map(Work::bytes).sum::<usize>()
    }

    /// Counts the values of an input that are not zero, where asked to.
    pub(super) fn count_input(&mut self, input: &[u8]) {
        if self.counting
            && let Some(count) = self.counts.last_mut()
        {
            *count += active_levels(input);
        }
    }

    /// Counts the outputs of a layer at some places that are not zero, where asked to.
    pub(super) fn count(&mut self, layer: usize, places: Range<usize>) {
        if !self.counting {
            return;
        }
        let levels = &mut self.levels[layer];
        self.counts[layer] += match levels.size {
            0 => active_potentials(self.potentials.of(0..places.len())),
            _ => active_levels(levels.of(places)),
        };
    }

    /// Makes it ready for so many threads that work on one input.
    #[cfg(feature = "threads")]
    pub(crate) fn share(&mut self, threads: usize) {
        let parts = threads * PARTS_PER_THREAD;
        if self.works.len() < parts {
            let work = self.works[0].clone();
            self.works.resize(parts, work);
        }
    }

    /// The bytes that [`new`](Self::new) asks for, without what allocations are rounded to.
    pub(super) fn needed(model: &Model, steps: &[Step], tail: Tail) -> usize {
        let sizes = largest(steps, tail);
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
        ];
        let layers = model.layers().iter().enumerate().map(|(index, layer)| {
            let inputs = tail.kept(index);
            let elements = inputs.saturating_mul(layer.connection().output_shape.len());
            match layer.connection().output {
                Output::Levels { .. } => elements,
                Output::Potentials => elements.saturating_mul(4),
            }
        });
        bytes
            .into_iter()
            .chain(layers)
            .fold(0, usize::saturating_add)
    }

    pub(super) fn new(plan: usize, model: &Model, steps: &[Step], tail: Tail) -> Self {
        let sizes = largest(steps, tail);
        let levels = model.layers().iter().enumerate().map(|(index, layer)| {
            let size = match layer.connection().output {
                Output::Levels { .. } => layer.connection().output_shape.len(),
                Output::Potentials => 0,
            };
            PerInput::new(tail.kept(index), size)
        });
        let potentials = match model.output() {
            Output::Levels { .. } => 0,
            Output::Potentials => model.output_shape().len(),
        };
        Self {
            plan,
            levels: levels.collect(),
            potentials: PerInput::new(tail.inputs, potentials),
            works: vec![Work {
                bordered: ByElement {
                    u8: padded(sizes.bordered.u8),
                    i16: padded(sizes.bordered.i16),
                    i32: padded(sizes.bordered.i32),
                },
                sums: Sums {
                    u8: padded(sizes.sums_u8),
                    i16: padded(sizes.sums_i16),
                    i32: padded(sizes.sums_i32),
                },
                row: vec![0; sizes.row],
                unpooled: vec![0; sizes.unpooled],
                unpooled_potentials: vec![0; sizes.unpooled_potentials],
                totals: vec![0; sizes.totals],
            }],
            counting: false,
            counts: vec![0; model.layers().len() + 1],
        }
    }
}
