//! Depthwise sums as unsigned bytes.
//!
//! Products of unsigned bytes take half the time of those of 16 bits. A channel's sum less the lowest one that its weights
//! allow is not negative, and often below 256; a larger one is a sum of several bytes, each met by the channel's weights:
//! `sum − lowest = byte₀ + byte₁ + …`. What the lowest sums contribute to a potential is known beforehand. Where the lowest
//! sum is farther from 0 than the highest, weights are to be negated beforehand: then further bytes are mostly zero.

use super::GRAIN;
use alloc::vec;
use alloc::vec::Vec;

/// Channels that half a register of bytes holds at most.
pub(super) const BLOCK: usize = 32;
/// Bytes of a sum at most; sums that need more are better multiplied in 16 bits.
pub(super) const RANKS: usize = 3;
/// What each byte but the last of a sum holds when there are more.
pub(super) const FULL: i16 = u8::MAX as i16;
/// Bytes that kernels write at once.
const REGISTER: usize = 64;

/// How the sums of a position become bytes: the first byte of every channel, then the further ones of those that need
/// them, block by block.
#[derive(Debug)]
pub(crate) struct Bytes {
    channels: usize,
    /// The lowest sum of each channel; begun anew after the last, so that the last register is full, also one that holds
    /// the channels of several positions.
    lowest: Vec<i16>,
    /// Where the further bytes begin among those of a position.
    further: usize,
    /// For each block, rank from the second on and half of the channels, where its bytes begin among the further ones.
    starts: Vec<[[usize; 2]; RANKS - 1]>,
    /// The channel of each further byte among those of a register, those of the third rank after [`REGISTER`]: kernels
    /// choose bytes by these numbers. Zeros follow, as these are read in registers.
    order: Vec<u8>,
    step: usize,
}

impl Bytes {
    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.lowest.as_slice()) + size_of_val(self.starts.as_slice()) + self.order.len()
    }

    /// Bytes for channels whose sums lie in (lowest, highest), of which the former is not above 0 and the latter not below;
    /// none where a sum needs more bytes than [`RANKS`].
    pub(crate) fn new(reach: &[(i16, i16)]) -> Option<Self> {
        let channels = reach.len();
        let widths = reach.iter();
        let widths: Vec<i32> = widths.map(|r| i32::from(r.1) - i32::from(r.0)).collect();
        let full = i32::from(FULL);
        if widths.iter().any(|&width| width > RANKS as i32 * full) {
            return None;
        }
        let lowest = reach.iter().map(|&(low, _)| low).cycle();
        let (mut starts, mut order) = (Vec::new(), Vec::new());
        for (block, widths) in widths.chunks(BLOCK).enumerate() {
            let mut of_block = [[0; 2]; RANKS - 1];
            for (further, start) in of_block.iter_mut().enumerate() {
                for (half, start) in start.iter_mut().enumerate() {
                    *start = order.len();
                    let first = half * BLOCK / 2;
                    let widths = widths.iter().enumerate().skip(first).take(BLOCK / 2);
                    let held = (further as i32 + 1) * full;
                    for (channel, _) in widths.filter(|(_, width)| **width > held) {
                        let channel = (block * BLOCK + channel) % REGISTER;
                        order.push((further * REGISTER + channel) as u8);
                    }
                }
            }
            starts.push(of_block);
        }
        // A register may write more than there is. The next one of the position, or of the next position where one block
        // is all, mends that; the first bytes of a last block reach no further byte.
        let alone = starts.len() == 1;
        let grain = if alone { GRAIN } else { BLOCK };
        let further = channels.next_multiple_of(grain);
        let len = further + order.len();
        order.resize(order.len() + REGISTER, 0);
        Some(Self {
            channels,
            lowest: lowest.take(channels.next_multiple_of(REGISTER)).collect(),
            further,
            starts,
            order,
            step: if alone { len } else { len + REGISTER },
        })
    }

    /// Bytes of a position.
    pub(crate) fn len(&self) -> usize {
        self.further + self.count()
    }

    /// Bytes between positions.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// Where the further bytes of a position begin.
    pub(crate) fn further(&self) -> usize {
        self.further
    }

    /// Bytes that kernels write for so many positions.
    pub(crate) fn room(&self, positions: usize) -> usize {
        positions.saturating_sub(1) * self.step + self.len() + REGISTER
    }

    pub(crate) fn lowest(&self) -> &[i16] {
        &self.lowest
    }

    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only kernels of x86-64 ask")
    )]
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// How many further bytes a position has.
    fn count(&self) -> usize {
        self.order.len() - REGISTER
    }

    /// Where the further bytes from this block on begin; the number of all after the last.
    pub(super) fn start(&self, block: usize) -> usize {
        self.starts.get(block).map_or(self.count(), |s| s[0][0])
    }

    /// Where the further bytes of a rank begin, by halves of the block.
    pub(super) fn starts(&self, block: usize, rank: usize) -> [usize; 2] {
        self.starts[block][rank - 1]
    }

    /// As many choices of further bytes as a register has, from `start` on.
    pub(super) fn order(&self, start: usize) -> &[u8] {
        &self.order[start..][..REGISTER]
    }

    /// (channel, rank) of the further bytes from this block up to another.
    fn between(&self, first: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
        (first..end).flat_map(move |block| {
            let order = &self.order[self.start(block)..self.start(block + 1)];
            order.iter().map(move |&choice| {
                let channel = block * BLOCK + usize::from(choice) % BLOCK;
                (channel, 1 + usize::from(choice) / REGISTER)
            })
        })
    }

    /// The channel of each byte of a position; none where the byte means nothing.
    pub(crate) fn channel_of_bytes(&self) -> Vec<Option<usize>> {
        let mut channels = vec![None; self.further];
        for (channel, place) in channels.iter_mut().take(self.channels).enumerate() {
            *place = Some(channel);
        }
        channels.extend(self.between(0, self.starts.len()).map(|(c, _)| Some(c)));
        channels
    }

    /// Stores the bytes of a block of sums among those of a position, the portable way.
    pub(super) fn store(&self, block: usize, sums: &[i16], position: &mut [u8]) {
        let first = block * BLOCK;
        let byte = |channel: usize, rank: usize| {
            let rest = sums[channel - first] - self.lowest[channel] - rank as i16 * FULL;
            rest.clamp(0, FULL) as u8
        };
        for (out, channel) in position[first..][..sums.len()].iter_mut().zip(first..) {
            *out = byte(channel, 0);
        }
        let further = &mut position[self.further + self.start(block)..];
        for (out, (channel, rank)) in further.iter_mut().zip(self.between(block, block + 1)) {
            *out = byte(channel, rank);
        }
    }
}
