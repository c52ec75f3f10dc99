//! The kernels of AArch64, each with what selection asks of it.

use super::{dense, depthwise};
use crate::kernels::generic::pack_panels;
use crate::kernels::{BySum, DenseElements, DenseKernel, DenseRoutines, DepthwiseKernel};
use crate::output::PANEL;

pub(in crate::kernels) const DENSE_U8_I8MM: DenseKernel = DenseKernel {
    name: "aarch64-dense-u8-i8mm",
    is_available: dense::has_i8mm,
    signed_bytes: false,
    // An instruction adds four products to a sum of 32 bits, without a narrower intermediate.
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: dense::u8_i8mm,
    }),
};

pub(in crate::kernels) const DENSE_U8_DOTPROD: DenseKernel = DenseKernel {
    name: "aarch64-dense-u8-dotprod",
    is_available: dense::has_dotprod,
    signed_bytes: true,
    // An instruction adds four products to a sum of 32 bits, without a narrower intermediate.
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: dense::u8_dotprod,
    }),
};

pub(in crate::kernels) const DENSE_U8_NEON: DenseKernel = DenseKernel {
    name: "aarch64-dense-u8-neon",
    is_available: || true,
    signed_bytes: true,
    // Eight products or more are added in 16 bits. With fewer, the kernel for inputs of 16 bits is faster.
    largest_product: i16::MAX as u32 / 8,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 1>,
        run: dense::u8_neon,
    }),
};

pub(in crate::kernels) const DENSE_I16_NEON: DenseKernel = DenseKernel {
    name: "aarch64-dense-i16-neon",
    is_available: || true,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 1>,
        run: dense::i16_neon,
    }),
};

pub(in crate::kernels) const DEPTHWISE_NEON: DepthwiseKernel = DepthwiseKernel {
    name: "aarch64-depthwise-i16-neon",
    is_available: || true,
    pack: depthwise::pack,
    routine: BySum::I16(depthwise::run),
};
