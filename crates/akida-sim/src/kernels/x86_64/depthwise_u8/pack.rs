//! The order of weights and parameters that the registers ask for.

use crate::kernels::depthwise_u8::{DepthwiseU8Layer, PackedDepthwise};
use crate::memory::{self, OutOfMemory};

/// The channel of a block whose quad lies at place `lane` of register `register`, one of four.
fn channel(register: usize, lane: usize) -> usize {
    lane / 4 * 16 + register * 4 + lane % 4
}

/// The parameters of a channel: what its sums start from, then a line in integers.
pub(super) const PARAMETERS: usize = 6;

/// Where blocks of `lanes` channels begin. The last block ends with the last channel, and may overlap the one before.
pub(super) fn blocks(channels: usize, lanes: usize) -> impl Iterator<Item = usize> {
    let last = channels.saturating_sub(lanes);
    (0..channels.div_ceil(lanes)).map(move |block| last.min(block * lanes))
}

/// The number of groups of four rows.
pub(super) fn row_groups(rows: usize) -> usize {
    rows.div_ceil(4)
}

/// Packs weights as `[block][column][group of rows][register][channel][row]`, and parameters as
/// `[block][register][parameter][channel]`.
pub(in crate::kernels::x86_64) fn pack<const LANES: usize>(
    layer: DepthwiseU8Layer<'_>,
) -> Result<PackedDepthwise, OutOfMemory> {
    let shape = layer.shape;
    let groups = row_groups(shape.rows);
    let count = shape.channels.div_ceil(LANES);
    let mut weights = memory::with_capacity(count * shape.columns * groups * 4 * LANES)?;
    let mut parameters = memory::with_capacity(count * PARAMETERS * LANES)?;
    for block in blocks(shape.channels, LANES) {
        for column in 0..shape.columns {
            for (group, register) in (0..groups).flat_map(|g| (0..4).map(move |r| (g, r))) {
                for lane in 0..LANES / 4 {
                    let channel = block + channel(register, lane);
                    for row in 4 * group..4 * group + 4 {
                        let inside = row < shape.rows && channel < shape.channels;
                        let cell = (row * shape.columns + column) * shape.channels;
                        weights.push(if inside {
                            layer.weights[cell + channel]
                        } else {
                            0
                        });
                    }
                }
            }
        }
        for register in 0..4 {
            let line = layer.rescaler.line.as_ref();
            let line = line.map(|l| [&l.low, &l.high, &l.scale, &l.half, &l.shift]);
            for parameter in 0..PARAMETERS {
                for lane in 0..LANES / 4 {
                    let channel = block + channel(register, lane);
                    let of_channel = match parameter {
                        0 => layer.start.get(channel),
                        _ => line.and_then(|line| line[parameter - 1].get(channel)),
                    };
                    parameters.push(of_channel.copied().unwrap_or(0));
                }
            }
        }
    }
    Ok(PackedDepthwise {
        weights,
        parameters,
    })
}
