//! Registers of 64 bytes. `docs/engine.md` defines the words.

use super::Register;
use crate::kernels::Bytes;
use crate::kernels::sum_bytes::{BLOCK, FULL, RANKS};
use core::arch::x86_64::*;

/// How the sums of a register of channels are split into bytes. A register holds two blocks of channels.
pub(in super::super) struct Split {
    /// Where the first bytes are stored, and how many of them: a bit for each.
    first: (usize, __mmask64),
    /// The further bytes, a register at a time: their sources, where they are stored, and a bit for each.
    further: [(__m512i, usize, __mmask64); RANKS - 1],
    /// The number of registers of further bytes.
    count: usize,
    /// The sources of all bytes of a position, where they fit a register and no sum has a byte of rank 2.
    ///
    /// Numbers below 64 stand for first bytes, numbers from 64 on for bytes of rank 1.
    joined: Option<__m512i>,
    /// The number of channels of a position, where a register holds several positions.
    channels: usize,
    /// The distance between the bytes of neighbouring positions.
    step: usize,
}

impl Register for __m512i {
    const LANES: usize = 64;
    type Split = Split;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: as this function's.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: as this function's; the instruction needs no alignment.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: as this function's.
        unsafe {
            [
                _mm512_unpacklo_epi8(self, other),
                _mm512_unpackhi_epi8(self, other),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_products(self, bytes: Self, weights: Self) -> Self {
        // SAFETY: as this function's.
        unsafe { _mm512_add_epi16(self, _mm512_maddubs_epi16(bytes, weights)) }
    }

    #[inline(always)]
    unsafe fn subtract(self, words: Self) -> Self {
        // SAFETY: as this function's.
        unsafe { _mm512_sub_epi16(self, words) }
    }

    #[inline(always)]
    unsafe fn load_sums(from: *const i16) -> [Self; 2] {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let low = _mm512_loadu_si512(from.cast());
            let high = _mm512_loadu_si512(from.add(32).cast());
            [
                _mm512_shuffle_i32x4::<0b10_00_10_00>(low, high),
                _mm512_shuffle_i32x4::<0b11_01_11_01>(low, high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_sums(sums: [Self; 2], to: *mut i16) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
            let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
            let in_order = |order| _mm512_permutex2var_epi64(sums[0], order, sums[1]);
            _mm512_storeu_si512(to.cast(), in_order(low));
            _mm512_storeu_si512(to.add(32).cast(), in_order(high));
        }
    }

    #[inline(always)]
    unsafe fn split(bytes: &Bytes, first: usize) -> Split {
        let block = first / BLOCK;
        let (begin, end) = (bytes.begin_of_block(block), bytes.begin_of_block(block + 2));
        let ones = |count: usize| u64::MAX >> (64 - count.min(64));
        // SAFETY: as this function's; loads need no alignment.
        unsafe {
            let mut split = Split {
                first: (first, ones(bytes.further() - first)),
                further: [(_mm512_setzero_si512(), 0, 0); RANKS - 1],
                count: (end - begin).div_ceil(64),
                joined: None,
                channels: bytes.channels(),
                step: bytes.step(),
            };
            for (further, begin) in split.further.iter_mut().zip((begin..end).step_by(64)) {
                let sources = _mm512_loadu_si512(bytes.sources(begin).as_ptr().cast());
                *further = (sources, bytes.further() + begin, ones(end - begin));
            }
            let sources = bytes.sources(begin);
            if bytes.len() <= 64 && sources.iter().all(|&source| source < 64) {
                let mut joined = LANES;
                for (joined, &source) in joined[bytes.further()..].iter_mut().zip(sources) {
                    *joined = 64 + source;
                }
                split.joined = Some(_mm512_loadu_si512(joined.as_ptr().cast()));
            }
            split
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(sums: [Self; 2], split: &Split, to: *mut u8) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let [low, high] = sums;
            let (place, mask) = split.first;
            let first = _mm512_packus_epi16(low, high);
            _mm512_mask_storeu_epi8(to.add(place).cast(), mask, first);
            if split.count > 0 {
                let [second, third] = further(sums);
                for &(sources, place, mask) in &split.further[..split.count] {
                    let chosen = _mm512_permutex2var_epi8(second, sources, third);
                    _mm512_mask_storeu_epi8(to.add(place).cast(), mask, chosen);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes_of_several(
        sums: [Self; 2],
        split: &Split,
        positions: usize,
        to: *mut u8,
    ) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let first = _mm512_packus_epi16(sums[0], sums[1]);
            let next = _mm512_set1_epi8(split.channels as i8);
            if let Some(mut joined) = split.joined {
                let second = rest(sums, FULL);
                for position in 0..positions {
                    let bytes = _mm512_permutex2var_epi8(first, joined, second);
                    _mm512_storeu_si512(to.add(position * split.step).cast(), bytes);
                    joined = _mm512_add_epi8(joined, next);
                }
                return;
            }
            let [second, third] = further(sums);
            let (mut further, place, _) = split.further[0];
            let mut own = _mm512_loadu_si512(LANES.as_ptr().cast());
            for position in 0..positions {
                let to = to.add(position * split.step);
                let bytes = _mm512_permutexvar_epi8(own, first);
                _mm512_storeu_si512(to.cast(), bytes);
                let bytes = _mm512_permutex2var_epi8(second, further, third);
                _mm512_storeu_si512(to.add(place).cast(), bytes);
                own = _mm512_add_epi8(own, next);
                further = _mm512_add_epi8(further, next);
            }
        }
    }
}

/// The bytes of rank 1, then the bytes of rank 2.
///
/// An iterator over the ranks would be compiled without the instructions of these registers.
#[inline(always)]
unsafe fn further(sums: [__m512i; 2]) -> [__m512i; RANKS - 1] {
    // SAFETY: as this function's.
    unsafe { [rest(sums, FULL), rest(sums, 2 * FULL)] }
}

/// The bytes of a rank, where the bytes of lower ranks hold `held`.
#[inline(always)]
unsafe fn rest([low, high]: [__m512i; 2], held: i16) -> __m512i {
    // SAFETY: as this function's.
    unsafe {
        let held = _mm512_set1_epi16(held);
        _mm512_packus_epi16(_mm512_subs_epu16(low, held), _mm512_subs_epu16(high, held))
    }
}

/// The numbers of the lanes of a register.
const LANES: [u8; 64] = {
    let mut lanes = [0; 64];
    let mut i = 0;
    while i < 64 {
        lanes[i] = i as u8;
        i += 1;
    }
    lanes
};
