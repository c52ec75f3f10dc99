//! Kernels for instruction sets of x86-64.

mod avx2;
mod avx512;

use super::generic::pack_panels;
use super::{BySum, DenseElements, DenseKernel, DenseRoutines, DepthwiseKernel, SplitKernel};
use crate::output::PANEL;

pub(super) const DENSE_U8_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-vnni",
    is_available: avx512::has_vnni,
    largest_input: u8::MAX as u32,
    // Four products and the sum before them are added in 32 bits at once.
    largest_product: u32::MAX,
    offset: 0,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx512::dense_u8,
    }),
};

pub(super) const DENSE_I16_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-vnni",
    is_available: avx512::has_vnni,
    largest_input: i16::MAX as u32,
    largest_product: u32::MAX,
    offset: 0,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx512::dense_i16,
    }),
};

pub(super) const DENSE_U8_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-avx2",
    is_available: avx2::is_available,
    largest_input: u8::MAX as u32,
    // Two products are added in 16 bits.
    largest_product: i16::MAX as u32 / 2,
    offset: 0,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx2::dense_u8,
    }),
};

pub(super) const DENSE_I16_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-avx2",
    is_available: avx2::is_available,
    largest_input: i16::MAX as u32,
    largest_product: u32::MAX,
    offset: 0,
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

type Product<'a> = super::product::Product<'a, GROUP>;
