//! Registers of 64 bytes.

use super::Register;
use crate::kernels::Bytes;
use crate::kernels::split::{BLOCK, Block, FULL};
use core::arch::x86_64::*;

/// How the bytes of a register of channels are stored.
pub(in super::super) struct Split {
    /// Bytes that each channel has at most.
    ranks: usize,
    /// Of each block of channels, or of each position where a register holds several: which bytes of the first two ranks
    /// are stored where, and which of the others.
    blocks: [[(__m512i, usize); 2]; 4],
    per_position: usize,
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
    unsafe fn split(bytes: &Bytes, first: usize, positions: usize) -> Split {
        let blocks = &bytes.blocks()[first / BLOCK..];
        let blocks = &blocks[..blocks.len().min(2)];
        // SAFETY: as this function's; loads need no alignment, and `Block::order` has 64 bytes from both places on.
        unsafe {
            let mut split = Split {
                ranks: blocks.iter().map(Block::ranks).max().unwrap_or_default(),
                blocks: [[(_mm512_setzero_si512(), 0); 2]; 4],
                per_position: blocks.len(),
            };
            let choose = |block: &Block, channel: usize, position: usize| {
                [0, block.starts[2][0]].map(|start| {
                    let order = block.order[start..][..64].as_ptr();
                    let order = _mm512_loadu_si512(order.cast());
                    let channel = _mm512_set1_epi8(channel as i8);
                    let place = position * bytes.step() + block.place + start;
                    (_mm512_add_epi8(order, channel), place)
                })
            };
            if positions > 1 {
                let channels = blocks[0].starts[1][0];
                for (position, choice) in split.blocks.iter_mut().take(positions).enumerate() {
                    *choice = choose(&blocks[0], position * channels, position);
                }
            } else {
                for (i, (choice, block)) in split.blocks.iter_mut().zip(blocks).enumerate() {
                    *choice = choose(block, i * BLOCK, 0);
                }
            }
            split
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(sums: [Self; 2], split: &Split, positions: usize, to: *mut u8) {
        // SAFETY: as this function's; the instructions need no alignment.
        unsafe {
            let [low, high] = sums;
            let bytes = |rank: i16| {
                let held = _mm512_set1_epi16(rank * FULL);
                let rest = |sums| _mm512_subs_epu16(sums, held);
                _mm512_packus_epi16(rest(low), rest(high))
            };
            let store = |(order, place): (__m512i, usize), even, odd| {
                let chosen = _mm512_permutex2var_epi8(even, order, odd);
                _mm512_storeu_si512(to.add(place).cast(), chosen);
            };
            let (first, second) = (_mm512_packus_epi16(low, high), bytes(1));
            let blocks = &split.blocks[..positions * split.per_position];
            if split.ranks <= 2 {
                for &[choice, _] in blocks {
                    store(choice, first, second);
                }
            } else {
                let (third, fourth) = (bytes(2), bytes(3));
                for &[choice, further] in blocks {
                    store(choice, first, second);
                    store(further, third, fourth);
                }
            }
        }
    }
}
