//! Layers of Akida 2.0: what is known of their values, and the step that is exact for them.

use super::super::added_inputs::base;
use super::super::depthwise::{DepthwiseStep, pool};
use super::super::error::PlanError;
use super::super::neural::Neural;
use super::super::step::Step;
use super::super::wide::Wide;
use super::super::windows::{Border, Entry, InputWindows};
use super::chooser::Chooser;
use crate::kernels::{
    Bounds, DenseElements, DenseKernel, DepthwiseShape, DepthwiseU8Kernel, DepthwiseU8Layer,
};
use crate::memory;
use crate::model::names::{INPUT_SHIFT, PADDING_VALUE};
use crate::model::{
    Activation, Channels, Format, Pair, Pooling, Rescale, Stage, WeightOrder, Windows,
};
use crate::ops::shift_left;
use crate::output::{OutputStage, Rescaler};
use crate::run::ElementType;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What is added to signed bytes, to make them unsigned.
const SIGN: i32 = 128;

/// What is known of the values of a layer before it runs.
struct Known {
    /// The weights, in the order in which windows meet their cells: rows of all filters, or of all channels.
    weights: Vec<i8>,
    /// The least and the largest input, border values included.
    range: (i64, i64),
    /// The largest absolute input that any channel has when it is shifted.
    shifted: i64,
    /// The largest absolute sum of any filter, its bias added.
    sum: i64,
    /// How far each channel is shifted to the left; none where no channel is.
    shifts: Vec<u8>,
    border: Border,
}

impl Chooser<'_, '_> {
    /// The step of a layer of windows of Akida 2.0, and the least and the largest output. Inputs lie in `range`.
    pub(super) fn rescaled(
        &mut self,
        windows: &Windows,
        stage: Rescale,
        range: (i64, i64),
    ) -> Result<(Step, (i64, i64)), PlanError> {
        let memory = |e| self.memory(e);
        let layer = self.layer;
        let rescaler = Rescaler::new(layer, stage).map_err(memory)?;
        let outputs = rescaler.outputs;
        let known = self.known(windows, stage, range)?;
        let step = match known {
            Some(known) if windows.channels == Channels::All => {
                self.dense_step(windows, known, rescaler)?
            }
            Some(known) if self.is_depthwise(windows, &known, &rescaler) => {
                self.depthwise_step(windows, known, rescaler)?
            }
            Some(_) | None => {
                let wide =
                    Wide::new(layer, *windows, stage, rescaler).map_err(|e| self.memory(e))?;
                Step::Wide(Box::new(wide))
            }
        };
        Ok((step, outputs))
    }

    /// What is known of the values of a layer; `None` where sums or inputs may leave 32 bits or saturate.
    fn known(
        &mut self,
        windows: &Windows,
        stage: Rescale,
        range: (i64, i64),
    ) -> Result<Option<Known>, PlanError> {
        let layer = self.layer;
        let (Some(weights), connection) = (layer.weights(), layer.connection()) else {
            return Ok(None);
        };
        let channels = connection.input.shape.c;
        let border = Border::of(layer.integers(PADDING_VALUE)).map_err(|e| self.memory(e))?;
        let (low, high) = border.range();
        let range = (range.0.min(low), range.1.max(high));
        let shifts = layer.integers(INPUT_SHIFT);
        let most = range.0.unsigned_abs().max(range.1.unsigned_abs()) as i64;
        let shift = |c: usize| shifts.get(c).copied().unwrap_or(0);
        let shifted = (0..channels).map(|c| shift_left(most, shift(c)));
        let shifted = shifted.max().unwrap_or(most);
        if shifted > Format::signed(stage.buffer_bits).max() {
            return Ok(None);
        }
        let weights = weights.try_values().map_err(|e| self.memory(e))?;
        let weights = self.in_order(windows, &weights)?;
        let filters = connection.potential_shape.c;
        let mut sums = memory::filled(0i64, filters).map_err(|e| self.memory(e))?;
        for (row, weights) in weights.chunks_exact(filters).enumerate() {
            let c = match windows.channels {
                Channels::Each => None,
                Channels::All | Channels::EachThenAll => Some(row % channels),
            };
            for (f, (sum, w)) in sums.iter_mut().zip(weights).enumerate() {
                let x = shift_left(most, shift(c.unwrap_or(f)));
                *sum = sum.saturating_add(x.saturating_mul(w.unsigned_abs().into()));
            }
            self.watch.worked(2 * filters as u64)?;
        }
        let biases = (0..filters).map(|f| crate::ops::Rescaling::of(layer, stage, f).bias);
        let ends = sums.iter().zip(biases);
        let ends = ends.map(|(sum, bias)| sum.saturating_add(bias.saturating_abs()));
        let sum = ends.max().unwrap_or(0);
        let positions = match windows.pooling {
            Pooling::GlobalAverage => connection.potential_shape.positions() as i64,
            Pooling::None | Pooling::Max { .. } => 1,
        };
        if sum.saturating_mul(positions) > i64::from(i32::MAX) {
            return Ok(None);
        }
        let mut known_shifts = Vec::new();
        if shifts.iter().any(|&shift| shift > 0) {
            // A shift that leaves 32 bits has been refused above, unless all values are zero.
            let shifts = shifts.iter().map(|&shift| shift.min(31) as u8);
            known_shifts = memory::collected(shifts).map_err(|e| self.memory(e))?;
        }
        Ok(Some(Known {
            weights,
            range,
            shifted,
            sum,
            shifts: known_shifts,
            border,
        }))
    }

    /// The weights in the order in which windows meet their cells.
    fn in_order(&mut self, windows: &Windows, values: &[i8]) -> Result<Vec<i8>, PlanError> {
        let connection = self.layer.connection();
        let channels = connection.input.shape.c;
        let (size, filters) = (windows.size, connection.potential_shape.c);
        let mut ordered = memory::with_capacity(values.len()).map_err(|e| self.memory(e))?;
        // A window on a map with zeros between its cells meets the kernel of a transposed convolution from its end.
        let met = Windows {
            order: match windows.transposed {
                true => WeightOrder::Flipped,
                false => windows.order,
            },
            ..*windows
        };
        let rows_of_cell = match windows.channels {
            Channels::Each => 1,
            Channels::All | Channels::EachThenAll => channels,
        };
        for t in 0..windows.frames {
            for (u, v) in (0..size.x).flat_map(|u| (0..size.y).map(move |v| (u, v))) {
                for c in 0..rows_of_cell {
                    let row = t * rows_of_cell + met.weight_row(rows_of_cell, u, v, c);
                    ordered.extend_from_slice(&values[row * filters..][..filters]);
                    self.watch.worked(8 + filters as u64 / 8)?;
                }
            }
        }
        Ok(ordered)
    }

    /// A layer whose filters add up all channels.
    fn dense_step(
        &mut self,
        windows: &Windows,
        known: Known,
        rescaler: Rescaler,
    ) -> Result<Step, PlanError> {
        let connection = self.layer.connection();
        let (input, shape) = (connection.input.shape, connection.potential_shape);
        let (rows, run) = match (windows.is_fully_connected(), windows.frames) {
            (true, _) => (1, input.len()),
            (false, 1) => (windows.size.x, windows.size.y * input.c),
            (false, frames) => (frames, input.c),
        };
        let is_unsigned = known.range.0 >= 0;
        let added_inputs = self.added_inputs(windows, &known);
        let is_byte = known.shifts.is_empty() && connection.input.format.bytes() == 1;
        let (magnitude, signed) = match (is_byte, is_unsigned) {
            (true, _) if added_inputs.is_some() => {
                (added_inputs.map_or(0, |base| i64::from(base) - 1), None)
            }
            (true, true) => (known.range.1, None),
            (true, false) => (i64::from(u8::MAX), None),
            (false, _) => (known.shifted, Some("inputs are shifted, or take two bytes")),
        };
        let weight = known.weights.iter().map(|w| w.unsigned_abs()).max();
        let bounds = Bounds {
            input: magnitude as u32,
            signed,
            weight: weight.unwrap_or(0).into(),
            sum: known.sum as u32,
            fan_in: rows * run,
            filters: shape.c,
            positions: shape.positions(),
        };
        let selection = self.select::<DenseKernel>(bounds)?;
        let elements = selection.kernel.elements;
        let takes_bytes = matches!(elements, DenseElements::U8(_) | DenseElements::U8I4(_));
        let added_inputs = added_inputs.filter(|_| takes_bytes);
        let offset = match takes_bytes && !is_unsigned {
            true => SIGN,
            false => 0,
        };
        let weights = &known.weights;
        let weight =
            |row: usize, index: usize| &weights[(row * run + index) * shape.c..][..shape.c];
        let mut dense = self.pack(selection, rows, run, bounds, &weight)?;
        self.begin(&mut dense.start, &rescaler, weights, offset);
        let entry = Entry {
            border: known.border,
            shifts: known.shifts,
            offset,
        };
        Ok(Step::Neural(Box::new(Neural {
            source: self.layer.inbounds().first().copied(),
            windows: InputWindows::new(input, windows, entry),
            depthwise: None,
            dense,
            potential_shape: shape,
            pooling: windows.pooling,
            padding: windows.padding,
            macs: connection.macs,
            in_time: windows.frames > 1,
            added_inputs,
            stage: OutputStage::Rescaled(rescaler),
            element: ElementType::of(connection.output.format),
        })))
    }

    /// The base of the totals of inputs, where inputs can be added up before the product.
    ///
    /// Windows are single cells then, and nothing saturates between the product and the sum over the map.
    fn added_inputs(&self, windows: &Windows, known: &Known) -> Option<i32> {
        let connection = self.layer.connection();
        let Stage::Rescale(stage) = connection.stage else {
            return None;
        };
        let is_cell = windows.size == Pair::square(1) && windows.stride == Pair::square(1);
        let is_linear = stage.activation == Activation::NoActivation
            && known.sum <= Format::signed(stage.buffer_bits).max();
        let offset = if known.range.0 >= 0 { 0 } else { SIGN };
        let positions = connection.potential_shape.positions() as i64;
        let total = (known.range.1 + i64::from(offset)).saturating_mul(positions);
        let can = windows.pooling == Pooling::GlobalAverage
            && windows.frames == 1
            && !windows.is_fully_connected()
            && known.shifts.is_empty()
            && connection.input.format.bytes() == 1
            && is_cell
            && is_linear;
        base(total).filter(|_| can)
    }

    /// Adds to the start of each filter its bias, and what makes up for an offset of inputs.
    fn begin(&self, start: &mut [i32], rescaler: &Rescaler, weights: &[i8], offset: i32) {
        for (start, bias) in start.iter_mut().zip(rescaler.biases()) {
            // Exact: the bias is part of a sum that fits 32 bits.
            *start = start.wrapping_add(bias as i32);
        }
        if offset == 0 {
            return;
        }
        let filters = self.layer.connection().potential_shape.c;
        for weights in weights.chunks_exact(filters) {
            for (start, &w) in start.iter_mut().zip(weights) {
                // A start that wraps at 32 bits is brought back by the sum, which wraps the other way.
                *start = start.wrapping_sub(offset * i32::from(w));
            }
        }
    }

    /// Whether a depthwise layer has a step of its own: its inputs are bytes, and its outputs can be pooled.
    fn is_depthwise(&self, windows: &Windows, known: &Known, rescaler: &Rescaler) -> bool {
        let connection = self.layer.connection();
        let is_byte = known.shifts.is_empty() && connection.input.format.bytes() == 1;
        let pools_bytes = rescaler.rises() && connection.output.format.bytes() == 1;
        is_byte
            && match windows.pooling {
                Pooling::None => true,
                Pooling::Max { .. } => pools_bytes,
                Pooling::GlobalAverage => false,
            }
    }

    /// A layer whose filters read a channel each.
    fn depthwise_step(
        &mut self,
        windows: &Windows,
        known: Known,
        rescaler: Rescaler,
    ) -> Result<Step, PlanError> {
        let connection = self.layer.connection();
        let (input, shape) = (connection.input.shape, connection.potential_shape);
        let offset = if known.range.0 >= 0 { 0 } else { SIGN };
        let most = (known.range.1 + i64::from(offset)).max(i64::from(offset));
        let channels = input.c;
        let weight = known.weights.iter().map(|w| w.unsigned_abs()).max();
        let in_registers = rescaler.line.is_some() && connection.output.format.bytes() == 1;
        let kernel: DepthwiseU8Kernel = self.choose(Bounds {
            input: most as u32,
            signed: (!in_registers).then_some("outputs are no bytes, or have no lines"),
            weight: weight.unwrap_or(0).into(),
            sum: known.sum as u32,
            fan_in: windows.size.cells() * windows.frames,
            filters: channels,
            positions: shape.positions(),
        })?;
        let in_time = windows.frames > 1;
        let kernel_shape = DepthwiseShape {
            rows: if in_time {
                windows.frames
            } else {
                windows.size.x
            },
            columns: windows.size.y,
            channels,
        };
        let mut start = memory::filled(0, channels).map_err(|e| self.memory(e))?;
        self.begin(&mut start, &rescaler, &known.weights, offset);
        let packed = (kernel.pack)(DepthwiseU8Layer {
            shape: kernel_shape,
            weights: &known.weights,
            start: &start,
            rescaler: &rescaler,
        });
        let packed = packed.map_err(|e| self.memory(e))?;
        let entry = Entry {
            border: known.border,
            shifts: Vec::new(),
            offset,
        };
        let Some(pool) = pool(shape, windows.pooling, windows.padding) else {
            unreachable!("a global average is computed in 64 bits");
        };
        let Some(&source) = self.layer.inbounds().first() else {
            unreachable!("a depthwise layer reads another layer");
        };
        Ok(Step::Depthwise(Box::new(DepthwiseStep {
            source,
            windows: InputWindows::new(input, windows, entry),
            kernel,
            kernel_shape,
            packed,
            shape,
            pool,
            rescaler,
            is_signed: ElementType::of(connection.output.format) == ElementType::I8,
            macs: connection.macs,
            in_time,
        })))
    }
}
