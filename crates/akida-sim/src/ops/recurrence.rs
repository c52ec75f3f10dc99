//! States that follow from each other in time (`docs/arithmetic-akida2.md`, section I).

use crate::model::names::{
    A_IMAG, A_REAL, IN_PROJ, NEW_STATE_SCALE, NEW_STATE_SHIFT, OUT_PROJ, STATE_SHIFT,
};
use crate::model::shifts::{clip, saturate, shift_rounding};
use crate::model::{Layer, Recurrence, Tensor, Weights};
use alloc::vec;
use alloc::vec::Vec;

/// The width of sums of states, sign included.
const SUM_BITS: u8 = 32;
/// The bits of a state without its sign.
const STATE_BITS: u8 = 15;

/// The complex states of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct States {
    pub(super) real: Vec<i64>,
    pub(super) imaginary: Vec<i64>,
}

impl States {
    pub(super) fn zeros(count: usize) -> Self {
        Self {
            real: vec![0; count],
            imaginary: vec![0; count],
        }
    }
}

/// How one complex state moves on by a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateStep {
    /// What a projected input is multiplied by, and the shift behind that.
    scale: i64,
    shift: i32,
    /// What a state is multiplied by, and the shift of a new state.
    real: i64,
    imaginary: i64,
    state_shift: i32,
}

impl StateStep {
    /// The step of state `s` of a layer.
    pub(crate) fn of(layer: &Layer, s: usize) -> Self {
        let of = |name| layer.integers(name)[s];
        Self {
            scale: of(NEW_STATE_SCALE).into(),
            shift: of(NEW_STATE_SHIFT),
            real: of(A_REAL).into(),
            imaginary: of(A_IMAG).into(),
            state_shift: of(STATE_SHIFT),
        }
    }

    /// The next real and imaginary part, from the saturated projection of an input and the parts before.
    pub(crate) fn next(&self, projected: i64, real: i64, imaginary: i64) -> (i64, i64) {
        let sum = |value| saturate(value, SUM_BITS);
        let new = sum(shift_rounding(sum(projected * self.scale), self.shift));
        let rotated = sum(sum(real * self.real) - sum(imaginary * self.imaginary));
        let next_real = sum(rotated + new);
        let next_imaginary = sum(sum(real * self.imaginary) + sum(imaginary * self.real));
        let state = |value| clip(shift_rounding(value, self.state_shift), STATE_BITS);
        (state(next_real), state(next_imaginary))
    }
}

/// The projected states of every step that has an output. `inputs` have been shifted.
pub(super) fn recurrence(
    layer: &Layer,
    operation: &Recurrence,
    inputs: &[i64],
    states: &mut States,
) -> Vec<i64> {
    let matrix = |name| layer.variable(name).and_then(Tensor::weights);
    let (Some(in_proj), Some(out_proj)) = (matrix(IN_PROJ), matrix(OUT_PROJ)) else {
        return Vec::new();
    };
    let channels = layer.connection().input.shape.c;
    let mut outputs = Vec::new();
    for (step, inputs) in inputs.chunks_exact(channels).enumerate() {
        let projected = product(inputs, in_proj);
        for (s, sum) in projected.into_iter().enumerate() {
            let step = StateStep::of(layer, s);
            let sum = saturate(sum, operation.buffer_bits);
            let next = step.next(sum, states.real[s], states.imaginary[s]);
            (states.real[s], states.imaginary[s]) = next;
        }
        if (step + 1).is_multiple_of(operation.subsample) {
            outputs.extend(product(&states.real, out_proj));
        }
    }
    outputs
}

/// The products of a vector with every column of a matrix.
fn product(vector: &[i64], matrix: &Weights) -> Vec<i64> {
    let [_, _, _, columns] = matrix.shape();
    let column = |f| {
        let terms = vector.iter().enumerate();
        let terms = terms.map(|(row, x)| x * i64::from(matrix.at(row, f)));
        terms.sum()
    };
    (0..columns).map(column).collect()
}
