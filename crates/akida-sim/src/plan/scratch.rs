use super::compile::Step;
use crate::kernels::PADDING;
use crate::model::{Model, Output};
use alloc::vec;
use alloc::vec::Vec;

/// Memory in which the [`Plan`](super::Plan) that made it runs one input at a time.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// The plan that made it.
    pub(crate) plan: usize,
    /// Levels of each layer; empty for a layer without activation.
    pub(crate) levels: Vec<Vec<u8>>,
    /// Potentials of the last layer, when it has no activation.
    pub(crate) potentials: Vec<i32>,
    pub(super) work: Work,
}

/// Buffers that layers use in turn.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) i16: Operands<i16>,
    pub(super) i32: Operands<i32>,
    /// Potentials of one row of positions.
    pub(super) row: Vec<i32>,
    /// Levels before max pooling.
    pub(super) unpooled: Vec<u8>,
    /// Potentials before max pooling, of a layer without activation.
    pub(super) unpooled_potentials: Vec<i32>,
    /// Potentials summed by global average pooling.
    pub(super) totals: Vec<i32>,
}

/// What kernels read, in the element type that they take.
#[derive(Debug, Clone)]
pub(super) struct Operands<T> {
    /// A layer's input with its border.
    pub(super) bordered: Vec<T>,
    /// Depthwise sums of one row of positions.
    pub(super) sums: Vec<T>,
}

/// The sizes that one step needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes {
    pub(super) bordered_i16: usize,
    pub(super) bordered_i32: usize,
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
            bordered_i16: self.bordered_i16.max(other.bordered_i16),
            bordered_i32: self.bordered_i32.max(other.bordered_i32),
            sums_i16: self.sums_i16.max(other.sums_i16),
            sums_i32: self.sums_i32.max(other.sums_i32),
            row: self.row.max(other.row),
            unpooled: self.unpooled.max(other.unpooled),
            unpooled_potentials: self.unpooled_potentials.max(other.unpooled_potentials),
            totals: self.totals.max(other.totals),
        }
    }
}

impl Scratch {
    pub(super) fn new(plan: usize, model: &Model, steps: &[Step]) -> Self {
        let sizes = steps
            .iter()
            .map(Step::sizes)
            .fold(Sizes::default(), Sizes::max);
        let levels = model
            .layers()
            .iter()
            .map(|layer| match layer.connection().output {
                Output::Levels { .. } => vec![0; layer.connection().output_shape.len()],
                Output::Potentials => Vec::new(),
            });
        let potentials = match model.output() {
            Output::Levels { .. } => 0,
            Output::Potentials => model.output_shape().len(),
        };
        Self {
            plan,
            levels: levels.collect(),
            potentials: vec![0; potentials],
            work: Work {
                i16: Operands::new(sizes.bordered_i16, sizes.sums_i16),
                i32: Operands::new(sizes.bordered_i32, sizes.sums_i32),
                row: vec![0; sizes.row],
                unpooled: vec![0; sizes.unpooled],
                unpooled_potentials: vec![0; sizes.unpooled_potentials],
                totals: vec![0; sizes.totals],
            },
        }
    }
}

impl<T: Copy + Default> Operands<T> {
    fn new(bordered: usize, sums: usize) -> Self {
        let padded = |len| if len == 0 { 0 } else { len + PADDING };
        Self {
            bordered: vec![T::default(); padded(bordered)],
            sums: vec![T::default(); padded(sums)],
        }
    }
}
