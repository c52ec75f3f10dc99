//! Depthwise sums as unsigned bytes.
//!
//! Products of unsigned bytes take half the time of those of 16 bits. A channel's sum less the lowest one that its weights
//! allow is not negative, and often below 256; a larger one is a sum of several bytes, each met by the channel's weights:
//! `sum − lowest = byte₀ + byte₁ + …`. What the lowest sums contribute to a potential is known beforehand.

use alloc::vec::Vec;

/// Channels that are looked at together.
pub(super) const BLOCK: usize = 32;

/// How the sums of a position become bytes: the first of every channel, then the further ones of those that need them.
#[derive(Debug)]
pub(crate) struct Bytes {
    channels: usize,
    /// The lowest sum of each channel; zeros fill up the last block.
    lowest: Vec<i16>,
    further: Vec<Further>,
    len: usize,
}

/// The further bytes of a block of channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Further {
    /// The first channel of the block.
    pub(super) first: usize,
    /// What bytes before these hold of a sum.
    pub(super) held: i16,
    /// The channels of the block that need this byte.
    pub(super) mask: u32,
    /// Where these bytes lie among those of a position.
    pub(super) place: usize,
}

impl Bytes {
    /// Bytes for channels whose sums lie in (lowest, highest), of which the former is not above 0 and the latter not below.
    pub(crate) fn new(reach: &[(i16, i16)]) -> Self {
        let channels = reach.len();
        let mut lowest: Vec<i16> = reach.iter().map(|&(low, _)| low).collect();
        lowest.resize(channels.next_multiple_of(BLOCK), 0);
        let mut further = Vec::new();
        let mut len = channels;
        for held in (255..i16::MAX).step_by(255) {
            for (block, reach) in reach.chunks(BLOCK).enumerate() {
                let needs =
                    |&(low, high): &(i16, i16)| i32::from(high) - i32::from(low) > held.into();
                let bits = reach.iter().rev();
                let mask = bits.fold(0u32, |mask, reach| mask << 1 | u32::from(needs(reach)));
                if mask != 0 {
                    further.push(Further {
                        first: block * BLOCK,
                        held,
                        mask,
                        place: len,
                    });
                    len += mask.count_ones() as usize;
                }
            }
        }
        Self {
            channels,
            lowest,
            further,
            len,
        }
    }

    /// Whether every sum fits, less the lowest, in 16 bits.
    pub(crate) fn fit(reach: &[(i16, i16)]) -> bool {
        let width = |&(low, high): &(i16, i16)| i32::from(high) - i32::from(low);
        reach.iter().all(|reach| width(reach) < i16::MAX.into())
    }

    /// Bytes per position.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Blocks that are made per position.
    pub(crate) fn blocks(&self) -> usize {
        self.lowest.len() / BLOCK + self.further.len()
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(crate) fn lowest(&self) -> &[i16] {
        &self.lowest
    }

    pub(super) fn further(&self) -> &[Further] {
        &self.further
    }

    /// The channel of each byte of a position.
    pub(crate) fn channel_of_bytes(&self) -> Vec<usize> {
        let further = self.further.iter().flat_map(Further::channels);
        (0..self.channels).chain(further).collect()
    }
}

impl Further {
    /// The channels, in the order of their bytes.
    pub(super) fn channels(&self) -> impl Iterator<Item = usize> {
        let (first, mask) = (self.first, self.mask);
        (0..BLOCK)
            .filter(move |bit| mask >> bit & 1 == 1)
            .map(move |bit| first + bit)
    }
}

/// Positions whose sums become bytes.
pub(crate) struct SplitCall<'a> {
    pub(crate) bytes: &'a Bytes,
    /// One sum per channel and position.
    pub(crate) sums: &'a [i16],
    /// [`Bytes::len`] bytes per position.
    pub(crate) out: &'a mut [u8],
}

/// The portable routine.
pub(super) fn split(call: SplitCall<'_>) {
    let bytes = call.bytes;
    let positions = call.sums.chunks_exact(bytes.channels);
    for (sums, out) in positions.zip(call.out.chunks_exact_mut(bytes.len)) {
        let (first, further) = out.split_at_mut(bytes.channels);
        for ((out, &sum), &lowest) in first.iter_mut().zip(sums).zip(&bytes.lowest) {
            *out = (sum - lowest).min(255) as u8;
        }
        let channels = bytes
            .further
            .iter()
            .flat_map(|f| f.channels().map(|c| (c, f.held)));
        for (out, (channel, held)) in further.iter_mut().zip(channels) {
            let rest = sums[channel] - bytes.lowest[channel] - held;
            *out = rest.clamp(0, 255) as u8;
        }
    }
}
