//! Operations: what layers compute, before their output stage. `docs/engine.md` defines the words.

use super::shape::{Padding, Pair, Shape};

/// What a layer computes from its inbounds, before its output stage.
///
/// Code that runs, bounds or places a layer reads its operation, never its type. So a new type of layer needs no new code
/// there where its operation exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The values of the model's input, as they are.
    Pass,
    /// The model's float inputs, rounded to integers.
    Quantize(Quantize),
    /// The values of the inbound, as they are. `predict` turns them into floats.
    Dequantize,
    /// The maps of all inbounds, joined on the channel axis (`docs/arithmetic.md`, C8).
    Join,
    /// Two maps, shifted and added value by value.
    Add,
    /// Sums of products over windows of one map.
    Windows(Windows),
    /// States that follow from the positions of a map, one after the other, and sums of products over the states.
    Recurrence(Recurrence),
    /// Whether the mean distance between two maps reaches a threshold.
    Deviation(Deviation),
}

/// How a prediction is compared with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    /// The width of a scaled prediction, without its sign.
    pub buffer_bits: u8,
}

/// How float inputs become integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantize {
    /// Whether the first axis of the model's inputs is the channels: (channels, height, width).
    pub channels_first: bool,
}

/// How states follow from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrence {
    /// The number of complex states.
    pub states: usize,
    /// Of so many steps, only the last one has an output.
    pub subsample: usize,
    /// The width of the accumulators of both projections.
    pub buffer_bits: u8,
}

impl Operation {
    /// The windows, for an operation that has them.
    #[must_use]
    pub const fn windows(&self) -> Option<&Windows> {
        match self {
            Self::Windows(windows) => Some(windows),
            Self::Pass
            | Self::Quantize(_)
            | Self::Dequantize
            | Self::Join
            | Self::Add
            | Self::Recurrence(_)
            | Self::Deviation(_) => None,
        }
    }

    /// Whether outputs depend on earlier inputs of a stream.
    #[must_use]
    pub const fn has_state(&self) -> bool {
        match self {
            Self::Windows(windows) => windows.frames > 1,
            Self::Recurrence(_) => true,
            Self::Pass
            | Self::Quantize(_)
            | Self::Dequantize
            | Self::Join
            | Self::Add
            | Self::Deviation(_) => false,
        }
    }
}

/// Pooling of sums (`docs/arithmetic.md`, section D).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// No pooling.
    None,
    /// The largest potential of each window. Cells outside the map are left out.
    Max {
        /// The window: (height, width).
        size: Pair,
        /// The step between windows: (along the height, along the width).
        stride: Pair,
    },
    /// The sum of the whole map.
    GlobalAverage,
}

/// Which channels of a window a sum adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// All channels, for each filter (`docs/arithmetic.md`, C3, C4 and C6).
    All,
    /// Each channel alone: a depthwise layer has as many filters as channels.
    Each,
    /// Each channel alone, then all channels of a position with pointwise weights (`docs/arithmetic.md`, C5).
    EachThenAll,
}

/// In which order the weights of a kernel meet the cells of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightOrder {
    /// Cell (u, v) meets the weight at (u, v): a cross-correlation (`docs/arithmetic.md`, C3).
    Straight,
    /// Cell (u, v) meets the weight at the opposite place: a true convolution (`docs/arithmetic.md`, C4).
    Flipped,
    /// The weights are a matrix. The window is flattened, and its first axis runs fastest (`docs/arithmetic.md`, C6).
    FirstAxisFastest,
    /// The weights are a matrix. The window is flattened, and its last axis, the channels, runs fastest.
    LastAxisFastest,
}

/// Windows on a map: where they lie, which weights they meet, and how their sums are pooled.
///
/// A fully connected layer has one window: the whole map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The size of a window: (height, width).
    pub size: Pair,
    /// The step between windows: (along the height, along the width).
    pub stride: Pair,
    /// The border of windows, and of pooling windows.
    pub padding: Padding,
    /// The value of cells outside the map.
    pub border: i32,
    /// The order of the weights.
    pub order: WeightOrder,
    /// The channels that a sum adds up.
    pub channels: Channels,
    /// Pooling of the sums.
    pub pooling: Pooling,
    /// How many maps a window reaches over: the map and the ones that came before it in its stream. Mostly 1.
    pub frames: usize,
    /// Whether the operation is a transposed convolution: each cell of the map is spread over a window of outputs.
    pub transposed: bool,
}

impl Windows {
    /// The only window of a fully connected layer: the whole of `map`. Its weights are a matrix.
    pub(crate) const fn whole(map: Shape, order: WeightOrder) -> Self {
        let size = Pair::new(map.x, map.y);
        Self {
            size,
            stride: size,
            padding: Padding::Valid,
            border: 0,
            order,
            channels: Channels::All,
            pooling: Pooling::None,
            frames: 1,
            transposed: false,
        }
    }

    /// Whether the weights are a matrix: every input meets every filter once.
    #[must_use]
    pub const fn is_fully_connected(&self) -> bool {
        match self.order {
            WeightOrder::FirstAxisFastest | WeightOrder::LastAxisFastest => true,
            WeightOrder::Straight | WeightOrder::Flipped => false,
        }
    }

    /// The row of weights that channel `c` of cell (`u`, `v`) of a window meets. The kernel has `channels` channels.
    ///
    /// Rows are counted in C order over (row, column, channel) of the kernel. Each row has one weight per filter.
    ///
    /// *Example:* of a kernel of (2, 3) cells and 1 channel, cell (0, 0) meets row 0 straight, and row 5 flipped.
    pub(crate) const fn weight_row(&self, channels: usize, u: usize, v: usize, c: usize) -> usize {
        let Pair { x, y } = self.size;
        match self.order {
            WeightOrder::Straight | WeightOrder::LastAxisFastest => (u * y + v) * channels + c,
            WeightOrder::Flipped => ((x - 1 - u) * y + (y - 1 - v)) * channels + c,
            WeightOrder::FirstAxisFastest => (c * y + v) * x + u,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_meets_every_row_once() {
        let map = Shape::new(2, 3, 4);
        for order in [
            WeightOrder::Straight,
            WeightOrder::Flipped,
            WeightOrder::FirstAxisFastest,
            WeightOrder::LastAxisFastest,
        ] {
            let windows = Windows {
                order,
                ..Windows::whole(map, order)
            };
            let mut met = [false; 24];
            for (u, v, c) in (0..24).map(|i| (i / 12, i / 4 % 3, i % 4)) {
                met[windows.weight_row(4, u, v, c)] = true;
            }
            assert_eq!(met, [true; 24], "{order:?}");
        }
    }

    #[test]
    fn a_flipped_kernel_begins_with_its_last_cell() {
        let windows = Windows {
            order: WeightOrder::Flipped,
            ..Windows::whole(Shape::new(2, 3, 1), WeightOrder::Flipped)
        };
        assert_eq!(windows.weight_row(1, 0, 0, 0), 5);
        assert_eq!(windows.weight_row(1, 1, 2, 0), 0);
    }

    #[test]
    fn a_matrix_counts_the_first_axis_fastest() {
        let windows = Windows::whole(Shape::new(2, 3, 2), WeightOrder::FirstAxisFastest);
        let rows = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)];
        let rows = rows.map(|(u, v, c)| windows.weight_row(2, u, v, c));
        assert_eq!(rows, [0, 1, 2, 6]);
    }
}
