//! States that follow from each other in time.

use super::scratch::Work;
use crate::interrupt::{Interrupted, Watch};
use crate::memory::{self, OutOfMemory};
use crate::model::names::{IN_PROJ, INPUT_SHIFT, OUT_PROJ};
use crate::model::{Layer, Recurrence, Rescale, Tensor};
use crate::ops::{StateStep, saturate, shift_left};
use crate::output::Rescaler;
use crate::run::{ValuesMut, ValuesRef};
use alloc::vec::Vec;

/// Projects inputs on states, moves the states on, and projects the states.
pub(super) struct RecurrenceStep {
    /// The index of the layer that is read.
    pub(super) source: usize,
    operation: Recurrence,
    buffer_bits: u8,
    channels: usize,
    outputs: usize,
    /// Rows of weights: for each input its weights to all states.
    in_proj: Vec<i8>,
    /// For each state its weights to all outputs.
    out_proj: Vec<i8>,
    input_shift: Vec<i32>,
    steps: Vec<StateStep>,
    rescaler: Rescaler,
}

impl RecurrenceStep {
    pub(super) fn new(
        layer: &Layer,
        operation: Recurrence,
        stage: Rescale,
        source: usize,
    ) -> Result<Self, OutOfMemory> {
        let matrix = |name| match layer.variable(name).and_then(Tensor::weights) {
            Some(weights) => weights.try_values(),
            None => Ok(Vec::new()),
        };
        let steps = (0..operation.states).map(|s| StateStep::of(layer, s));
        let connection = layer.connection();
        Ok(Self {
            source,
            operation,
            buffer_bits: stage.buffer_bits,
            channels: connection.input.shape.c,
            outputs: connection.output.shape.c,
            in_proj: matrix(IN_PROJ)?,
            out_proj: matrix(OUT_PROJ)?,
            input_shift: memory::copied(layer.integers(INPUT_SHIFT))?,
            steps: memory::collected(steps)?,
            rescaler: Rescaler::new(layer, stage)?,
        })
    }

    /// The least and the largest output.
    pub(super) fn range(&self) -> (i64, i64) {
        self.rescaler.outputs
    }

    /// The number of accumulators that a run needs.
    pub(super) fn wide(&self) -> usize {
        self.operation.states.max(self.outputs)
    }

    /// The bytes of all parameters.
    pub(super) fn bytes(&self) -> usize {
        self.in_proj.len()
            + self.out_proj.len()
            + 4 * self.input_shift.len()
            + size_of_val(self.steps.as_slice())
            + self.rescaler.bytes()
    }

    /// Moves `states` on by all steps of `map`. States are real parts, then imaginary parts.
    pub(super) fn run(
        &self,
        map: ValuesRef<'_>,
        states: &mut [i32],
        work: &mut Work,
        mut outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let count = self.operation.states;
        let (real, imaginary) = states.split_at_mut(count);
        for (step, inputs) in map.chunks(self.channels).enumerate() {
            let sums = &mut work.wide[..count];
            let shifted = inputs.iter().zip(&self.input_shift);
            let shifted =
                shifted.map(|(x, &s)| saturate(shift_left(x.into(), s), self.buffer_bits));
            project(shifted, &self.in_proj, sums, watch)?;
            let states = real.iter_mut().zip(imaginary.iter_mut());
            for ((step, &sum), (real, imaginary)) in self.steps.iter().zip(&*sums).zip(states) {
                let sum = saturate(sum, self.buffer_bits);
                let (r, i) = step.next(sum, (*real).into(), (*imaginary).into());
                (*real, *imaginary) = (r as i32, i as i32);
            }
            watch.worked(16 * count as u64)?;
            if (step + 1).is_multiple_of(self.operation.subsample) {
                let sums = &mut work.wide[..self.outputs];
                let states = real.iter().map(|&r| r.into());
                project(states, &self.out_proj, sums, watch)?;
                let outputs = outputs.take(self.outputs);
                self.rescaler.apply_wide(sums, outputs);
            }
        }
        Ok(())
    }
}

/// The products of a vector with every column of a matrix, whose rows follow each other.
fn project(
    vector: impl Iterator<Item = i64>,
    matrix: &[i8],
    sums: &mut [i64],
    watch: &mut Watch<'_>,
) -> Result<(), Interrupted> {
    sums.fill(0);
    for (x, row) in vector.zip(matrix.chunks_exact(sums.len())) {
        if x == 0 {
            continue;
        }
        for (sum, &w) in sums.iter_mut().zip(row) {
            *sum += x * i64::from(w);
        }
        watch.worked(sums.len() as u64)?;
    }
    Ok(())
}
