//! Dense products: the kernel is chosen, its weights are packed.

use super::super::error::PlanError;
use super::super::product::{Dense, DenseRoutine};
use super::chooser::Chooser;
use crate::interrupt::pieces;
use crate::kernels::{
    Bounds, DenseElements, DenseKernel, DensePack, DenseShape, Selection, Weight,
};
use crate::memory;
use crate::output::PANEL;
use alloc::vec::Vec;

/// The work of packing a weight, in the units of [`Watch::worked`](crate::interrupt::Watch::worked).
const WORK_PER_WEIGHT: u64 = 8;

impl Chooser<'_, '_> {
    /// The product of windows of `rows` runs of `run` inputs each.
    pub(super) fn dense(
        &mut self,
        rows: usize,
        run: usize,
        bounds: Bounds,
        weight: Weight<'_>,
    ) -> Result<Dense, PlanError> {
        let bounds = Bounds {
            fan_in: rows * run,
            ..bounds
        };
        let selection = self.select::<DenseKernel>(bounds)?;
        self.pack(selection, rows, run, bounds, weight)
    }

    /// The product with a kernel that was selected before.
    pub(super) fn pack(
        &mut self,
        selection: Selection<DenseKernel>,
        rows: usize,
        run: usize,
        bounds: Bounds,
        weight: Weight<'_>,
    ) -> Result<Dense, PlanError> {
        let filters = self.layer.connection().potential_shape.c;
        let kernel = self.note(selection)?;
        let shape = kernel.shape(bounds, [rows, run, filters]);
        let block = match kernel.elements {
            DenseElements::U8I4(_) => 2 * PANEL,
            _ => PANEL,
        };
        let routine = match kernel.elements {
            DenseElements::U8(r) | DenseElements::U8I4(r) => {
                DenseRoutine::U8(r.run, self.packed(r.pack, shape, block, weight)?)
            }
            DenseElements::I16(r) => {
                DenseRoutine::I16(r.run, self.packed(r.pack, shape, block, weight)?)
            }
            DenseElements::I32(r) => {
                DenseRoutine::I32(r.run, self.packed(r.pack, shape, block, weight)?)
            }
        };
        Ok(Dense {
            shape,
            start: shape.start(weight).map_err(|e| self.memory(e))?,
            block,
            routine,
        })
    }

    /// Packs weights, some blocks of filters at a time. Packed blocks follow each other.
    fn packed<W: Copy>(
        &mut self,
        pack: DensePack<W>,
        shape: DenseShape,
        block: usize,
        weight: Weight<'_>,
    ) -> Result<Vec<W>, PlanError> {
        let blocks = shape.filters.div_ceil(block);
        let work = WORK_PER_WEIGHT * (shape.rows * shape.run * block) as u64;
        let mut all = Vec::new();
        for piece in pieces(0..blocks, work) {
            let (first, end) = (piece.start * block, shape.filters.min(piece.end * block));
            let filters = end - first;
            let part = pack(DenseShape { filters, ..shape }, &|row, index| {
                &weight(row, index)[first..end]
            });
            let part = part.map_err(|e| self.memory(e))?;
            if piece.len() == blocks {
                all = part;
            } else {
                if piece.start == 0 {
                    let size = part.len() / piece.len() * blocks;
                    all = memory::with_capacity(size).map_err(|e| self.memory(e))?;
                }
                memory::extend(&mut all, &part).map_err(|e| self.memory(e))?;
            }
            self.watch.worked(piece.len() as u64 * work)?;
        }
        Ok(all)
    }
}
