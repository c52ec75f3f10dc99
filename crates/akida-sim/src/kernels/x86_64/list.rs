//! The kernels of x86-64, each with what selection asks of it.

#[cfg(all(feature = "std", target_os = "linux"))]
use super::amx;
use super::group::GROUP;
use super::{avx2, avx512, depthwise, depthwise_u8, stretches};
use crate::kernels::generic::pack_panels;
use crate::kernels::{
    BySum, DenseElements, DenseKernel, DenseRoutines, DenseShape, DepthwiseKernel,
    DepthwiseU8Kernel, Weight,
};
use crate::memory::{self, OutOfMemory};
use crate::output::PANEL;
use alloc::vec::Vec;

pub(in crate::kernels) const DENSE_U8I4_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8i4-vnni",
    is_available: avx512::has_vnni,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::U8I4(DenseRoutines {
        pack: pack_pairs,
        run: avx512::dense_u8i4,
    }),
};

#[cfg(all(feature = "std", target_os = "linux"))]
pub(in crate::kernels) const DENSE_U8_AMX: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-amx",
    is_available: amx::is_available,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: amx::pack,
        run: amx::dense_u8,
    }),
};

pub(in crate::kernels) const DENSE_U8_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-vnni",
    is_available: avx512::has_vnni,
    signed_bytes: false,
    // An instruction adds four products to a sum of 32 bits, without a narrower intermediate.
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx512::dense_u8,
    }),
};

pub(in crate::kernels) const DENSE_I16_VNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-vnni",
    is_available: avx512::has_vnni,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx512::dense_i16,
    }),
};

pub(in crate::kernels) const DENSE_U8_AVXVNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-avxvnni",
    is_available: avx2::has_vnni,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::U8(DenseRoutines {
        pack: pack_panels::<i8, PANEL, 4>,
        run: avx2::dense_u8_vnni,
    }),
};

pub(in crate::kernels) const DENSE_I16_AVXVNNI: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-avxvnni",
    is_available: avx2::has_vnni,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx2::dense_i16_vnni,
    }),
};

pub(in crate::kernels) const DENSE_U8_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-u8-avx2",
    is_available: avx2::is_available,
    signed_bytes: false,
    // An instruction adds two products in 16 bits.
    largest_product: i16::MAX as u32 / 2,
    elements: DenseElements::U8(DenseRoutines {
        pack: stretches::pack,
        run: avx2::dense_u8,
    }),
};

pub(in crate::kernels) const DENSE_I16_AVX2: DenseKernel = DenseKernel {
    name: "x86_64-dense-i16-avx2",
    is_available: avx2::is_available,
    signed_bytes: false,
    largest_product: u32::MAX,
    elements: DenseElements::I16(DenseRoutines {
        pack: pack_panels::<i16, PANEL, 2>,
        run: avx2::dense_i16,
    }),
};

pub(in crate::kernels) const DEPTHWISE_AVX512: DepthwiseKernel = DepthwiseKernel {
    name: "x86_64-depthwise-i16-avx512",
    is_available: avx512::has_vbmi,
    pack: depthwise::pack::<64>,
    routine: BySum::I16(avx512::depthwise),
};

pub(in crate::kernels) const DEPTHWISE_AVX2: DepthwiseKernel = DepthwiseKernel {
    name: "x86_64-depthwise-i16-avx2",
    is_available: avx2::is_available,
    pack: depthwise::pack::<32>,
    routine: BySum::I16(avx2::depthwise),
};

pub(in crate::kernels) const DEPTHWISE_U8_AVX512: DepthwiseU8Kernel = DepthwiseU8Kernel {
    name: "x86_64-depthwise-u8-avx512",
    is_available: avx512::has_vnni,
    largest_product: u32::MAX,
    in_registers: true,
    pack: depthwise_u8::pack_avx512,
    run: depthwise_u8::avx512,
};

pub(in crate::kernels) const DEPTHWISE_U8_AVXVNNI: DepthwiseU8Kernel = DepthwiseU8Kernel {
    name: "x86_64-depthwise-u8-avxvnni",
    is_available: avx2::has_vnni,
    largest_product: u32::MAX,
    in_registers: true,
    pack: depthwise_u8::pack::<32>,
    run: depthwise_u8::avxvnni,
};

pub(in crate::kernels) const DEPTHWISE_U8_AVX2: DepthwiseU8Kernel = DepthwiseU8Kernel {
    name: "x86_64-depthwise-u8-avx2",
    is_available: avx2::is_available,
    // An instruction adds two products in 16 bits.
    largest_product: i16::MAX as u32 / 2,
    in_registers: true,
    pack: depthwise_u8::pack::<32>,
    run: depthwise_u8::avx2,
};

/// Packs weights of 4 bits: two panels of [`pack_panels`] share their bytes.
///
/// The first panel is in the lower halves of the bytes. A last panel without a partner shares its bytes with zeros.
fn pack_pairs(shape: DenseShape, weight: Weight<'_>) -> Result<Vec<i8>, OutOfMemory> {
    let panels = pack_panels::<i8, PANEL, GROUP>(shape, weight)?;
    let size = shape.rows * shape.run.next_multiple_of(GROUP) * PANEL;
    let mut packed = memory::with_capacity(panels.len().next_multiple_of(2 * size) / 2)?;
    for pair in panels.chunks(2 * size) {
        let (first, second) = pair.split_at(size);
        let second = second.iter().chain(core::iter::repeat(&0));
        packed.extend(
            first
                .iter()
                .zip(second)
                .map(|(low, high)| low & 15 | high << 4),
        );
    }
    Ok(packed)
}
