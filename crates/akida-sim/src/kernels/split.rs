//! Depthwise sums as unsigned bytes.
//!
//! Products of unsigned bytes take half the time of those of 16 bits. A channel's sum less the lowest one that its weights
//! allow is not negative, and often below 256; a larger one is a sum of several bytes, each met by the channel's weights:
//! `sum − lowest = byte₀ + byte₁ + …`. What the lowest sums contribute to a potential is known beforehand.

use alloc::vec::Vec;

/// Channels whose bytes lie together.
pub(super) const BLOCK: usize = 32;
/// Ranks of bytes: the first of each channel has rank 0. Sums that need more are better multiplied in 16 bits.
pub(super) const RANKS: usize = 4;
/// What each byte but the last of a sum holds when there are more.
pub(super) const FULL: i16 = u8::MAX as i16;

/// How the sums of a position become bytes: block by block the first byte of each channel, then the second of those
/// that need it, and so on.
#[derive(Debug)]
pub(crate) struct Bytes {
    /// The lowest sum of each channel; begun anew after the last, so that the last register is full, also one that holds
    /// the channels of several positions.
    lowest: Vec<i16>,
    blocks: Vec<Block>,
    step: usize,
}

/// The bytes of a block of channels.
#[derive(Debug)]
pub(super) struct Block {
    /// Where they begin among those of a position.
    pub(super) place: usize,
    /// Where in the block the bytes of each rank begin, for each half of the channels; at the end how many there are.
    pub(super) starts: [[usize; 2]; RANKS + 1],
    /// The channel of each byte in the block, those of odd ranks after `2 * BLOCK`: kernels choose bytes by these numbers.
    pub(super) order: [u8; BLOCK * RANKS],
}

impl Block {
    /// Bytes for channels whose sums reach so far above the lowest.
    fn new(place: usize, widths: impl Iterator<Item = i32> + Clone) -> Self {
        let (mut starts, mut order, mut len) = ([[0; 2]; RANKS + 1], [0; BLOCK * RANKS], 0);
        for (rank, starts) in starts.iter_mut().enumerate() {
            let held = rank as i32 * i32::from(FULL);
            *starts = [len; 2];
            for (channel, width) in widths.clone().enumerate() {
                if channel == BLOCK / 2 {
                    starts[1] = len;
                }
                if rank == 0 || width > held {
                    order[len] = (channel + rank % 2 * 2 * BLOCK) as u8;
                    len += 1;
                }
            }
            if widths.clone().count() <= BLOCK / 2 {
                starts[1] = len;
            }
        }
        Self {
            place,
            starts,
            order,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.starts[RANKS][0]
    }

    /// How many levels there are bytes of.
    pub(super) fn ranks(&self) -> usize {
        let rank = |n: &usize| self.starts[*n][0] < self.len();
        (0..RANKS).take_while(rank).count()
    }

    /// Bytes that kernels write which store whole registers: the first two ranks, then the others.
    fn room(&self) -> usize {
        let last = if self.ranks() > 2 {
            self.starts[2][0]
        } else {
            0
        };
        last + 2 * BLOCK
    }

    /// (rank, channel of the block) of each byte.
    fn bytes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.order[..self.len()]
            .iter()
            .enumerate()
            .map(|(place, &channel)| {
                let rank = (1..RANKS).take_while(|n| self.starts[*n][0] <= place);
                (rank.count(), usize::from(channel) % BLOCK)
            })
    }

    /// Stores the bytes of `sums`, the portable way.
    pub(super) fn store(&self, sums: &[i16], lowest: &[i16], position: &mut [u8]) {
        for (out, (rank, channel)) in position[self.place..].iter_mut().zip(self.bytes()) {
            let rest = sums[channel] - lowest[channel] - rank as i16 * FULL;
            *out = rest.clamp(0, FULL) as u8;
        }
    }
}

impl Bytes {
    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        size_of::<Block>() * self.blocks.capacity() + size_of::<i16>() * self.lowest.capacity()
    }

    /// Bytes for channels whose sums lie in (lowest, highest), of which the former is not above 0 and the latter not below;
    /// none where a sum needs more bytes than [`RANKS`].
    pub(crate) fn new(reach: &[(i16, i16)]) -> Option<Self> {
        let channels = reach.len();
        let widths = reach
            .iter()
            .map(|&(low, high)| i32::from(high) - i32::from(low));
        if widths
            .clone()
            .any(|width| width > RANKS as i32 * i32::from(FULL))
        {
            return None;
        }
        let lowest = reach.iter().map(|&(low, _)| low).cycle();
        let lowest = lowest.take(channels.next_multiple_of(2 * BLOCK)).collect();
        let (mut blocks, mut place) = (Vec::new(), 0);
        for first in (0..channels).step_by(BLOCK) {
            let block = Block::new(place, widths.clone().skip(first).take(BLOCK));
            place += block.len();
            blocks.push(block);
        }
        // What a register writes too much is mended by the next one of the position, or, where positions are made one after
        // the other, of the next position.
        let step = match blocks.last() {
            Some(last) if blocks.len() > 1 => last.place + last.room(),
            _ => place,
        };
        Some(Self {
            lowest,
            blocks,
            step,
        })
    }

    /// Bytes of a position.
    pub(crate) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |b| b.place + b.len())
    }

    /// Bytes between positions.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// Bytes that kernels write for so many positions.
    pub(crate) fn room(&self, positions: usize) -> usize {
        let last = self.blocks.last().map_or(0, |b| b.place + b.room());
        positions.saturating_sub(1) * self.step + last
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn lowest(&self) -> &[i16] {
        &self.lowest
    }

    /// The channel of each byte of a position.
    pub(crate) fn channel_of_bytes(&self) -> Vec<usize> {
        let blocks = self.blocks.iter().enumerate();
        let channels = blocks.flat_map(|(i, block)| block.bytes().map(move |(_, c)| i * BLOCK + c));
        channels.collect()
    }
}
