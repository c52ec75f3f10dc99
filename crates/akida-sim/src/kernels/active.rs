//! Counting of values that are not zero. `docs/engine.md` defines the words.

/// How many levels are not zero.
pub(crate) fn active_levels(levels: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(count) = super::x86_64::active_levels(levels) {
        return count;
    }
    portable(levels)
}

/// How many potentials are not zero.
pub(crate) fn active_potentials(potentials: &[i32]) -> u64 {
    potentials.iter().filter(|&&p| p != 0).count() as u64
}

/// The number of values that are compared together.
const LANES: usize = 64;

fn portable(levels: &[u8]) -> u64 {
    // Each lane counts the zeros at its place in a byte, which holds 255 at most.
    let zeros = levels.chunks(LANES * u8::MAX as usize).map(|levels| {
        let (rows, rest) = levels.as_chunks::<LANES>();
        let mut lanes = [0u8; LANES];
        for row in rows {
            for (lane, &level) in lanes.iter_mut().zip(row) {
                *lane += u8::from(level == 0);
            }
        }
        let rest = rest.iter().filter(|&&level| level == 0).count();
        lanes.iter().map(|&lane| usize::from(lane)).sum::<usize>() + rest
    });
    (levels.len() - zeros.sum::<usize>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// Lengths are around whole registers and around what a byte counts. Values begin at every alignment. They are all zero,
    /// never zero, and both.
    #[test]
    fn counts_are_plain_counts() {
        let rows = 128 * u8::MAX as usize;
        let lengths = (0..300).chain(rows - 130..rows + 130);
        let lengths = lengths.chain([2 * rows, 2 * rows + 127, 100_000]);
        let levels: Vec<u8> = (0..100_064u32)
            .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8)
            .map(|x| if x < 100 { 0 } else { x })
            .collect();
        let (zeros, ones) = (vec![0; levels.len()], vec![255; levels.len()]);
        for (turn, length) in lengths.enumerate() {
            let starts = if length < 300 {
                0..64
            } else {
                turn % 64..turn % 64 + 1
            };
            for start in starts {
                for levels in [&levels, &zeros, &ones] {
                    let levels = &levels[start..][..length];
                    let plain = levels.iter().filter(|&&level| level != 0).count() as u64;
                    assert_eq!(active_levels(levels), plain, "{length} from {start}");
                    assert_eq!(portable(levels), plain, "{length} from {start}");
                }
            }
        }
    }
}
