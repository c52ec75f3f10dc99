//! The definition: scalar, slow, obvious. Each file follows `docs/arithmetic.md` rule by rule.
//!
//! Every kernel is compared with these functions for equality. Sums are taken in 64 bits, so that nothing here
//! relies on the bound of rule B5; results are narrowed where that bound guarantees that they fit.

mod activation;
mod concat;
mod convolution;
mod fully_connected;
mod pooling;

pub use activation::{boundaries, level, prediction};
use concat::concat;
use convolution::{convolution, depthwise, pointwise};
use fully_connected::fully_connected;
use pooling::{global_sum, max_pool};

use crate::exec::{Outputs, RunError, check_values};
use crate::model::{Layer, LayerSpec, Model, Output, Padding, Pair, Pooling, Shape};
use alloc::vec::Vec;

/// The value of a map at (row, column, channel); `None` outside the map.
fn cell<T: Copy>(map: &[T], shape: Shape, i: isize, j: isize, c: usize) -> Option<T> {
    let i = usize::try_from(i).ok().filter(|&i| i < shape.x)?;
    let j = usize::try_from(j).ok().filter(|&j| j < shape.y)?;
    map.get((i * shape.y + j) * shape.c + c).copied()
}

/// Where window (i, j) begins, in cells of a map of `shape` (C2): negative inside the border.
fn window_origin(
    padding: Padding,
    shape: Shape,
    size: Pair,
    stride: Pair,
    (i, j): (usize, usize),
) -> (isize, isize) {
    let before = |input, size, stride| padding.windows(input, size, stride).map_or(0, |w| w.before);
    (
        (i * stride.x) as isize - before(shape.x, size.x, stride.x) as isize,
        (j * stride.y) as isize - before(shape.y, size.y, stride.y) as isize,
    )
}

/// The outputs of every layer of `model` for one input, in layer order.
///
/// `input` holds one sample of `model.input().shape` in C order.
///
/// # Errors
///
/// A wrong number of values, or a value beyond `input_bits`.
pub fn run(model: &Model, input: &[u8]) -> Result<Vec<Outputs>, RunError> {
    let sample = model.input().shape.len();
    if input.len() != sample {
        return Err(RunError::Length {
            received: input.len(),
            sample,
        });
    }
    check_values(model, input)?;
    let mut outputs: Vec<Outputs> = Vec::with_capacity(model.layers().len());
    for layer in model.layers() {
        let inputs: Vec<(&[u8], Shape)> = layer
            .inbounds()
            .iter()
            .filter_map(|&index| match outputs.get(index) {
                Some(Outputs::Levels(levels)) => {
                    Some((&levels[..], model.layers()[index].connection().output_shape))
                }
                _ => None,
            })
            .collect();
        let map = inputs.first().map_or(input, |(map, _)| map);
        let output = match layer.spec() {
            LayerSpec::InputData(_) => Outputs::Levels(input.to_vec()),
            LayerSpec::Concat(_) => Outputs::Levels(concat(&inputs)),
            _ => activate(layer, potentials(layer, map)),
        };
        outputs.push(output);
    }
    Ok(outputs)
}

/// The potentials of a layer after pooling.
fn potentials(layer: &Layer, map: &[u8]) -> Vec<i64> {
    let Some(variables) = layer.variables() else {
        return Vec::new();
    };
    let shape = layer.connection().input_shape;
    let weights = &variables.weights;
    let sums = match layer.spec() {
        LayerSpec::InputConvolutional(l) => {
            convolution(map, shape, weights, &l.conv, l.padding_value, false)
        }
        LayerSpec::Convolutional(l) => convolution(map, shape, weights, &l.conv, 0, true),
        LayerSpec::SeparableConvolutional(l) => {
            let sums = depthwise(map, shape, weights, &l.conv);
            match &variables.weights_pw {
                Some(weights_pw) => pointwise(&sums, weights_pw),
                None => sums,
            }
        }
        LayerSpec::FullyConnected(_) => fully_connected(map, shape, weights),
        LayerSpec::InputData(_) | LayerSpec::Concat(_) => Vec::new(),
    };
    let shape = layer.connection().potential_shape;
    match layer.spec().conv().map(|conv| (conv.pooling, conv.padding)) {
        Some((Pooling::Max { size, stride }, padding)) => {
            max_pool(&sums, shape, size, stride, padding)
        }
        Some((Pooling::GlobalAverage, _)) => global_sum(&sums, shape),
        _ => sums,
    }
}

/// Levels, or potentials as they are for a layer without activation.
fn activate(layer: &Layer, potentials: Vec<i64>) -> Outputs {
    let narrow = |p: i64| p.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    let (Some(variables), Output::Levels { bits }) = (layer.variables(), layer.connection().output)
    else {
        return Outputs::Potentials(potentials.into_iter().map(narrow).collect());
    };
    let channels: Vec<Vec<i32>> = variables
        .threshold
        .iter()
        .zip(&variables.act_step)
        .map(|(&threshold, &act_step)| boundaries(threshold, act_step, bits))
        .collect();
    let levels = potentials
        .chunks_exact(channels.len().max(1))
        .flat_map(|position| position.iter().zip(&channels))
        .map(|(&potential, boundaries)| level(narrow(potential), boundaries));
    Outputs::Levels(levels.collect())
}
