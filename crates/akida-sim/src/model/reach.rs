//! The potentials that a filter can reach (`docs/arithmetic.md`, H5).

use super::bits;
use super::layer::{ConvParams, LayerSpec, Pooling};
use super::model::Layer;
use super::shape::{AxisWindows, Shape};
use super::tensor::Weights;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

/// An interval of potentials per filter, ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The lowest potential of each filter.
    pub lowest: Vec<i32>,
    /// The highest potential of each filter, not below the lowest.
    pub highest: Vec<i32>,
}

impl Reach {
    /// Every potential that rule B5 admits, for `filters` filters.
    #[must_use]
    pub fn unknown(filters: usize) -> Self {
        Self {
            lowest: vec![-i32::MAX; filters],
            highest: vec![i32::MAX; filters],
        }
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
    /// The potentials that the layer can reach with its weights, whatever its inputs, after pooling; `None` for a layer
    /// without weights.
    ///
    /// Both ends are attained by some input where the layer has one window or no pooling; elsewhere the interval may be
    /// wider than what occurs, never narrower.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape, Variable, Weights};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 2), 4), &[])?;
    /// let units = FullyConnected { weights_bits: 4, ..FullyConnected::new(1) };
    /// let dense = builder.add("dense", units, &[])?;
    /// builder.set_variable(dense, Variable::Weights(Weights::new([1, 1, 2, 1], vec![3, -2])?))?;
    /// let reach = builder.layers()[dense].reach().ok_or("no weights")?;
    /// assert_eq!((reach.lowest[0], reach.highest[0]), (-30, 45));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reach(&self) -> Option<Reach> {
        let variables = self.variables()?;
        let connection = self.connection();
        let x_max = i32::from(bits::max_level(connection.input_bits));
        let (border, flipped) = match self.spec() {
            LayerSpec::InputConvolutional(l) => (i32::from(l.padding_value), false),
            _ => (0, true),
        };
        let scenarios = match self.spec().conv() {
            Some(conv) => scenarios(conv, connection.input_shape, flipped),
            None => vec![vec![Cells::inside(0, 0)]],
        };
        let weights = variables.weights.values();
        let mut hull: Option<Reach> = None;
        for scenario in &scenarios {
            let reach = match &variables.weights_pw {
                // A depthwise kernel has a sum per channel.
                Some(weights_pw) => {
                    let [_, kw, channels, _] = variables.weights.shape();
                    pointwise(
                        &sums(scenario, &weights, [kw, 1, channels], x_max, border),
                        weights_pw,
                    )
                }
                None => {
                    let [_, kw, channels, filters] = variables.weights.shape();
                    sums(scenario, &weights, [kw, channels, filters], x_max, border)
                }
            };
            hull = Some(match hull {
                Some(hull) => hull.joined(&reach),
                None => reach,
            });
        }
        hull
    }
}

/// Input cells that meet the same weights: the sum over kernel rows × columns is their coefficient.
struct Cells {
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// How many there are.
    times: i32,
    /// Whether they lie in the border, where the value is known.
    border: bool,
}

impl Cells {
    /// One cell of the map under one weight.
    fn inside(row: usize, column: usize) -> Self {
        Self {
            rows: vec![row],
            columns: vec![column],
            times: 1,
            border: false,
        }
    }
}

/// The sums that occur, each as the cells that enter it: one for every kind of window, or one for the whole map.
fn scenarios(conv: &ConvParams, map: Shape, flipped: bool) -> Vec<Vec<Cells>> {
    let (k, s) = (conv.kernel_size, conv.kernel_stride);
    let axes = [(map.x, k.x, s.x), (map.y, k.y, s.y)];
    if conv.pooling == Pooling::GlobalAverage {
        let [rows, columns] =
            axes.map(|(n, k, s)| axis_cells(n, k, s, conv.padding.windows(n, k, s), flipped));
        let cells = rows.iter().flat_map(|row| {
            columns.iter().map(|column| Cells {
                rows: row.0.1.clone(),
                columns: column.0.1.clone(),
                // Their product is at most the number of cells of a map with its border.
                times: row.1.saturating_mul(*column.1),
                border: row.0.0 || column.0.0,
            })
        });
        return vec![cells.collect()];
    }
    let [rows, columns] =
        axes.map(|(n, k, s)| axis_windows(n, k, s, conv.padding.windows(n, k, s)));
    let at = |cell: usize, size: usize| if flipped { size - 1 - cell } else { cell };
    let mut found = Vec::new();
    for row in &rows {
        for column in &columns {
            let mut cells = Vec::with_capacity(k.cells());
            for u in 0..k.x {
                for v in 0..k.y {
                    cells.push(Cells {
                        border: !(row.contains(&u) && column.contains(&v)),
                        ..Cells::inside(at(u, k.x), at(v, k.y))
                    });
                }
            }
            found.push(cells);
        }
    }
    found
}

/// Which cells of a window lie inside the map, for all kinds of windows along one axis; the whole one alone where there is
/// one, as border values are among those that inputs take.
fn axis_windows(
    map: usize,
    size: usize,
    stride: usize,
    windows: Option<AxisWindows>,
) -> Vec<core::ops::Range<usize>> {
    let Some(windows) = windows else {
        return Vec::new();
    };
    // The first window that begins inside the map is whole if any is.
    let first_inside = windows.before.div_ceil(stride);
    if first_inside < windows.out && first_inside * stride + size <= map + windows.before {
        return core::iter::once(0..size).collect();
    }
    // All others reach into the border, so there are no more of them than the window has cells.
    let kinds: BTreeSet<(usize, usize)> = (0..windows.out)
        .map(|i| {
            let start = i * stride;
            let first = windows.before.saturating_sub(start);
            let end = (map + windows.before).saturating_sub(start).min(size);
            (first, end)
        })
        .collect();
    kinds.into_iter().map(|(first, end)| first..end).collect()
}

/// The cells along one axis by (whether in the border, kernel cells that meet them), and how many there are of each kind.
fn axis_cells(
    map: usize,
    size: usize,
    stride: usize,
    windows: Option<AxisWindows>,
    flipped: bool,
) -> BTreeMap<(bool, Vec<usize>), i32> {
    let mut kinds = BTreeMap::new();
    let Some(windows) = windows else {
        return kinds;
    };
    for cell in 0..(windows.out - 1) * stride + size {
        // Windows start at multiples of the stride, at most `cell`, and less than `size` before it.
        let last = (cell / stride).min(windows.out - 1);
        let first = (cell + 1).saturating_sub(size).div_ceil(stride);
        let met: Vec<usize> = (first..=last)
            .map(|i| cell - i * stride)
            .map(|u| if flipped { size - 1 - u } else { u })
            .collect();
        if !met.is_empty() {
            let border = cell < windows.before || cell - windows.before >= map;
            *kinds.entry((border, met)).or_insert(0) += 1;
        }
    }
    kinds
}

/// The interval of each of `filters` sums over kernel cells and `channels`, from weights of (rows, `kw`, channels, filters).
///
/// Sums fit 32 bits: their absolute values are at most the bound of rule B5, as border values are among those of inputs.
fn sums(
    cells: &[Cells],
    weights: &[i8],
    [kw, channels, filters]: [usize; 3],
    x_max: i32,
    border: i32,
) -> Reach {
    let mut reach = Reach {
        lowest: vec![0; filters],
        highest: vec![0; filters],
    };
    let mut coefficients = vec![0i32; filters];
    for cells in cells {
        for c in 0..channels {
            coefficients.fill(0);
            for u in &cells.rows {
                for v in &cells.columns {
                    let start = ((u * kw + v) * channels + c) * filters;
                    let weights = &weights[start..start + filters];
                    for (sum, &w) in coefficients.iter_mut().zip(weights) {
                        *sum += i32::from(w);
                    }
                }
            }
            let ends = reach.lowest.iter_mut().zip(&mut reach.highest);
            if cells.border {
                let each = border * cells.times;
                for ((low, high), &w) in ends.zip(&coefficients) {
                    *low += w * each;
                    *high += w * each;
                }
            } else {
                let each = x_max * cells.times;
                for ((low, high), &w) in ends.zip(&coefficients) {
                    *low += w.min(0) * each;
                    *high += w.max(0) * each;
                }
            }
        }
    }
    reach
}

/// The interval of each filter's pointwise sum of depthwise sums inside `sums`.
fn pointwise(sums: &Reach, weights: &Weights) -> Reach {
    let filters = weights.shape()[3];
    let mut reach = Reach {
        lowest: vec![0; filters],
        highest: vec![0; filters],
    };
    let channels = sums.lowest.iter().zip(&sums.highest);
    for ((&low, &high), weights) in channels.zip(weights.values().chunks_exact(filters)) {
        let ends = reach.lowest.iter_mut().zip(&mut reach.highest);
        for ((lowest, highest), &w) in ends.zip(weights) {
            let (a, b) = (i32::from(w) * low, i32::from(w) * high);
            *lowest += a.min(b);
            *highest += a.max(b);
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separable_reach_goes_through_the_depthwise_sums() {
        // Depthwise sums: 0..=30 and -15..=15; the second filter turns the first around.
        let cells = [Cells::inside(0, 0), Cells::inside(0, 1)];
        let depthwise = sums(&cells, &[1, 1, 1, -1], [2, 1, 2], 15, 0);
        assert_eq!(
            (&depthwise.lowest[..], &depthwise.highest[..]),
            (&[0, -15][..], &[30, 15][..])
        );
        let weights = Weights::new([1, 1, 2, 2], vec![1, -2, 3, 1]).unwrap();
        let reach = pointwise(&depthwise, &weights);
        assert_eq!(
            (&reach.lowest[..], &reach.highest[..]),
            (&[-45, -75][..], &[75, 15][..])
        );
    }
}
