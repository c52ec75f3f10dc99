//! Kernels for instruction sets of x86-64.

/// Repeats a block for each `$i` below a constant of at most 8. A loop would index sums by a variable, and so keep them in
/// memory instead of registers.
macro_rules! unrolled {
    ($i:ident < $count:expr => $body:block) => {
        unrolled!($i, $count, $body, 0, 1, 2, 3, 4, 5, 6, 7)
    };
    ($i:ident, $count:expr, $body:block, $($index:literal),*) => {
        $(if $index < $count {
            let $i = $index;
            $body
        })*
    };
}

mod avx2;
mod avx512;

use super::generic::pack_panels;
use super::{
    BySum, DenseCall, DenseElements, DenseKernel, DenseRoutines, DepthwiseKernel, Positions, Sink,
    SplitKernel,
};
use crate::output::PANEL;

pub(super) const DENSE_U8_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-vnni",
    is_available: avx512::has_vnni,
    // Four products and the sum before them are added in 32 bits at once.
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx512::dense_u8,
    }),
};

pub(super) const DENSE_I16_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-vnni",
    is_available: avx512::has_vnni,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx512::dense_i16,
    }),
};

pub(super) const DENSE_U8_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-avx2",
    is_available: avx2::is_available,
    // Two products are added in 16 bits.
    largest_product: i16::MAX as u32 / 2,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx2::dense_u8,
    }),
};

pub(super) const DENSE_I16_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-avx2",
    is_available: avx2::is_available,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx2::dense_i16,
    }),
};

pub(super) const DEPTHWISE_AVX512: DepthwiseKernel = DepthwiseKernel {
    name: "x86_64-depthwise-i16-avx512",
    is_available: avx512::has_vnni,
    routine: BySum::I16(avx512::depthwise),
};

pub(super) const DEPTHWISE_AVX2: DepthwiseKernel = DepthwiseKernel {
    name: "x86_64-depthwise-i16-avx2",
    is_available: avx2::is_available,
    routine: BySum::I16(avx2::depthwise),
};

pub(super) const SPLIT_AVX512: SplitKernel = SplitKernel {
    name: "x86_64-split-avx512",
    is_available: avx512::has_vbmi2,
    run: avx512::split,
};

/// Bytes of a group of inputs: four of 8 bits, or two of 16.
const GROUP: usize = 4;

/// A product whose buffers are known to be large enough for [`Product::new`]'s reader, in bytes.
struct Product<'a> {
    /// Runs per window.
    rows: usize,
    /// Groups per run.
    groups: usize,
    filters: usize,
    panels: usize,
    largest_product: u32,
    input: *const u8,
    run_step: usize,
    positions: Positions,
    /// Panels of `rows * groups` groups for each of `PANEL` filters.
    weights: *const u8,
    /// What each filter's sums start from.
    start: &'a [i32],
    sink: Sink<'a>,
}

impl<'a> Product<'a> {
    /// Checks once what the tiles then rely on: that every group of every window, all weights and all results lie inside
    /// their slices.
    fn new<T, W>(call: DenseCall<'a, T, W>) -> Self {
        let size = size_of::<T>();
        let groups = (call.shape.run * size).div_ceil(GROUP);
        let (rows, filters) = (call.shape.rows, call.shape.filters);
        let panels = filters.div_ceil(PANEL);
        let Positions {
            first,
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
        };
        assert!(
            last_run + groups * GROUP <= size_of_val(call.input),
            "inputs"
        );
        assert!(
            panels * rows * groups * PANEL * GROUP <= size_of_val(call.weights),
            "weights"
        );
        assert!(count * filters <= results, "results");
        Self {
            rows,
            groups,
            filters,
            panels,
            largest_product: call.shape.largest_product,
            input: call.input.as_ptr().cast(),
            run_step: call.run_step * size,
            positions: Positions {
                first: first * size,
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

    /// Bytes of a panel of weights.
    fn panel_size(&self) -> usize {
        self.rows * self.groups * PANEL * GROUP
    }
}
