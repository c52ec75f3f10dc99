//! The tables of kernels, from the fastest to the most general. The last kernel of a table accepts everything.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::aarch64;
use super::dense::DenseKernel;
use super::depthwise::DepthwiseKernel;
use super::depthwise_u8::{self, DepthwiseU8Kernel};
use super::generic;
use super::kernel::Kernel;
#[cfg(target_arch = "x86_64")]
use super::x86_64;

/// A kind of kernels, which has a table.
pub(crate) trait Table: Kernel {
    /// The table of kernels of this kind.
    fn table() -> &'static [Self];
}

impl Table for DenseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8I4_VNNI,
            #[cfg(all(target_arch = "x86_64", feature = "std", target_os = "linux"))]
            x86_64::DENSE_U8_AMX,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_VNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_VNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_AVXVNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_AVXVNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_U8_AVX2,
            #[cfg(target_arch = "x86_64")]
            x86_64::DENSE_I16_AVX2,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_I8MM,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_DOTPROD,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_U8_NEON,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DENSE_I16_NEON,
            generic::DENSE_I16,
            generic::DENSE_I32,
        ]
    }
}

impl Table for DepthwiseU8Kernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_U8_AVX512,
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_U8_AVXVNNI,
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_U8_AVX2,
            depthwise_u8::GENERIC,
        ]
    }
}

impl Table for DepthwiseKernel {
    fn table() -> &'static [Self] {
        &[
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_AVX512,
            #[cfg(target_arch = "x86_64")]
            x86_64::DEPTHWISE_AVX2,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            aarch64::DEPTHWISE_NEON,
            generic::DEPTHWISE_I16,
            generic::DEPTHWISE_I32,
        ]
    }
}
