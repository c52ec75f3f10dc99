//! The outputs of a model, layer by layer, by the rules of this folder.

use super::activation::{boundaries, level};
use super::concat::concat;
use super::pooling::{global_sum, max_pool};
use super::windows::{depthwise, pointwise, sums};
use crate::model::{Channels, Layer, Model, Operation, Pooling, Shape, Stage, Windows};
use crate::run::{ElementType, RunError, Values, ValuesRef, check_values};
use alloc::vec::Vec;

/// The outputs of every layer of `model` for one input, in layer order.
///
/// `input` holds the values of one sample in C order, of the shape and format of `model.input()`.
///
/// # Errors
///
/// A wrong type or number of values, or a value outside the format of the model's inputs.
pub fn run<'a>(model: &Model, input: impl Into<ValuesRef<'a>>) -> Result<Vec<Values>, RunError> {
    let input = input.into();
    check_values(model, input)?;
    let sample = model.input().shape.len();
    if input.len() != sample {
        return Err(RunError::Length {
            received: input.len(),
            sample,
        });
    }
    let input = (wide(input), model.input().shape);
    let mut outputs: Vec<Values> = Vec::with_capacity(model.layers().len());
    for layer in model.layers() {
        let inbounds = layer.inbounds().iter();
        let mut maps: Vec<(Vec<i64>, Shape)> = inbounds
            .map(|&index| {
                let shape = model.layers()[index].connection().output.shape;
                (wide(outputs[index].as_ref()), shape)
            })
            .collect();
        if layer.spec().is_input() {
            maps.push(input.clone());
        }
        outputs.push(output(layer, &maps));
    }
    Ok(outputs)
}

/// The outputs of a layer that reads `maps`.
fn output(layer: &Layer, maps: &[(Vec<i64>, Shape)]) -> Values {
    let connection = layer.connection();
    let results = match &connection.operation {
        Operation::Pass | Operation::Join => concat(maps),
        Operation::Windows(windows) => potentials(layer, windows, maps),
    };
    let outputs = match connection.stage {
        Stage::Raw => results,
        Stage::Thresholds => levels(layer, &results),
    };
    narrow(&outputs, ElementType::of(connection.output.format))
}

/// The potentials of a layer after pooling.
fn potentials(layer: &Layer, windows: &Windows, maps: &[(Vec<i64>, Shape)]) -> Vec<i64> {
    let (Some(weights), [(map, shape), ..]) = (layer.weights(), maps) else {
        return Vec::new();
    };
    let sums = match windows.channels {
        Channels::All => sums(map, *shape, weights, windows),
        Channels::EachThenAll => {
            let sums = depthwise(map, *shape, weights, windows);
            let weights = layer.pointwise_weights();
            weights.map_or(Vec::new(), |weights| pointwise(&sums, weights))
        }
    };
    let shape = layer.connection().potential_shape;
    match windows.pooling {
        Pooling::None => sums,
        Pooling::Max { size, stride } => max_pool(&sums, shape, size, stride, windows.padding),
        Pooling::GlobalAverage => global_sum(&sums, shape),
    }
}

/// The levels of potentials (section E).
fn levels(layer: &Layer, potentials: &[i64]) -> Vec<i64> {
    let Some(thresholds) = layer.thresholds() else {
        return Vec::new();
    };
    let bits = layer.connection().output.format.bits;
    let channels: Vec<Vec<i32>> = thresholds
        .filters()
        .map(|(threshold, act_step)| boundaries(threshold, act_step, bits))
        .collect();
    potentials
        .chunks_exact(channels.len())
        .flat_map(|position| position.iter().zip(&channels))
        .map(|(&potential, boundaries)| i64::from(level(clamp(potential), boundaries)))
        .collect()
}

/// Values in 64 bits.
fn wide(values: ValuesRef<'_>) -> Vec<i64> {
    values.iter().map(i64::from).collect()
}

/// Values in the type of their format. The type holds them all.
fn narrow(values: &[i64], element: ElementType) -> Values {
    let all = values.iter();
    match element {
        ElementType::U8 => Values::U8(all.map(|&v| v as u8).collect()),
        ElementType::I8 => Values::I8(all.map(|&v| v as i8).collect()),
        ElementType::I16 => Values::I16(all.map(|&v| v as i16).collect()),
        ElementType::I32 => Values::I32(all.map(|&v| clamp(v)).collect()),
    }
}

fn clamp(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
