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
        let element = match kernel.elements {
            DenseElements::U8(_) => 1,
            // Two weights in a byte are packed from weights in a byte each.
            DenseElements::U8I4(_) | DenseElements::I16(_) => 2,
            DenseElements::I32(_) => 4,
        };
        // No kernel fills up a run beyond the next multiple of 64 inputs.
        let [run_padded, filters_padded] =
            [(run, 64), (filters, 2 * PANEL)].map(|(count, grain)| count.next_multiple_of(grain));
        self.granted([rows, run_padded, filters_padded, element])?;
        let shape = kernel.shape(bounds, [rows, run, filters]);
        Ok(Dense {
            shape,
            start: shape.start(weight),
            block: match kernel.elements {
                DenseElements::U8I4(_) => 2 * PANEL,
                _ => PANEL,
            },
            routine: match kernel.elements {
                DenseElements::U8(r) | DenseElements::U8I4(r) => {
                    DenseRoutine::U8(r.run, (r.pack)(shape, weight))
                }
                DenseElements::I16(r) => DenseRoutine::I16(r.run, (r.pack)(shape, weight)),
                DenseElements::I32(r) => DenseRoutine::I32(r.run, (r.pack)(shape, weight)),
            },
        })
    }
}
