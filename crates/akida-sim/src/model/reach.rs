//! The reach of filters: the potentials that their weights allow (`docs/arithmetic.md`, H5).

use super::model::Layer;
use super::operation::{Pooling, WeightOrder};
use super::reach_error::ReachError;
use super::running_sums::{Kernel, RunningSums};
use super::shape::{AxisWindows, Pair};
use crate::interrupt::{Answer, Watch};
use crate::memory::{self, OutOfMemory};
use alloc::vec::Vec;
use core::ops::Range;

/// The reach of each filter: an interval of potentials, ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The lowest potential of each filter.
    pub lowest: Vec<i32>,
    /// The highest potential of each filter, not below the lowest.
    pub highest: Vec<i32>,
}

impl Reach {
    /// Every potential that rule B5 admits, for `filters` filters.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub fn unknown(filters: usize) -> Result<Self, OutOfMemory> {
        Self::of(-i32::MAX, i32::MAX, filters)
    }

    /// The same interval for every filter.
    fn of(lowest: i32, highest: i32, filters: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            lowest: memory::filled(lowest, filters)?,
            highest: memory::filled(highest, filters)?,
        })
    }

    fn joined(mut self, other: &Self) -> Self {
        for (mine, &theirs) in self.lowest.iter_mut().zip(&other.lowest) {
            *mine = theirs.min(*mine);
        }
        for (mine, &theirs) in self.highest.iter_mut().zip(&other.highest) {
            *mine = theirs.max(*mine);
        }
        self
    }
}

impl Layer {
    /// The potentials after pooling that each filter can reach, whatever the inputs; `None` for a layer without
    /// thresholds.
    ///
    /// Where the layer has one window or no pooling, some input attains each end. Elsewhere the interval may be wider than
    /// what occurs, never narrower.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Weights};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 2), 4), &[])?;
    /// let units = FullyConnected { weights_bits: 4, ..FullyConnected::new(1) };
    /// let dense = builder.add("dense", units, &[])?;
    /// builder.set_variable(dense, "weights", Weights::new([1, 1, 2, 1], vec![3, -2])?)?;
    /// let reach = builder.layers()[dense].reach()?.ok_or("no weights")?;
    /// assert_eq!((reach.lowest[0], reach.highest[0]), (-30, 45));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reach(&self) -> Result<Option<Reach>, OutOfMemory> {
        match self.reach_watched(&mut Watch::default()) {
            Ok(reach) => Ok(reach),
            Err(ReachError::Memory(error)) => Err(error),
            // Never: nobody is asked.
            Err(ReachError::Interrupted) => Ok(None),
        }
    }

    /// The [`reach`](Self::reach), unless the answer of `interrupt` is true. It is asked now and then.
    ///
    /// # Errors
    ///
    /// The answer was true, or the memory does not suffice.
    pub fn reach_unless(&self, interrupt: &dyn Fn() -> bool) -> Result<Option<Reach>, ReachError> {
        let answer = Answer::default();
        self.reach_watched(&mut Watch::new(Some(interrupt), &answer))
    }

    /// The [`reach`](Self::reach), unless `watch` says to stop.
    pub(crate) fn reach_watched(&self, watch: &mut Watch<'_>) -> Result<Option<Reach>, ReachError> {
        let connection = self.connection();
        let (Some(weights), Some(windows), Some(_)) = (
            self.weights(),
            connection.operation.windows(),
            self.thresholds(),
        ) else {
            return Ok(None);
        };
        let weights_pw = self.pointwise_weights();
        let [x, y, channels, filters] = weights.shape();
        // A depthwise kernel has one sum for each channel.
        let (channels, sums) = match weights_pw {
            Some(_) => (1, channels),
            None => (channels, filters),
        };
        let kernel = Kernel {
            weights: &weights.try_values()?,
            size: Pair::new(x, y),
            channels,
            sums,
            flipped: match windows.order {
                WeightOrder::Flipped => true,
                // A matrix is a kernel of one cell, whose channels are all inputs.
                WeightOrder::Straight
                | WeightOrder::FirstAxisFastest
                | WeightOrder::LastAxisFastest => false,
            },
            x_max: connection.input.format.max() as i32,
            border: windows.border,
        };
        let weights_pw = match weights_pw {
            Some(weights) => Some((weights.try_values()?, weights.shape()[3])),
            None => None,
        };
        let potentials = |sums: Reach, watch: &mut Watch<'_>| match &weights_pw {
            Some((weights, filters)) => pointwise(&sums, weights, *filters, watch),
            None => Ok(sums),
        };
        if windows.is_fully_connected() {
            let window = core::slice::from_ref(&(0..1));
            return kernel.hull(window, window, potentials, watch);
        }
        let (map, stride) = (connection.input.shape, windows.stride);
        let rows = windows.padding.windows(map.x, x, stride.x);
        let columns = windows.padding.windows(map.y, y, stride.y);
        let (Some(rows), Some(columns)) = (rows, columns) else {
            return Ok(None);
        };
        if windows.pooling == Pooling::GlobalAverage {
            let rows = axis_cells(map.x, x, stride.x, rows)?;
            let columns = axis_cells(map.y, y, stride.y, columns)?;
            let sums = kernel.whole_map(&rows, &columns, stride, watch)?;
            potentials(sums, watch).map(Some)
        } else {
            let rows = axis_windows(map.x, x, stride.x, rows)?;
            let columns = axis_windows(map.y, y, stride.y, columns)?;
            kernel.hull(&rows, &columns, potentials, watch)
        }
    }
}

/// The kinds of windows along one axis: which cells of a window lie inside the map.
///
/// Where a window lies inside the map as a whole, it stands for all kinds. Border values are among the values that inputs
/// take, so that no other window reaches further.
fn axis_windows(
    map: usize,
    size: usize,
    stride: usize,
    windows: AxisWindows,
) -> Result<Vec<Range<usize>>, OutOfMemory> {
    // If any window is whole, the first window that begins inside the map is.
    let first_inside = windows.before.div_ceil(stride);
    if first_inside < windows.out && first_inside * stride + size <= map + windows.before {
        return memory::collected(core::iter::once(0..size));
    }
    // Otherwise every window reaches into the border. So there are no more windows than a window has cells.
    let cells = (0..windows.out).map(|i| {
        let start = i * stride;
        let first = windows.before.saturating_sub(start);
        first..(map + windows.before).saturating_sub(start).min(size)
    });
    let mut kinds: Vec<Range<usize>> = memory::collected(cells)?;
    kinds.sort_unstable_by_key(|cells| (cells.start, cells.end));
    kinds.dedup();
    Ok(kinds)
}

/// A group of cells of the bordered map, along one axis.
///
/// Each of them meets the same cells of the kernel: `first`, then one cell every stride, up to `last`.
struct Cells {
    first: usize,
    last: usize,
    /// How many cells the group has.
    times: usize,
    /// Whether the cells lie in the border, where the value is known.
    border: bool,
}

/// All cells that windows meet along one axis, in at most four groups for each cell of the kernel.
fn axis_cells(
    map: usize,
    size: usize,
    stride: usize,
    windows: AxisWindows,
) -> Result<Vec<Cells>, OutOfMemory> {
    let mut groups = Vec::new();
    // In window `j - t`, cell `phase + j * stride` meets the kernel at `phase + t * stride`.
    for phase in 0..size.min(stride) {
        let taps = (size - phase).div_ceil(stride);
        let mut add = |js: Range<usize>| {
            let first = phase + (js.start + 1).saturating_sub(windows.out) * stride;
            let last = phase + js.start.min(taps - 1) * stride;
            let before = |cell: usize| cell.saturating_sub(phase).div_ceil(stride);
            let map_start = before(windows.before).clamp(js.start, js.end);
            let map_end = before(windows.before + map).clamp(map_start, js.end);
            let parts = [
                (js.start..map_start, true),
                (map_start..map_end, false),
                (map_end..js.end, true),
            ];
            for (part, border) in parts {
                if !part.is_empty() {
                    let group = Cells {
                        first,
                        last,
                        times: part.len(),
                        border,
                    };
                    memory::push(&mut groups, group)?;
                }
            }
            Ok(())
        };
        // Cells in the middle meet every cell of the kernel of this phase, and are one group. Cells at the ends meet fewer
        // cells, each other ones.
        let middle = if taps <= windows.out {
            taps - 1..windows.out
        } else {
            0..0
        };
        let end = windows.out + taps - 1;
        (0..middle.start).try_for_each(|j| add(j..j + 1))?;
        (middle.end..end).try_for_each(|j| add(j..j + 1))?;
        if !middle.is_empty() {
            add(middle)?;
        }
    }
    Ok(groups)
}

impl Kernel<'_> {
    /// The reach of every pair of a row and a column of windows, joined.
    fn hull(
        &self,
        rows: &[Range<usize>],
        columns: &[Range<usize>],
        potentials: impl Fn(Reach, &mut Watch<'_>) -> Result<Reach, ReachError>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Reach>, ReachError> {
        let mut of = |end: fn(i8, i8) -> i8| {
            let all = 0..self.channels;
            RunningSums::new(self, all, Pair::square(1), watch, |w| i32::from(end(w, 0)))
        };
        let (low, high) = (of(i8::min)?, of(i8::max)?);
        let sums_over = |sums: &RunningSums, rows: (usize, usize), columns: (usize, usize)| {
            let mut inside = memory::filled(0, self.sums)?;
            sums.add_to(&mut inside, rows, columns);
            Ok::<_, OutOfMemory>(inside)
        };
        let whole = ((0, self.size.x - 1), (0, self.size.y - 1));
        let all = [
            sums_over(&low, whole.0, whole.1)?,
            sums_over(&high, whole.0, whole.1)?,
        ];
        let mut hull: Option<Reach> = None;
        for row in rows {
            for column in columns {
                let cells = ((row.start, row.end - 1), (column.start, column.end - 1));
                let mut lowest = sums_over(&low, cells.0, cells.1)?;
                let mut highest = sums_over(&high, cells.0, cells.1)?;
                let known = all[0].iter().zip(&all[1]).map(|(low, high)| low + high);
                for ((low, high), all) in lowest.iter_mut().zip(&mut highest).zip(known) {
                    let border = (all - *low - *high) * self.border;
                    *low = *low * self.x_max + border;
                    *high = *high * self.x_max + border;
                }
                watch.worked(8 * self.sums as u64)?;
                let reach = potentials(Reach { lowest, highest }, watch)?;
                hull = Some(match hull {
                    Some(hull) => hull.joined(&reach),
                    None => reach,
                });
            }
        }
        Ok(hull)
    }

    /// The totals of the sums of all windows on the map.
    fn whole_map(
        &self,
        rows: &[Cells],
        columns: &[Cells],
        stride: Pair,
        watch: &mut Watch<'_>,
    ) -> Result<Reach, ReachError> {
        let mut reach = Reach::of(0, 0, self.sums)?;
        let mut coefficients = memory::filled(0, self.sums)?;
        for channel in 0..self.channels {
            let channels = channel..channel + 1;
            let weights = RunningSums::new(self, channels, stride, watch, i32::from)?;
            for row in rows {
                for column in columns {
                    coefficients.fill(0);
                    let row_cells = (row.first, row.last);
                    weights.add_to(&mut coefficients, row_cells, (column.first, column.last));
                    // At most the number of windows: each cell of the group meets a cell of the kernel in another window.
                    let times = i32::try_from(row.times * column.times).unwrap_or(i32::MAX);
                    let ends = reach.lowest.iter_mut().zip(&mut reach.highest);
                    for ((low, high), &sum) in ends.zip(&coefficients) {
                        if row.border || column.border {
                            *low += sum * (self.border * times);
                            *high += sum * (self.border * times);
                        } else {
                            *low += sum.min(0) * (self.x_max * times);
                            *high += sum.max(0) * (self.x_max * times);
                        }
                    }
                    watch.worked(8 * self.sums as u64)?;
                }
            }
        }
        Ok(reach)
    }
}

/// The reach of each filter of a pointwise product, whose depthwise sums lie inside `sums`.
fn pointwise(
    sums: &Reach,
    weights: &[i8],
    filters: usize,
    watch: &mut Watch<'_>,
) -> Result<Reach, ReachError> {
    let mut reach = Reach::of(0, 0, filters)?;
    let channels = sums.lowest.iter().zip(&sums.highest);
    for ((&low, &high), weights) in channels.zip(weights.chunks_exact(filters)) {
        let ends = reach.lowest.iter_mut().zip(&mut reach.highest);
        for ((lowest, highest), &w) in ends.zip(weights) {
            let (a, b) = (i32::from(w) * low, i32::from(w) * high);
            *lowest += a.min(b);
            *highest += a.max(b);
        }
        watch.worked(2 * filters as u64)?;
    }
    Ok(reach)
}
