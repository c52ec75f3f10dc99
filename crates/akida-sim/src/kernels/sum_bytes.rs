//! Depthwise sums as unsigned bytes. `docs/engine.md` defines the words.
//!
//! The pointwise product multiplies depthwise sums. Products of unsigned bytes take half the time of products of 16 bits.
//! So a sum is written as bytes, and each byte meets the pointwise weights of the sum's channel.
//!
//! The weights of a channel tell the *lowest* sum that it can have. A sum less the lowest is not negative. It is written as
//! bytes that add up to it: `sum − lowest = byte₀ + byte₁ + byte₂`. The number of a byte is its *rank*. A byte is 255 before
//! the next rank has anything. What the lowest sums contribute to a potential is the same at all positions, and is added
//! beforehand.
//!
//! The plan negates the weights of a channel whose lowest sum is farther from 0 than its highest. Then sums mostly lie near
//! the lowest, and the bytes of rank 1 and 2 are mostly zero.
//!
//! # Example
//!
//! Four channels have sums in 0 ..= 15, −30 ..= 200, −100 ..= 300 and −200 ..= 400. The widths of these ranges are 15, 230,
//! 400 and 600, so that the channels need 1, 1, 2 and 3 bytes. A position has the sums 10, −30, 250 and 400:
//!
//! | | channel 0 | channel 1 | channel 2 | channel 3 |
//! | --- | --: | --: | --: | --: |
//! | sum less the lowest | 10 | 0 | 350 | 600 |
//! | rank 0 | 10 | 0 | 255 | 255 |
//! | rank 1 | | | 95 | 255 |
//! | rank 2 | | | | 90 |
//!
//! The bytes of the position are the *first* bytes 10, 0, 255, 255, then the *further* bytes 95, 255, 90.

use super::GRAIN;
use crate::memory::{self, OutOfMemory};
use alloc::vec::Vec;

/// Channels of a block. A block is what half a register of 64 bytes holds.
pub(super) const BLOCK: usize = 32;
/// The most bytes of a sum. Sums that need more are better multiplied in 16 bits.
pub(super) const RANKS: usize = 3;
/// The largest byte: what a rank holds before the next rank has anything.
pub(super) const FULL: i16 = u8::MAX as i16;
/// The most bytes that a kernel writes at once.
const REGISTER: usize = 64;

/// How the sums of a position become bytes, and where the bytes lie.
///
/// The first bytes of all channels come first. The further bytes follow, block after block. A block has them in the
/// order: rank 1 of its lower 16 channels, rank 1 of its upper 16 channels, then rank 2 likewise. Channels that need no byte
/// of a rank have none.
#[derive(Debug)]
pub(crate) struct Bytes {
    channels: usize,
    /// The lowest sum of each channel, repeated up to a multiple of [`REGISTER`].
    ///
    /// A register that goes beyond the last channel finds the first channel again. So it finds the right lowest sums also
    /// where it holds the channels of several positions.
    lowest: Vec<i16>,
    /// The number of first bytes, and so where the further bytes of a position begin.
    further: usize,
    /// Where the bytes of a block, of a rank from 1 on and of a half of the block begin among the further bytes.
    begins: Vec<[[usize; 2]; RANKS - 1]>,
    /// For each further byte, where kernels find it: see [`Source`]. Zeros of a register follow, as kernels read registers.
    sources: Vec<u8>,
    step: usize,
}

/// Where kernels find a further byte. They have the bytes of rank 1 of a register of channels, then the bytes of rank 2.
///
/// Channel 3 of the register has its byte of rank 1 at 3 and its byte of rank 2 at 64 + 3.
struct Source;

impl Source {
    fn of(channel: usize, rank: usize) -> u8 {
        ((rank - 1) * REGISTER + channel % REGISTER) as u8
    }

    /// The channel, counted from the first channel of its block, and the rank.
    fn channel_and_rank(source: u8) -> (usize, usize) {
        let source = usize::from(source);
        (source % BLOCK, 1 + source / REGISTER)
    }
}

impl Bytes {
    /// The bytes of channels whose sums lie in (lowest, highest). `None` where a sum needs more bytes than [`RANKS`].
    ///
    /// Each lowest sum is 0 or less, each highest sum 0 or more.
    pub(crate) fn new(reach: &[(i16, i16)]) -> Result<Option<Self>, OutOfMemory> {
        let channels = reach.len();
        let widths = reach.iter().map(|r| i32::from(r.1) - i32::from(r.0));
        let most = RANKS as i32 * i32::from(FULL);
        if widths.clone().any(|width| width > most) {
            return Ok(None);
        }
        let held = |rank: usize| rank as i32 * i32::from(FULL);
        let ranks = |width: i32| (1..RANKS).filter(|&rank| width > held(rank)).count();
        let further_len: usize = widths.clone().map(ranks).sum();
        let widths = memory::collected(widths)?;
        let mut begins = memory::with_capacity(channels.div_ceil(BLOCK))?;
        let mut sources = memory::with_capacity(further_len + REGISTER)?;
        for first in (0..channels).step_by(BLOCK) {
            begins.push(add_block(&widths, first, &mut sources));
        }
        // A kernel may write a whole register where fewer bytes are wanted. The register after it writes over the surplus.
        // With one block that register may belong to the next position. With several blocks, positions lie a register
        // apart, and the first bytes fill whole blocks, so that no surplus of theirs falls on further bytes.
        let is_one_block = begins.len() == 1;
        let further = channels.next_multiple_of(if is_one_block { GRAIN } else { BLOCK });
        let len = further + sources.len();
        sources.resize(sources.len() + REGISTER, 0);
        let padded = 0..channels.next_multiple_of(REGISTER);
        let lowest = padded.map(|channel| reach[channel % channels].0);
        Ok(Some(Self {
            channels,
            lowest: memory::collected(lowest)?,
            further,
            begins,
            sources,
            step: if is_one_block { len } else { len + REGISTER },
        }))
    }

    /// The memory that this takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.lowest.as_slice())
            + size_of_val(self.begins.as_slice())
            + self.sources.len()
    }

    /// The number of bytes of a position.
    pub(crate) fn len(&self) -> usize {
        self.further + self.further_len()
    }

    /// The distance between the bytes of neighbouring positions.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// Where the further bytes of a position begin.
    pub(crate) fn further(&self) -> usize {
        self.further
    }

    /// The memory that kernels write to for so many positions, in bytes.
    pub(crate) fn room(&self, positions: usize) -> usize {
        positions.saturating_sub(1) * self.step + self.len() + REGISTER
    }

    /// The lowest sum of each channel, then again from the first channel on, up to whole registers.
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

    /// The number of further bytes of a position.
    fn further_len(&self) -> usize {
        self.sources.len() - REGISTER
    }

    /// Where the bytes of a block begin among the further bytes; behind the last block, the number of further bytes.
    pub(super) fn begin_of_block(&self, block: usize) -> usize {
        let begins = self.begins.get(block);
        begins.map_or(self.further_len(), |begins| begins[0][0])
    }

    /// Where the bytes of a block and a rank begin among the further bytes: of the block's lower half, and of its upper half.
    pub(super) fn begin_of_halves(&self, block: usize, rank: usize) -> [usize; 2] {
        self.begins[block][rank - 1]
    }

    /// The sources of the further bytes from `begin` on, as many as a register has.
    pub(super) fn sources(&self, begin: usize) -> &[u8] {
        &self.sources[begin..][..REGISTER]
    }

    /// The channel and the rank of each further byte of a block.
    fn further_of(&self, block: usize) -> impl Iterator<Item = (usize, usize)> {
        let sources = &self.sources[self.begin_of_block(block)..self.begin_of_block(block + 1)];
        sources.iter().map(move |&source| {
            let (channel, rank) = Source::channel_and_rank(source);
            (block * BLOCK + channel, rank)
        })
    }

    /// The channel of each byte of a position; `None` for a byte that fills up the first bytes.
    pub(crate) fn channel_of_bytes(&self) -> Result<Vec<Option<usize>>, OutOfMemory> {
        let mut channels = memory::with_capacity(self.len())?;
        channels.resize(self.further, None);
        for (channel, place) in channels.iter_mut().take(self.channels).enumerate() {
            *place = Some(channel);
        }
        let blocks = 0..self.begins.len();
        let further = blocks.flat_map(|block| self.further_of(block));
        channels.extend(further.map(|(channel, _)| Some(channel)));
        Ok(channels)
    }

    /// Stores the bytes of a block of sums among the bytes of a position, the portable way.
    pub(super) fn store(&self, block: usize, sums: &[i16], position: &mut [u8]) {
        let first = block * BLOCK;
        let byte = |channel: usize, rank: usize| {
            let rest = sums[channel - first] - self.lowest[channel] - rank as i16 * FULL;
            rest.clamp(0, FULL) as u8
        };
        for (out, channel) in position[first..][..sums.len()].iter_mut().zip(first..) {
            *out = byte(channel, 0);
        }
        let further = &mut position[self.further + self.begin_of_block(block)..];
        for (out, (channel, rank)) in further.iter_mut().zip(self.further_of(block)) {
            *out = byte(channel, rank);
        }
    }
}

/// Adds the sources of the further bytes of the block that begins with channel `first`; gives where each part of them begins.
fn add_block(widths: &[i32], first: usize, sources: &mut Vec<u8>) -> [[usize; 2]; RANKS - 1] {
    let mut begins = [[0; 2]; RANKS - 1];
    for (rank, of_rank) in (1..).zip(&mut begins) {
        // What the bytes of lower ranks hold.
        let held = rank as i32 * i32::from(FULL);
        for (half, begin) in of_rank.iter_mut().enumerate() {
            *begin = sources.len();
            let first = first + half * BLOCK / 2;
            let channels = widths.iter().enumerate().skip(first).take(BLOCK / 2);
            let wide = channels.filter(|(_, width)| **width > held);
            sources.extend(wide.map(|(channel, _)| Source::of(channel, rank)));
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of this file.
    #[test]
    fn sums_become_first_bytes_then_further_bytes() {
        let bytes = Bytes::new(&[(0, 15), (-30, 200), (-100, 300), (-200, 400)])
            .unwrap()
            .unwrap();
        let mut position = [0; 7];
        bytes.store(0, &[10, -30, 250, 400], &mut position);
        assert_eq!(position, [10, 0, 255, 255, 95, 255, 90]);
        assert_eq!((bytes.len(), bytes.further()), (7, 4));
        let channels = [0, 1, 2, 3, 2, 3, 3].map(Some);
        assert_eq!(bytes.channel_of_bytes().unwrap(), channels);
    }
}
