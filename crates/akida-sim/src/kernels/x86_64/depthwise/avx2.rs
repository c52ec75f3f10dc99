//! Registers of 32 bytes.

use super::Register;
use crate::kernels::Bytes;
use crate::kernels::split::{BLOCK, FULL, RANKS};
use core::arch::x86_64::*;

/// How the bytes of a register of channels are stored.
pub(in super::super) struct Split {
    /// Bytes that each channel has at most.
    ranks: usize,
    /// Where the first bytes are stored as they are, unless the register holds several positions.
    first: Option<usize>,
    /// Halves of registers in the order in which they are stored.
    pieces: [Piece; 2 * RANKS],
    per_position: usize,
}

/// Bytes of half a register.
#[derive(Clone, Copy)]
struct Piece {
    /// Where the half lies in the bytes of all ranks.
    half: usize,
    /// Which of its bytes are stored, where.
    order: __m128i,
    place: usize,
}

impl Register for __m256i {
    const LANES: usize = 32;
    type Split = Split;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: as this function's.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: as this function's; the instruction needs no alignment.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: as this function's.
        unsafe {
            [
                _mm256_unpacklo_epi8(self, other),
                _mm256_unpackhi_epi8(self, other),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_products(self, bytes: Self, weights: Self) -> Self {
        // SAFETY: as this function's.
        unsafe { _mm256_add_epi16(self, _mm256_maddubs_epi16(bytes, weights)) }
    }

    #[inline(always)]
    unsafe fn subtract(self, words: Self) -> Self {
        // SAFETY: as this function's.
        unsafe { _mm256_sub_epi16(self, words) }
    }

    #[inline(always)]
    unsafe fn load_sums(from: *const i16) -> [Self; 2] {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let low = _mm256_loadu_si256(from.cast());
            let high = _mm256_loadu_si256(from.add(16).cast());
            [
                _mm256_permute2x128_si256::<0x20>(low, high),
                _mm256_permute2x128_si256::<0x31>(low, high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_sums([low, high]: [Self; 2], to: *mut i16) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let first = _mm256_permute2x128_si256::<0x20>(low, high);
            let last = _mm256_permute2x128_si256::<0x31>(low, high);
            _mm256_storeu_si256(to.cast(), first);
            _mm256_storeu_si256(to.add(16).cast(), last);
        }
    }

    #[inline(always)]
    unsafe fn split(bytes: &Bytes, first: usize, positions: usize) -> Split {
        let block = &bytes.blocks()[first / BLOCK];
        let ranks = block.ranks();
        let together = positions > 1;
        // SAFETY: as this function's; loads need no alignment.
        unsafe {
            let nothing = Piece {
                half: 0,
                order: _mm_setzero_si128(),
                place: 0,
            };
            let mut split = Split {
                ranks,
                first: (!together).then_some(block.place),
                pieces: [nothing; 2 * RANKS],
                per_position: if together { ranks } else { 2 * (ranks - 1) },
            };
            let mut pieces = split.pieces.iter_mut();
            let mut add = |rank: usize, half: usize, start: usize, position: usize| {
                if let Some(piece) = pieces.next() {
                    *piece = Piece {
                        half: rank * 32 + half * 16,
                        order: _mm_loadu_si128(block.order[start..][..16].as_ptr().cast()),
                        place: position * bytes.step() + block.place + start,
                    };
                }
            };
            if together {
                for (position, rank) in (0..positions).flat_map(|p| (0..ranks).map(move |r| (p, r)))
                {
                    add(rank, position, block.starts[rank][0], position);
                }
            } else {
                for (rank, half) in (1..ranks).flat_map(|r| [(r, 0), (r, 1)]) {
                    add(rank, half, block.starts[rank][half], 0);
                }
            }
            split
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(sums: [Self; 2], split: &Split, positions: usize, to: *mut u8) {
        // SAFETY: as this function's; the instructions need no alignment, and pieces lie within `ranks`.
        unsafe {
            let [low, high] = sums;
            let first = _mm256_packus_epi16(low, high);
            if let Some(place) = split.first {
                _mm256_storeu_si256(to.add(place).cast(), first);
            }
            let mut ranks = [[0u8; 32]; RANKS];
            _mm256_storeu_si256(ranks[0].as_mut_ptr().cast(), first);
            for rank in 1..split.ranks {
                let held = _mm256_set1_epi16(rank as i16 * FULL);
                let rest = |sums| _mm256_subs_epu16(sums, held);
                let bytes = _mm256_packus_epi16(rest(low), rest(high));
                _mm256_storeu_si256(ranks[rank].as_mut_ptr().cast(), bytes);
            }
            for piece in &split.pieces[..positions * split.per_position] {
                let half =
                    _mm_loadu_si128(ranks.as_flattened()[piece.half..][..16].as_ptr().cast());
                _mm_storeu_si128(
                    to.add(piece.place).cast(),
                    _mm_shuffle_epi8(half, piece.order),
                );
            }
        }
    }
}
