//! From sums to outputs of Akida 2.0: the fast forms that all kernels share. `docs/engine.md` defines the words.

use super::levels::PANEL;
use crate::memory::{self, OutOfMemory};
use crate::model::names::LUT_VALUES;
use crate::model::{Activation, Layer, Pooling, Rescale};
use crate::ops::Rescaling;
use crate::run::ValuesMut;
use alloc::vec::Vec;

/// The rescaling of a layer's filters. It takes sums that have started from the bias.
pub(crate) struct Rescaler {
    /// The steps of each filter, as they are defined.
    filters: Vec<Rescaling>,
    /// The table of an activation; none for other activations.
    table: Vec<i32>,
    /// The least and the largest activated value of each filter, of a layer with a global average. Between the two, sums
    /// that have started from the bias stay as they are. There are none where the activation is a table.
    active: Vec<(i32, i32)>,
    /// The form for vectors; `None` where some filter has none that is exact.
    pub(crate) line: Option<IntegerLine>,
    /// The least and the largest output of all filters.
    pub(crate) outputs: (i64, i64),
    /// Which bits of outputs are stored flipped: none, or the sign of signed bytes. A signed byte with its sign flipped is
    /// the unsigned byte that is larger by 128, as kernels read it. Only outputs of lines are flipped.
    pub(crate) flip: u8,
}

/// Lines in integers, one per filter. An output is (clip(P, `low`, `high`) · `scale` + `half`) >> `shift`.
///
/// Every step of this formula rises with P, and so does every step of the definition. `low` and `high` are where outputs
/// reach their ends. So no saturation takes place between the two, and all numbers fit 32 bits.
///
/// # Example
///
/// A scale of 3, a shift of −2 and outputs of 8 bits: P = 5 gives (15 + 2) >> 2 = 4. From P = 169 on outputs are 127.
pub(crate) struct IntegerLine {
    pub(crate) low: Vec<i32>,
    pub(crate) high: Vec<i32>,
    pub(crate) scale: Vec<i32>,
    pub(crate) half: Vec<i32>,
    pub(crate) shift: Vec<i32>,
}

impl Rescaler {
    /// The rescaling of a layer whose sums have absolute values of at most 2^31 − 1, the bias added.
    pub(crate) fn new(layer: &Layer, stage: Rescale) -> Result<Self, OutOfMemory> {
        let count = layer.connection().potential_shape.c;
        let filters = (0..count).map(|f| Rescaling::of(layer, stage, f));
        let filters: Vec<Rescaling> = memory::collected(filters)?;
        let table = memory::copied(layer.integers(LUT_VALUES))?;
        let mut rescaler = Self {
            active: Vec::new(),
            line: None,
            outputs: (i64::MAX, i64::MIN),
            flip: 0,
            filters,
            table,
        };
        let ends = match stage.activation {
            Activation::NoActivation | Activation::ReLU => rescaler.ends(),
            Activation::Lut => {
                let format = layer.connection().output.format;
                (format.min(), format.max())
            }
        };
        rescaler.outputs = ends;
        let windows = layer.connection().operation.windows();
        let averages = windows.is_some_and(|w| w.pooling == Pooling::GlobalAverage);
        if stage.activation != Activation::Lut && averages {
            let end = |f, sum| rescaler.activated(f, sum).clamp(LEAST, MOST) as i32;
            let ends = (0..count).map(|f| (end(f, LEAST), end(f, MOST)));
            rescaler.active = memory::collected(ends)?;
        } else if stage.activation != Activation::Lut {
            rescaler.line = rescaler.line()?;
        }
        Ok(rescaler)
    }

    /// The bias of each filter, where sums start.
    pub(crate) fn biases(&self) -> impl Iterator<Item = i64> {
        self.filters.iter().map(|filter| filter.bias)
    }

    /// How many filters can be read in each row of parameters.
    pub(crate) fn stride(&self) -> usize {
        self.filters.len().next_multiple_of(PANEL)
    }

    /// The bytes of all parameters.
    pub(crate) fn bytes(&self) -> usize {
        let lines = self.line.as_ref().map_or(0, |line| 5 * line.low.len());
        size_of_val(self.filters.as_slice())
            + size_of_val(self.active.as_slice())
            + 4 * (self.table.len() + lines)
    }

    /// Whether outputs rise with sums, so that the largest output is that of the largest sum.
    pub(crate) fn rises(&self) -> bool {
        self.table.is_empty()
    }

    /// What the activation makes of a sum of filter `f` that has started from the bias.
    #[inline]
    pub(crate) fn activated(&self, f: usize, sum: i64) -> i64 {
        let filter = &self.filters[f];
        // A bias of a long shift is an end of 64 bits. It saturates the accumulator either way.
        let products = sum.saturating_sub(filter.bias);
        filter.activated(filter.accumulator(products), &self.table)
    }

    /// The output that follows from an activated value of filter `f`, or from the sum of such values over a map.
    #[inline]
    pub(crate) fn output(&self, f: usize, value: i64) -> i64 {
        self.filters[f].output(value)
    }

    /// Makes outputs of sums of filters from `first` on. `outputs` has as many values as `sums`.
    #[inline(always)]
    pub(crate) fn apply(&self, first: usize, sums: &[i32], outputs: &mut ValuesMut<'_>) {
        match outputs {
            ValuesMut::U8(out) => self.write(first, sums, out, |y| y as u8),
            ValuesMut::I8(out) => self.write(first, sums, out, |y| (y as u8 ^ self.flip) as i8),
            ValuesMut::I16(out) => self.write(first, sums, out, |y| y as i16),
            ValuesMut::I32(out) => self.write(first, sums, out, |y| y),
        }
    }

    /// Outputs fit the type that `narrow` makes.
    #[inline(always)]
    fn write<T>(&self, first: usize, sums: &[i32], outputs: &mut [T], narrow: impl Fn(i32) -> T) {
        let pairs = outputs.iter_mut().zip(sums);
        let Some(line) = &self.line else {
            for (f, (y, &sum)) in (first..).zip(pairs) {
                *y = narrow(self.output(f, self.activated(f, sum.into())) as i32);
            }
            return;
        };
        let places = first..first + sums.len();
        let parameters = (line.low[places.clone()].iter())
            .zip(&line.high[places.clone()])
            .zip(&line.scale[places.clone()])
            .zip(&line.half[places.clone()])
            .zip(&line.shift[places]);
        for ((y, &sum), ((((&low, &high), &scale), &half), &shift)) in pairs.zip(parameters) {
            *y = narrow((sum.max(low).min(high) * scale + half) >> shift);
        }
    }

    /// Makes outputs of the sums of whole positions.
    pub(crate) fn apply_positions(&self, sums: &[i32], mut outputs: ValuesMut<'_>) {
        let count = self.filters.len();
        for sums in sums.chunks_exact(count) {
            self.apply(0, sums, &mut outputs.take(count));
        }
    }

    /// The accumulator that a sum of filter `f` becomes, with the bias.
    pub(crate) fn accumulator(&self, f: usize, sum: i64) -> i64 {
        self.filters[f].accumulator(sum)
    }

    /// What the activation makes of an accumulator of filter `f`.
    pub(crate) fn active(&self, f: usize, accumulator: i64) -> i64 {
        self.filters[f].activated(accumulator, &self.table)
    }

    /// Makes the outputs of all filters of sums without bias.
    pub(crate) fn apply_wide(&self, sums: &[i64], outputs: ValuesMut<'_>) {
        let active = |f: usize| self.active(f, self.accumulator(f, sums[f]));
        self.write_all(outputs, |f| self.output(f, active(f)));
    }

    /// Makes the outputs of all filters of accumulators.
    pub(crate) fn apply_accumulators(&self, accumulators: &[i64], outputs: ValuesMut<'_>) {
        let active = |f: usize| self.active(f, accumulators[f]);
        self.write_all(outputs, |f| self.output(f, active(f)));
    }

    /// Makes the outputs of all filters of activated values, or of their sums over a map.
    pub(crate) fn apply_active(&self, values: &[i64], outputs: ValuesMut<'_>) {
        self.write_all(outputs, |f| self.output(f, values[f]));
    }

    /// Writes the output of each filter. Outputs fit their type.
    fn write_all(&self, outputs: ValuesMut<'_>, of: impl Fn(usize) -> i64) {
        match outputs {
            ValuesMut::U8(out) => (0..).zip(out).for_each(|(f, y)| *y = of(f) as u8),
            ValuesMut::I8(out) => (0..).zip(out).for_each(|(f, y)| *y = of(f) as i8),
            ValuesMut::I16(out) => (0..).zip(out).for_each(|(f, y)| *y = of(f) as i16),
            ValuesMut::I32(out) => (0..).zip(out).for_each(|(f, y)| *y = of(f) as i32),
        }
    }

    /// Replaces the sums of whole positions with what the activation makes of them. The results fit 32 bits.
    pub(crate) fn activate_positions(&self, sums: &mut [i32]) {
        for sums in sums.chunks_exact_mut(self.filters.len()) {
            if self.active.is_empty() {
                for (f, sum) in sums.iter_mut().enumerate() {
                    *sum = self.activated(f, (*sum).into()) as i32;
                }
                continue;
            }
            for (sum, &(low, high)) in sums.iter_mut().zip(&self.active) {
                *sum = (*sum).max(low).min(high);
            }
        }
    }

    /// Makes the outputs of all filters of totals over a map.
    pub(crate) fn apply_to_totals(&self, totals: &[i32], outputs: ValuesMut<'_>) {
        self.write_all(outputs, |f| self.output(f, totals[f].into()));
    }

    /// The least and the largest output of all filters, whose outputs rise with sums.
    fn ends(&self) -> (i64, i64) {
        let all = (0..self.filters.len()).map(|f| (self.of_sum(f, LEAST), self.of_sum(f, MOST)));
        all.fold((i64::MAX, i64::MIN), |(low, high), (least, most)| {
            (low.min(least), high.max(most))
        })
    }

    /// The output of a sum of filter `f`.
    fn of_sum(&self, f: usize, sum: i64) -> i64 {
        self.output(f, self.activated(f, sum))
    }

    /// The lines of all filters, if every filter has one.
    fn line(&self) -> Result<Option<IntegerLine>, OutOfMemory> {
        let stride = self.stride();
        let mut line = IntegerLine {
            low: memory::filled(0, stride)?,
            high: memory::filled(0, stride)?,
            scale: memory::filled(0, stride)?,
            half: memory::filled(0, stride)?,
            shift: memory::filled(0, stride)?,
        };
        for f in 0..self.filters.len() {
            let Some(own) = self.filter_line(f) else {
                return Ok(None);
            };
            [
                line.low[f],
                line.high[f],
                line.scale[f],
                line.half[f],
                line.shift[f],
            ] = own;
        }
        Ok(Some(line))
    }

    /// The parameters of the line of one filter; `None` where it has none that is exact.
    fn filter_line(&self, f: usize) -> Option<[i32; 5]> {
        let (least, most) = (self.of_sum(f, LEAST), self.of_sum(f, MOST));
        if least == most {
            // The same output for every sum.
            return Some([0, 0, 0, i32::try_from(least).ok()?, 0]);
        }
        // The largest sum with the least output, and the least sum with the largest output.
        let low = first(|sum| self.of_sum(f, sum) > least) - 1;
        let high = first(|sum| self.of_sum(f, sum) >= most);
        let Rescaling { scale, shift, .. } = self.filters[f];
        // A shift to the left is part of the scale.
        let (scale, shift) = match shift {
            0..=31 => (scale << shift, 0),
            -31..0 => (scale, -shift),
            _ => return None,
        };
        let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
        let at = |sum: i64| (sum * scale + half) >> shift;
        let fits = |sum: i64| {
            let product = sum * scale;
            i32::try_from(product).is_ok() && i32::try_from(product + half).is_ok()
        };
        let exact = fits(low) && fits(high) && at(low) == least && at(high) == most;
        if !exact {
            return None;
        }
        let [low, high, scale, half] = [low, high, scale, half].map(i32::try_from);
        Some([low.ok()?, high.ok()?, scale.ok()?, half.ok()?, shift])
    }
}

/// The least sum.
const LEAST: i64 = i32::MIN as i64;
/// The largest sum.
const MOST: i64 = i32::MAX as i64;

/// The first sum for which `holds` is true. It is false before that, and true from there on.
fn first(holds: impl Fn(i64) -> bool) -> i64 {
    let (mut below, mut from) = (LEAST, MOST);
    while from - below > 1 {
        let middle = (below + from) / 2;
        if holds(middle) {
            from = middle;
        } else {
            below = middle;
        }
    }
    from
}
