//! Layers with max pooling: what is pooled, and when. `docs/engine.md` defines the words.

use super::neural::Neural;
use super::pool::MaxPool;
use super::scratch::Work;
use crate::interrupt::{Interrupted, Watch};
use crate::kernels::Sink;
use crate::output::OutputStage;
use crate::run::{ValuesMut, ValuesRef};
use core::ops::Range;

impl Neural {
    /// Computes some rows of pooled positions.
    pub(super) fn pooled(
        &self,
        map: ValuesRef<'_>,
        pool: &MaxPool,
        pooled: Range<usize>,
        work: &mut Work,
        sink: Sink<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let shape = self.potential_shape;
        let rows = pool.under(&pooled);
        let input = self.lay_out(map, rows.clone(), &mut work.bordered, watch)?;
        let positions = rows.start * shape.y..rows.end * shape.y;
        let values = positions.len() * shape.c;
        match sink {
            // Outputs rise with potentials. So the largest output is that of the largest potential.
            Sink::Levels(activation, levels) => {
                let unpooled = &mut work.unpooled[..values];
                let sink = Sink::Levels(activation, unpooled);
                self.products(input, positions, &mut work.sums, sink, watch)?;
                pool.run(unpooled, rows, pooled, levels, watch)
            }
            Sink::Rescaled(rescaler, ValuesMut::U8(outputs)) if rescaler.rises() => {
                let unpooled = &mut work.unpooled[..values];
                let sink = Sink::Rescaled(rescaler, ValuesMut::U8(unpooled));
                self.products(input, positions, &mut work.sums, sink, watch)?;
                pool.run(unpooled, rows, pooled, outputs, watch)
            }
            Sink::Rescaled(rescaler, ValuesMut::I8(outputs)) if rescaler.rises() => {
                let unpooled = bytemuck::cast_slice_mut(&mut work.unpooled[..values]);
                let sink = Sink::Rescaled(rescaler, ValuesMut::I8(unpooled));
                self.products(input, positions, &mut work.sums, sink, watch)?;
                pool.run(unpooled, rows, pooled, outputs, watch)
            }
            Sink::Potentials(potentials) => {
                let unpooled = &mut work.unpooled_potentials[..values];
                let sink = Sink::Potentials(unpooled);
                self.products(input, positions, &mut work.sums, sink, watch)?;
                pool.run(unpooled, rows, pooled, potentials, watch)
            }
            Sink::Rescaled(rescaler, mut outputs) => {
                let unpooled = &mut work.unpooled_potentials[..values];
                let sink = Sink::Potentials(unpooled);
                self.products(input, positions, &mut work.sums, sink, watch)?;
                for row in pooled {
                    let largest = &mut work.row[..pool.columns() * shape.c];
                    pool.run(unpooled, rows.clone(), row..row + 1, largest, watch)?;
                    rescaler.apply_positions(largest, outputs.take(largest.len()));
                }
                Ok(())
            }
        }
    }

    /// Whether outputs are pooled. Potentials are pooled where outputs do not rise with them, or take more than a byte.
    pub(super) fn pools_outputs(&self) -> bool {
        match &self.stage {
            OutputStage::Raw => false,
            OutputStage::Levels(_) => true,
            OutputStage::Rescaled(rescaler) => rescaler.rises() && self.element.bytes() == 1,
        }
    }
}
