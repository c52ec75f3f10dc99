//! The outputs of a model, layer by layer, by the rules of this folder.

use super::activation::{boundaries, level};
use super::add::add;
use super::concat::concat;
use super::deviation::deviation;
use super::pooling::{global_sum, max_pool};
use super::quantize::quantized;
use super::queue::queue;
use super::recurrence::{States, recurrence};
use super::rescale::rescale;
use super::transposed::transposed;
use super::windows::{Bordered, depthwise, pointwise, sums};
use crate::model::names::{A_SHIFT, B_SHIFT, INPUT_SHIFT, PADDING_VALUE, SCALES, ZERO_POINTS};
use crate::model::shifts::{saturate, shift_left};
use crate::model::{
    Channels, Layer, Model, Operation, Pooling, Quantize, Rescale, Shape, Stage, Tensor, Weights,
    Windows,
};
use crate::run::{ElementType, Inputs, RunError, Values, ValuesRef, check_inputs};
use alloc::vec;
use alloc::vec::Vec;

/// What the layers of a model keep of the earlier inputs of a stream.
///
/// # Examples
///
/// ```
/// use akida_sim::{BufferTempConv, InputData, ModelBuilder, Shape, TemporalParams, Values, Weights, ops};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 1), 8), &[])?;
/// let sum = BufferTempConv { filters: 1, temporal: TemporalParams::new(2) };
/// let sum = builder.add("sum", sum, &[])?;
/// builder.set_variable(sum, "weights", Weights::new([1, 1, 2, 1], vec![10, 1])?)?;
/// let model = builder.build()?;
///
/// let mut stream = ops::Stream::new(&model);
/// let mut outputs = Vec::new();
/// for input in [1i8, 2, 3] {
///     outputs.push(stream.run(&model, &[input])?[1].clone());
/// }
/// assert_eq!(outputs, [Values::I8(vec![1]), Values::I8(vec![12]), Values::I8(vec![23])]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream(Vec<Kept>);

/// What one layer keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Nothing,
    /// The maps before the next one, the oldest first.
    Maps(Vec<Vec<i64>>),
    States(States),
}

impl Stream {
    /// The beginning of a stream: all maps before it, and all states, are zero.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let kept = |layer: &Layer| {
            let connection = layer.connection();
            match &connection.operation {
                Operation::Windows(windows) => {
                    let map = vec![0; connection.input.shape.len()];
                    match windows.frames {
                        0 | 1 => Kept::Nothing,
                        frames => Kept::Maps(vec![map; frames - 1]),
                    }
                }
                Operation::Recurrence(recurrence) => Kept::States(States::zeros(recurrence.states)),
                Operation::Pass
                | Operation::Quantize(_)
                | Operation::Dequantize
                | Operation::Join
                | Operation::Add
                | Operation::Deviation(_) => Kept::Nothing,
            }
        };
        Self(model.layers().iter().map(|layer| kept(layer)).collect())
    }

    /// The outputs of every layer of `model` for the next input of the stream, in layer order.
    ///
    /// `input` holds the values of one sample in C order, of the shape and format of `model.input()`. The stream is one of
    /// the same model.
    ///
    /// # Errors
    ///
    /// A wrong type or number of values, or a value that the model's inputs cannot have.
    pub fn run<'a>(
        &mut self,
        model: &Model,
        input: impl Into<Inputs<'a>>,
    ) -> Result<Vec<Values>, RunError> {
        let input = input.into();
        check_inputs(model, input)?;
        let sample = model.input().shape.len();
        if input.len() != sample {
            return Err(RunError::Length {
                received: input.len(),
                sample,
            });
        }
        let mut outputs: Vec<Values> = Vec::with_capacity(model.layers().len());
        for (layer, kept) in model.layers().iter().zip(&mut self.0) {
            let inbounds = layer.inbounds().iter();
            let mut maps: Vec<(Vec<i64>, Shape)> = inbounds
                .map(|&index| {
                    let shape = model.layers()[index].connection().output.shape;
                    (wide(outputs[index].as_ref()), shape)
                })
                .collect();
            if maps.is_empty() {
                let values = match &layer.connection().operation {
                    Operation::Quantize(operation) => integers(layer, *operation, input.floats()),
                    _ => wide(input.integers()),
                };
                maps.push((values, layer.connection().input.shape));
            }
            outputs.push(output(layer, &maps, kept));
        }
        Ok(outputs)
    }
}

/// The outputs of every layer of `model` for one input, in layer order. A model with state begins a stream with it.
///
/// `input` holds the values of one sample in C order, of the shape and format of `model.input()`.
///
/// # Errors
///
/// A wrong type or number of values, or a value that the model's inputs cannot have.
pub fn run<'a>(model: &Model, input: impl Into<Inputs<'a>>) -> Result<Vec<Values>, RunError> {
    Stream::new(model).run(model, input)
}

/// The outputs of a layer that reads `maps`.
fn output(layer: &Layer, maps: &[(Vec<i64>, Shape)], kept: &mut Kept) -> Values {
    let connection = layer.connection();
    let results = match (&connection.operation, maps) {
        (Operation::Windows(windows), [(map, shape), ..]) => {
            sums_of(layer, windows, (map, *shape), kept)
        }
        (Operation::Add, [(a, _), (b, _)]) => {
            let shifts = [layer.integers(A_SHIFT), layer.integers(B_SHIFT)];
            add([a, b], shifts, buffer_bits(connection.stage))
        }
        (Operation::Recurrence(operation), [(map, _), ..]) => match kept {
            Kept::States(states) => {
                let map = shifted(layer, map);
                recurrence(layer, operation, &map, states)
            }
            Kept::Nothing | Kept::Maps(_) => Vec::new(),
        },
        (Operation::Deviation(operation), [(prediction, _), (target, _)]) => {
            deviation(layer, *operation, prediction, target)
        }
        (Operation::Pass, _)
        | (Operation::Quantize(_), _)
        | (Operation::Dequantize, _)
        | (Operation::Join, _)
        | (Operation::Windows(_), _)
        | (Operation::Add, _)
        | (Operation::Recurrence(_), _)
        | (Operation::Deviation(_), _) => concat(maps),
    };
    let outputs = match connection.stage {
        Stage::Raw => pooled(layer, results),
        Stage::Thresholds => levels(layer, &pooled(layer, results)),
        Stage::Rescale(stage) => rescale(layer, stage, &results),
    };
    narrow(&outputs, ElementType::of(connection.output.format))
}

/// The sums of a layer over its windows, before pooling.
fn sums_of(
    layer: &Layer,
    windows: &Windows,
    (map, shape): (&[i64], Shape),
    kept: &mut Kept,
) -> Vec<i64> {
    let Some(weights) = layer.weights() else {
        return Vec::new();
    };
    if let Kept::Maps(maps) = kept {
        maps.push(map.to_vec());
        let frames: Vec<Vec<i64>> = maps.iter().map(|map| shifted(layer, map)).collect();
        maps.remove(0);
        return queue(&frames, shape, weights, windows);
    }
    let map = &shifted(layer, map);
    if windows.transposed {
        return transposed(map, shape, weights, windows);
    }
    let border = layer.integers(PADDING_VALUE);
    let bordered = Bordered { map, shape, border };
    match windows.channels {
        Channels::All => sums(bordered, weights, windows),
        Channels::Each => depthwise(bordered, weights, windows),
        Channels::EachThenAll => {
            let sums = depthwise(bordered, weights, windows);
            let weights = layer.pointwise_weights();
            weights.map_or(Vec::new(), |weights: &Weights| pointwise(&sums, weights))
        }
    }
}

/// The potentials of a layer of Akida 1.0 after pooling (section D). Other layers have no pooling here.
fn pooled(layer: &Layer, results: Vec<i64>) -> Vec<i64> {
    let Some(windows) = layer.connection().operation.windows() else {
        return results;
    };
    let shape = layer.connection().potential_shape;
    match windows.pooling {
        Pooling::None => results,
        Pooling::Max { size, stride } => max_pool(&results, shape, size, stride, windows.padding),
        Pooling::GlobalAverage => global_sum(&results, shape),
    }
}

/// A map whose channels are shifted to the left, and saturated. A layer without shifts reads maps as they are.
fn shifted(layer: &Layer, map: &[i64]) -> Vec<i64> {
    let shifts = layer.integers(INPUT_SHIFT);
    if shifts.is_empty() {
        return map.to_vec();
    }
    let bits = buffer_bits(layer.connection().stage);
    let values = map.iter().enumerate();
    let shift = |i: usize| shifts[i % shifts.len()];
    values
        .map(|(i, &x)| saturate(shift_left(x, shift(i)), bits))
        .collect()
}

/// The width of the accumulators of a layer.
fn buffer_bits(stage: Stage) -> u8 {
    match stage {
        Stage::Rescale(Rescale { buffer_bits, .. }) => buffer_bits,
        Stage::Raw | Stage::Thresholds => 32,
    }
}

/// The integers that a quantizer makes of float inputs, channels last.
fn integers(layer: &Layer, operation: Quantize, inputs: &[f32]) -> Vec<i64> {
    let output = layer.connection().output;
    let (channels, positions) = (output.shape.c, output.shape.positions());
    let scales = layer.variable(SCALES).and_then(Tensor::floats);
    let (scales, zeros) = (scales.unwrap_or_default(), layer.integers(ZERO_POINTS));
    let place = |position: usize, c: usize| match operation.channels_first {
        true => c * positions + position,
        false => position * channels + c,
    };
    let places = (0..positions).flat_map(|p| (0..channels).map(move |c| (p, c)));
    places
        .map(|(p, c)| quantized(inputs[place(p, c)], scales[c], zeros[c], output.format).into())
        .collect()
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
