//! The registers that depthwise layers are computed in.

use core::arch::x86_64::*;

/// A register of unsigned bytes, of weights, or of 32-bit sums.
///
/// # Safety
///
/// Methods need the instructions of the register. Pointers must be valid for all that a method reads or writes there.
pub(super) trait Register: Copy {
    /// The bytes of a register.
    const LANES: usize;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const u8) -> Self;
    /// The quads of four rows, in the order that packing follows.
    unsafe fn quads(rows: [Self; 4]) -> [Self; 4];
    /// Adds to 32-bit sums the products of quads of bytes and quads of weights.
    unsafe fn add_products(self, bytes: Self, weights: Self) -> Self;
    /// Reads a line in integers, whose parameters lie a register apart.
    unsafe fn line(from: *const i32) -> [Self; 5];
    /// Makes outputs of sums.
    unsafe fn outputs(self, line: [Self; 5]) -> Self;
    /// Stores outputs, each as its lowest byte with some bits flipped, in the order of channels.
    unsafe fn store(outputs: [Self; 4], flip: u8, to: *mut u8);
}

/// Implements [`Register`] but for the products.
macro_rules! register {
    ($register:ty, $lanes:literal, [$zero:ident, $load:ident, $store:ident],
     [$low8:ident, $high8:ident, $low16:ident, $high16:ident],
     [$max:ident, $min:ident, $mul:ident, $add:ident, $shift:ident],
     [$pack32:ident, $pack16:ident, $and:ident, $set:ident, $xor:ident, $set8:ident], $products:expr) => {
        impl Register for $register {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: as the trait's.
                Self(unsafe { $zero() })
            }

            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: as the trait's; the instruction needs no alignment.
                Self(unsafe { $load(from.cast()) })
            }

            #[inline(always)]
            unsafe fn quads([a, b, c, d]: [Self; 4]) -> [Self; 4] {
                // SAFETY: as the trait's.
                unsafe {
                    let upper = [$low8(a.0, b.0), $high8(a.0, b.0)];
                    let lower = [$low8(c.0, d.0), $high8(c.0, d.0)];
                    [
                        Self($low16(upper[0], lower[0])),
                        Self($high16(upper[0], lower[0])),
                        Self($low16(upper[1], lower[1])),
                        Self($high16(upper[1], lower[1])),
                    ]
                }
            }

            #[inline(always)]
            unsafe fn add_products(self, bytes: Self, weights: Self) -> Self {
                // SAFETY: as the trait's.
                Self(unsafe { $products(self.0, bytes.0, weights.0) })
            }

            #[inline(always)]
            unsafe fn line(from: *const i32) -> [Self; 5] {
                // SAFETY: as the trait's; the instruction needs no alignment.
                core::array::from_fn(|index| unsafe {
                    Self($load(from.add(index * $lanes / 4).cast()))
                })
            }

            #[inline(always)]
            unsafe fn outputs(self, [low, high, scale, half, shift]: [Self; 5]) -> Self {
                // SAFETY: as the trait's.
                unsafe {
                    let clipped = $min($max(self.0, low.0), high.0);
                    let product = $add($mul(clipped, scale.0), half.0);
                    Self($shift(product, shift.0))
                }
            }

            #[inline(always)]
            unsafe fn store([a, b, c, d]: [Self; 4], flip: u8, to: *mut u8) {
                // SAFETY: as the trait's; the instruction needs no alignment.
                unsafe {
                    // The lowest byte alone, so that packing does not saturate.
                    let byte = $set(0xff);
                    let words = [$pack32(a.0, b.0), $pack32(c.0, d.0)];
                    let words = words.map(|words| $and(words, byte));
                    let bytes = $pack16(words[0], words[1]);
                    $store(to.cast(), $xor(bytes, $set8(flip as i8)));
                }
            }
        }
    };
}

/// 64 channels, with AVX-512 and VNNI.
#[derive(Clone, Copy)]
pub(super) struct Zmm(__m512i);
/// 32 channels, with the VNNI of AVX-512.
#[derive(Clone, Copy)]
pub(super) struct YmmVnni(__m256i);
/// 32 channels, with AVX-VNNI.
#[derive(Clone, Copy)]
pub(super) struct YmmAvxVnni(__m256i);
/// 32 channels, with AVX2. Two products are added in 16 bits.
#[derive(Clone, Copy)]
pub(super) struct Ymm(__m256i);

register!(
    Zmm,
    64,
    [
        _mm512_setzero_si512,
        _mm512_loadu_si512,
        _mm512_storeu_si512
    ],
    [
        _mm512_unpacklo_epi8,
        _mm512_unpackhi_epi8,
        _mm512_unpacklo_epi16,
        _mm512_unpackhi_epi16
    ],
    [
        _mm512_max_epi32,
        _mm512_min_epi32,
        _mm512_mullo_epi32,
        _mm512_add_epi32,
        _mm512_srav_epi32
    ],
    [
        _mm512_packs_epi32,
        _mm512_packus_epi16,
        _mm512_and_si512,
        _mm512_set1_epi16,
        _mm512_xor_si512,
        _mm512_set1_epi8
    ],
    |sum, x, w| _mm512_dpbusd_epi32(sum, x, w)
);
register!(
    YmmVnni,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16,
        _mm256_xor_si256,
        _mm256_set1_epi8
    ],
    |sum, x, w| _mm256_dpbusd_epi32(sum, x, w)
);
register!(
    YmmAvxVnni,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16,
        _mm256_xor_si256,
        _mm256_set1_epi8
    ],
    |sum, x, w| _mm256_dpbusd_avx_epi32(sum, x, w)
);
register!(
    Ymm,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16,
        _mm256_xor_si256,
        _mm256_set1_epi8
    ],
    |sum, x, w| {
        let pairs = _mm256_maddubs_epi16(x, w);
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
);
