//! The check that kernels make before they read through pointers. `docs/engine.md` defines the words.

use super::{DenseCall, Positions, Sink};
use crate::output::PANEL;

/// A product whose buffers are known to be large enough. All distances and sizes are in bytes.
///
/// Kernels read inputs in groups of `GROUP` bytes.
pub(super) struct Product<'a, const GROUP: usize> {
    /// The number of runs of a window.
    pub(super) rows: usize,
    /// The number of groups of a run.
    pub(super) groups: usize,
    /// The size of a panel's weights for a run.
    pub(super) run_size: usize,
    /// The index of the first group of rare inputs, see [`DenseShape::rare`](super::DenseShape::rare).
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only kernels of x86-64 ask")
    )]
    pub(super) rare: usize,
    pub(super) filters: usize,
    pub(super) panels: usize,
    #[cfg_attr(
        not(target_arch = "aarch64"),
        allow(dead_code, reason = "only kernels of AArch64 ask")
    )]
    pub(super) largest_product: u32,
    pub(super) input: *const u8,
    pub(super) run_step: usize,
    pub(super) positions: Positions,
    /// Panels of `rows * groups` groups for each of `PANEL` filters. Two panels may share their bytes.
    pub(super) weights: *const u8,
    /// What the sums of each filter start from.
    pub(super) start: &'a [i32],
    pub(super) sink: Sink<'a>,
}

impl<'a, const GROUP: usize> Product<'a, GROUP> {
    /// A product whose weights [`pack_panels`](super::generic::pack_panels) has packed.
    pub(super) fn new<T, W>(call: DenseCall<'a, T, W>) -> Self {
        Self::packed(call, |panels, panel| panels * panel)
    }

    /// Checks once what all tiles rely on: every group of every window, all weights and all results lie inside their slices.
    ///
    /// `weights` tells the size of all packed weights, from the number of panels and the size of a panel in bytes.
    pub(super) fn packed<T, W>(
        call: DenseCall<'a, T, W>,
        weights: impl Fn(usize, usize) -> usize,
    ) -> Self {
        let size = size_of::<T>();
        let groups = (call.shape.run * size).div_ceil(GROUP);
        let (rows, filters) = (call.shape.rows, call.shape.filters);
        let panels = filters.div_ceil(PANEL);
        let Positions {
            first,
            skipped,
            count,
            columns,
            row_step,
            step,
        } = call.positions;
        let last_run = (call.positions.end().max(1) - 1 + (rows - 1) * call.run_step) * size;
        let results = match &call.sink {
            Sink::Potentials(out) => out.len(),
            Sink::Levels(levels, out) => {
                assert!(
                    levels.stride() >= panels * PANEL,
                    "parameters of every panel"
                );
                out.len()
            }
            Sink::Rescaled(rescaler, out) => {
                assert!(
                    rescaler.stride() >= panels * PANEL,
                    "parameters of every panel"
                );
                out.len()
            }
        };
        assert!(
            last_run + groups * GROUP <= size_of_val(call.input),
            "inputs"
        );
        assert!(
            weights(panels, rows * groups * PANEL * GROUP) <= size_of_val(call.weights),
            "weights"
        );
        assert!(count * filters <= results, "results");
        assert!(call.start.len() >= panels * PANEL, "starts of every panel");
        Self {
            rows,
            groups,
            run_size: groups * PANEL * GROUP,
            rare: groups.min((call.shape.rare * size).div_ceil(GROUP)),
            filters,
            panels,
            largest_product: call.shape.largest_product,
            input: call.input.as_ptr().cast(),
            run_step: call.run_step * size,
            positions: Positions {
                first: first * size,
                skipped,
                count,
                columns,
                row_step: row_step * size,
                step: step * size,
            },
            weights: call.weights.as_ptr().cast(),
            start: call.start,
            sink: call.sink,
        }
    }

    /// The size of a panel of weights, or of two panels that share their bytes.
    pub(super) fn panel_size(&self) -> usize {
        self.rows * self.run_size
    }
}
