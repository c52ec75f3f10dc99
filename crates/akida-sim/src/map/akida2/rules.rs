//! What the rules of Akida 2.0 look at, read from a layer.

use crate::device::akida2::{Rule, Subject};
use crate::map::findings::Findings;
use crate::{Activation, Format, Layer, Model, Padding, Pooling, Stage, Windows};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

/// Checks one rule on a layer, which `readers` read.
pub(super) fn check_rule(
    findings: &mut Findings<'_>,
    rule: &Rule,
    layer: &Layer,
    (model, readers): (&Model, &[&Arc<Layer>]),
) {
    let (limit, remedy) = (&rule.limit, rule.remedy);
    let mut number = |value: Option<usize>| {
        if let Some(value) = value {
            findings.number(limit, value, remedy);
        }
    };
    let connection = layer.connection();
    let (input, output) = (connection.input, connection.output);
    let windows = connection.operation.windows();
    let kernel = windows.map(|w| w.size.x);
    let stride = windows.map(|w| w.stride.x);
    let padding = windows.map(|w| w.padding);
    let average = pooling(windows) == Pooling::GlobalAverage;
    let summed = connection.potential_shape;
    match rule.subject {
        Subject::InputWidth => number(Some(input.shape.y)),
        Subject::InputHeight => number(Some(input.shape.x)),
        Subject::InputChannels => number(Some(input.shape.c)),
        Subject::InputValues => number(Some(input.shape.len())),
        Subject::Filters => number(Some(output.shape.c)),
        Subject::KernelSize => number(kernel),
        Subject::KernelOfStride(of) => number(kernel.filter(|_| stride == Some(of))),
        Subject::KernelOfSameUpper => {
            number(kernel.filter(|_| padding == Some(Padding::SameUpper)));
        }
        Subject::KernelStride => number(stride),
        Subject::StrideOfKernel(of) => number(stride.filter(|_| kernel == Some(of))),
        Subject::StrideOfSameUpper => {
            number(stride.filter(|_| padding == Some(Padding::SameUpper)));
        }
        Subject::PoolSize => number(max_pooling(windows).map(|(size, _)| size)),
        Subject::PoolStride => number(max_pooling(windows).map(|(_, stride)| stride)),
        Subject::AverageWidth => number(average.then_some(summed.y)),
        Subject::AveragePositions => number(average.then_some(summed.positions())),
        Subject::FifoSize => number(windows.map(|w| w.frames)),
        Subject::InputBits => number(Some(usize::from(input.format.bits))),
        Subject::WeightsBits => number(layer.weights().map(|w| usize::from(w.bits()))),
        Subject::OutputBits => {
            // Accumulators leave the device as they are.
            let maps = (output.format != Format::SUMS).then_some(output.format.bits);
            number(maps.map(usize::from));
        }
        Subject::LayerType => findings.word(limit, layer.spec().type_name(), remedy),
        Subject::Padding => {
            if let Some(padding) = padding {
                findings.padding(limit, padding);
            }
        }
        Subject::PoolType => {
            let word = match pooling(windows) {
                Pooling::None => "NoPooling",
                Pooling::Max { .. } => "Max",
                Pooling::GlobalAverage => "Average",
            };
            findings.word(limit, word, remedy);
        }
        Subject::PooledActivation => {
            if max_pooling(windows).is_some() {
                findings.word(limit, activation(connection.stage), remedy);
            }
        }
        Subject::PooledSuccessor => {
            if max_pooling(windows).is_some() {
                findings.successors(limit, readers, remedy);
            }
        }
        Subject::InboundFormats => {
            let mut formats = layer
                .inbounds()
                .iter()
                .map(|&inbound| model.layers()[inbound].connection().output.format);
            if let Some(first) = formats.next()
                && let Some(other) = formats.find(|&format| format != first)
            {
                let received = format!("{} and {}", named(first), named(other));
                findings.word(limit, &received, remedy);
            }
        }
    }
}

fn pooling(windows: Option<&Windows>) -> Pooling {
    windows.map_or(Pooling::None, |w| w.pooling)
}

/// Size and stride of a max pooling, whose windows are squares.
fn max_pooling(windows: Option<&Windows>) -> Option<(usize, usize)> {
    match pooling(windows) {
        Pooling::Max { size, stride } => Some((size.x, stride.x)),
        Pooling::None | Pooling::GlobalAverage => None,
    }
}

/// The documented name of the activation of a stage.
fn activation(stage: Stage) -> &'static str {
    match stage {
        Stage::Rescale(rescale) => match rescale.activation {
            Activation::NoActivation => "NoActivation",
            Activation::ReLU => "ReLU",
            Activation::Lut => "LUT",
        },
        Stage::Raw | Stage::Thresholds => "NoActivation",
    }
}

/// The name of the element type that has so many bits: `int8`, `uint4`.
fn named(format: Format) -> String {
    let sign = if format.signed { "int" } else { "uint" };
    format!("{sign}{}", format.bits)
}
