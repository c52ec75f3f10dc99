//! Registers of 32 bytes. `docs/engine.md` defines the words.

use super::Register;
use crate::kernels::Bytes;
use crate::kernels::sum_bytes::{BLOCK, FULL, RANKS};
use core::arch::x86_64::*;

/// How the sums of a register of channels are split into bytes. A register holds one block of channels.
pub(in super::super) struct Split {
    /// Where the first bytes are stored.
    first: usize,
    /// The further bytes in the order in which they are stored. Each piece covers what the one before wrote too much.
    pieces: [Piece; 2 * (RANKS - 1)],
    /// The number of pieces that there are.
    count: usize,
    /// The distance between the bytes of neighbouring positions.
    step: usize,
}

/// The further bytes of one rank and half of the channels.
#[derive(Clone, Copy)]
struct Piece {
    /// Where the half begins among the bytes of all channels, of rank 1 and then of rank 2.
    half: usize,
    /// Which bytes of the half are stored: the numbers of their lanes.
    lanes: __m128i,
    /// Where they are stored among the bytes of a position.
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
    unsafe fn split(bytes: &Bytes, first: usize) -> Split {
        let block = first / BLOCK;
        let end = bytes.begin_of_block(block + 1);
        // SAFETY: as this function's; loads need no alignment.
        unsafe {
            let mut pieces = [Piece {
                half: 0,
                lanes: _mm_setzero_si128(),
                place: 0,
            }; 2 * (RANKS - 1)];
            let mut count = 0;
            for rank in 1..RANKS {
                let begins = bytes.begin_of_halves(block, rank);
                for (half, begin) in begins.into_iter().enumerate() {
                    pieces[count] = Piece {
                        half: (rank - 1) * 32 + half * 16,
                        // A shuffle takes the lower four bits of a source: the channel's number in its half.
                        lanes: _mm_loadu_si128(bytes.sources(begin).as_ptr().cast()),
                        place: bytes.further() + begin,
                    };
                    // A piece that begins at the end of the block holds nothing, and neither do the pieces after it.
                    count += usize::from(begin < end);
                }
            }
            Split {
                first,
                pieces,
                count,
                step: bytes.step(),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(sums: [Self; 2], split: &Split, to: *mut u8) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let first = _mm256_packus_epi16(sums[0], sums[1]);
            _mm256_storeu_si256(to.add(split.first).cast(), first);
            if split.count > 0 {
                let further = further(sums);
                for piece in &split.pieces[..split.count] {
                    piece.store(&further, 0, to);
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
            let first = _mm256_packus_epi16(sums[0], sums[1]);
            let halves = [
                _mm256_castsi256_si128(first),
                _mm256_extracti128_si256::<1>(first),
            ];
            let further = further(sums);
            for (position, half) in halves.into_iter().take(positions).enumerate() {
                let to = to.add(position * split.step);
                _mm_storeu_si128(to.cast(), half);
                for piece in &split.pieces[..split.count] {
                    piece.store(&further, position * 16, to);
                }
            }
        }
    }
}

impl Piece {
    /// Stores the piece of a position whose half lies `on` bytes behind that of the first position.
    ///
    /// # Safety
    ///
    /// As for [`Register::store_bytes`].
    #[inline(always)]
    unsafe fn store(&self, further: &[u8; 32 * (RANKS - 1)], on: usize, to: *mut u8) {
        let half = &further[self.half + on..][..16];
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let half = _mm_loadu_si128(half.as_ptr().cast());
            let to = to.add(self.place).cast();
            _mm_storeu_si128(to, _mm_shuffle_epi8(half, self.lanes));
        }
    }
}

/// The bytes of rank 1 of all channels, then the bytes of rank 2.
#[inline(always)]
unsafe fn further([low, high]: [__m256i; 2]) -> [u8; 32 * (RANKS - 1)] {
    let mut further = [0; 32 * (RANKS - 1)];
    for (rank, out) in (1..).zip(further.chunks_exact_mut(32)) {
        // SAFETY: as this function's; the instruction needs no alignment.
        unsafe {
            let held = _mm256_set1_epi16(rank * FULL);
            let rest = |sums| _mm256_subs_epu16(sums, held);
            let bytes = _mm256_packus_epi16(rest(low), rest(high));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), bytes);
        }
    }
    further
}
