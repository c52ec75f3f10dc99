//! From potentials to levels: the fast forms of rule E3, shared by all kernels. `docs/engine.md` defines the words.

use crate::memory::{self, OutOfMemory};
use crate::model::{Format, Thresholds};
use crate::ops;
use alloc::vec::Vec;

/// The number of filters of a panel. Parameters are laid out for whole panels, and kernels begin at a panel, so that they
/// may read whole vectors.
pub(crate) const PANEL: usize = 16;

/// The boundaries and lines of a layer's filters. Parameters of neighbouring filters are neighbours.
pub(crate) struct Levels {
    /// The highest level.
    pub(crate) highest: u8,
    /// The length of a row of parameters: the number of filters, rounded up to whole panels.
    stride: usize,
    /// Boundary n of filter f at `[n * stride + f]`.
    boundaries: Vec<i32>,
    /// The line of every filter; `None` where some filter has no line that is exact.
    pub(crate) line: Option<Line>,
}

/// Lines, one per filter. A level is ⌊clip(float32(P + `shift`) · `slope` + `offset`, 0, highest)⌋. Product and sum are
/// rounded once, together.
///
/// Every step of this formula rises with P. So a line that is right at both sides of each boundary is right for every
/// potential. [`FilterLine::new`] checks both sides of each boundary.
pub(crate) struct Line {
    /// −T. Kernels may let the sums of a filter start from it.
    pub(crate) shift: Vec<i32>,
    pub(crate) slope: Vec<f32>,
    pub(crate) offset: Vec<f32>,
}

impl Levels {
    /// Levels of `bits` bits (1, 2 or 4) for potentials in −`bound`..=`bound`.
    pub(crate) fn new(
        thresholds: Thresholds<'_>,
        bits: u8,
        bound: u32,
    ) -> Result<Self, OutOfMemory> {
        let filters = thresholds.filters();
        let stride = filters.len().next_multiple_of(PANEL);
        let highest = Format::unsigned(bits).max() as u8;
        let mut boundaries = memory::filled(i32::MAX, usize::from(highest) * stride)?;
        let mut line = Some(Line {
            shift: memory::filled(0, stride)?,
            slope: memory::filled(0.0, stride)?,
            offset: memory::filled(0.0, stride)?,
        });
        for (f, (threshold, act_step)) in filters.enumerate() {
            let channel = ops::boundaries(threshold, act_step, bits);
            for (n, &boundary) in channel.iter().enumerate() {
                boundaries[n * stride + f] = boundary;
            }
            let interval = f64::from(act_step) * f64::from(1u16 << (4 - bits));
            match (
                FilterLine::new(&channel, threshold, interval, bound),
                &mut line,
            ) {
                (Some(own), Some(line)) => {
                    line.shift[f] = own.shift;
                    line.slope[f] = own.slope;
                    line.offset[f] = own.offset;
                }
                _ => line = None,
            }
        }
        Ok(Self {
            highest,
            stride,
            boundaries,
            line,
        })
    }

    /// How many filters can be read in each row of parameters.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The bytes of all parameters.
    pub(crate) fn bytes(&self) -> usize {
        let lines = self.line.as_ref().map_or(0, |line| 3 * line.shift.len());
        4 * (self.boundaries.len() + lines)
    }

    /// Rows of boundaries. Row n has the boundary of level n + 1 of every filter.
    pub(crate) fn boundaries(&self) -> impl Iterator<Item = &[i32]> {
        self.boundaries.chunks_exact(self.stride)
    }

    /// Makes levels of the potentials of whole positions, of `filters` filters each.
    pub(crate) fn apply(&self, filters: usize, potentials: &[i32], levels: &mut [u8]) {
        let positions = potentials.chunks_exact(filters);
        for (potentials, levels) in positions.zip(levels.chunks_exact_mut(filters)) {
            self.count(0, potentials, levels);
        }
    }

    /// Makes levels of the potentials of filters from `first` on: counts the boundaries that they exceed (E3).
    #[inline(always)]
    pub(crate) fn count(&self, first: usize, potentials: &[i32], levels: &mut [u8]) {
        let (panels, rest) = potentials.as_chunks::<PANEL>();
        let (level_panels, level_rest) = levels.as_chunks_mut::<PANEL>();
        for (i, (p, y)) in panels.iter().zip(level_panels).enumerate() {
            *y = self.count_panel(first + i * PANEL, p);
        }
        let mut padded = [0; PANEL];
        padded[..rest.len()].copy_from_slice(rest);
        if !rest.is_empty() {
            let start = first + panels.len() * PANEL;
            level_rest.copy_from_slice(&self.count_panel(start, &padded)[..rest.len()]);
        }
    }

    #[inline(always)]
    fn count_panel(&self, start: usize, potentials: &[i32; PANEL]) -> [u8; PANEL] {
        let mut counts = [0i32; PANEL];
        for row in self.boundaries() {
            let row = &row[start..start + PANEL];
            for ((count, p), b) in counts.iter_mut().zip(potentials).zip(row) {
                *count += i32::from(p > b);
            }
        }
        counts.map(|count| count as u8)
    }
}

/// The line of one filter.
#[derive(Clone, Copy)]
struct FilterLine {
    shift: i32,
    slope: f32,
    offset: f32,
}

impl FilterLine {
    /// A line that is exact for all potentials in −`bound`..=`bound`; `None` where none is found.
    fn new(boundaries: &[i32], threshold: i32, interval: f64, bound: u32) -> Option<Self> {
        let bound = i64::from(bound);
        let level = |p: i64| boundaries.iter().filter(|&&b| p > i64::from(b)).count();
        if level(-bound) == level(bound) {
            let offset = level(bound) as f32;
            return Some(Self {
                shift: 0,
                slope: 0.0,
                offset,
            });
        }
        let t = i64::from(threshold);
        let shift = i32::try_from(-t)
            .ok()
            .filter(|_| t.abs() + bound <= i64::from(i32::MAX))?;
        let highest = boundaries.len() as f32;
        let inside = |p: &i64| (-bound..=bound).contains(p);
        let equals = |channel: &Self| {
            let sides = boundaries
                .iter()
                .map(|&b| i64::from(b))
                .flat_map(|b| [b, b + 1]);
            let mut seen = sides.filter(inside).chain([-bound, bound]);
            seen.all(|p| usize::from(channel.level(p as i32, highest)) == level(p))
        };
        // A line reaches level n + 1 at a potential that has to lie between B_n and B_n + 1. The middle of the two, less T,
        // is a corner. Boundaries beyond the potentials have none.
        let corners: Vec<(f64, f64)> = (0..)
            .map(f64::from)
            .zip(boundaries)
            .filter(|(_, b)| (-bound..bound).contains(&i64::from(**b)))
            .map(|(n, &b)| (n, (i64::from(b) - t) as f64 + 0.5))
            .collect();
        // Lines of one slope differ in their height. The best one lies midway between the lowest and the highest corner,
        // seen along the slope. `high - low` tells how far it misses the corners.
        let line = |slope: f64| {
            let heights = corners.iter().map(|(n, corner)| corner - n * slope);
            let (low, high) = heights.fold((f64::MAX, f64::MIN), |(low, high), h| {
                (low.min(h), high.max(h))
            });
            let channel = Self {
                shift,
                slope: (1.0 / slope) as f32,
                offset: (1.0 - (low + high) / 2.0 / slope) as f32,
            };
            (high - low, channel)
        };
        // With shorter intervals all boundaries coincide. With longer intervals all but the first lie beyond the potentials.
        let (shortest, longest) = (1.0 / 32.0, (2 * bound + 2) as f64);
        let plain = line(interval.clamp(shortest, longest)).1;
        if equals(&plain) {
            return Some(plain);
        }
        // The line that misses the corners by least is parallel to a line through two of them.
        let pairs = corners.iter().enumerate().flat_map(|(i, &(n, corner))| {
            let later = corners[i + 1..].iter();
            later.map(move |&(m, other)| (other - corner) / (m - n))
        });
        let lines = pairs.map(|slope| line(slope.clamp(shortest, longest)));
        let (_, best) = lines.min_by(|a, b| a.0.total_cmp(&b.0))?;
        equals(&best).then_some(best)
    }

    fn level(self, potential: i32, highest: f32) -> u8 {
        let distance = (potential + self.shift) as f32;
        let place = libm::fmaf(distance, self.slope, self.offset);
        place.clamp(0.0, highest) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks every potential around every boundary, for every width.
    #[test]
    fn levels_equal_the_definition() {
        for bits in [1u8, 2, 4] {
            for filters in [1usize, 3, 15, 16, 17, 33] {
                let threshold: Vec<i32> = (0..filters as i32).map(|f| f * 37 - 200).collect();
                let act_step: Vec<f32> = (0..filters).map(|f| 0.07 + f as f32 * 0.9).collect();
                let thresholds = Thresholds {
                    threshold: &threshold,
                    act_step: &act_step,
                };
                let fast = Levels::new(thresholds, bits, 2000).unwrap();
                let line = fast.line.as_ref().unwrap();
                for p in -2000..=2000 {
                    let mut levels = vec![0; filters];
                    fast.apply(filters, &vec![p; filters], &mut levels);
                    for (f, level) in levels.into_iter().enumerate() {
                        let (t, s) = (threshold[f], act_step[f]);
                        let expected = ops::level(p, &ops::boundaries(t, s, bits));
                        assert_eq!(level, expected, "bits {bits}, potential {p}");
                        let channel = FilterLine {
                            shift: line.shift[f],
                            slope: line.slope[f],
                            offset: line.offset[f],
                        };
                        let highest = f32::from(fast.highest);
                        assert_eq!(
                            channel.level(p, highest),
                            expected,
                            "bits {bits}, potential {p}"
                        );
                    }
                }
            }
        }
    }

    /// A line is checked at boundaries when it is made. The test checks it at every potential, for steps and thresholds of
    /// all sizes.
    #[test]
    fn a_line_equals_the_definition_everywhere() {
        let bound = 3000;
        let mut found = 0;
        let steps = [
            f32::from_bits(1),
            0.03,
            0.0714,
            0.5,
            0.999,
            1.0,
            7.93,
            100.06,
            1e4,
            f32::MAX,
        ];
        for (bits, step) in [1u8, 2, 4].into_iter().flat_map(|b| steps.map(|s| (b, s))) {
            for threshold in [
                i32::MIN,
                -4000,
                -2999,
                -17,
                0,
                5,
                2999,
                3000,
                70_000,
                i32::MAX,
            ] {
                let boundaries = ops::boundaries(threshold, step, bits);
                let interval = f64::from(step) * f64::from(1u16 << (4 - bits));
                let Some(line) = FilterLine::new(&boundaries, threshold, interval, bound) else {
                    continue;
                };
                found += 1;
                for p in -(bound as i32)..=bound as i32 {
                    let highest = Format::unsigned(bits).max() as f32;
                    assert_eq!(
                        line.level(p, highest),
                        ops::level(p, &boundaries),
                        "bits {bits}, step {step}, threshold {threshold}, potential {p}"
                    );
                }
            }
        }
        assert!(found > 290, "{found}");
    }
}
