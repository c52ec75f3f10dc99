//! Dense products: the kernel is chosen, its weights are packed.

use super::super::error::PlanError;
use super::super::product::{Dense, DenseRoutine};
use super::chooser::Chooser;
use crate::kernels::{Bounds, DenseElements, DenseKernel, Selection, Weight};
use crate::output::PANEL;

impl Chooser<'_> {
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
        let kernel = self.note(selection);
        let shape = kernel.shape(bounds, [rows, run, filters]);
        let routine = match kernel.elements {
            DenseElements::U8(r) | DenseElements::U8I4(r) => {
                (r.pack)(shape, weight).map(|packed| DenseRoutine::U8(r.run, packed))
            }
            DenseElements::I16(r) => {
                (r.pack)(shape, weight).map(|packed| DenseRoutine::I16(r.run, packed))
            }
            DenseElements::I32(r) => {
                (r.pack)(shape, weight).map(|packed| DenseRoutine::I32(r.run, packed))
            }
        };
        Ok(Dense {
            shape,
            start: shape.start(weight).map_err(|e| self.memory(e))?,
            block: match kernel.elements {
                DenseElements::U8I4(_) => 2 * PANEL,
                _ => PANEL,
            },
            routine: routine.map_err(|e| self.memory(e))?,
        })
    }
}
