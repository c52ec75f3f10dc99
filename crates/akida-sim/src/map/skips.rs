//! Skip connections: the inputs of joins that come from further back, and what carries them.

use super::verdict::Verdict;
use super::violation::{Effect, Violation};
use crate::device::{Device, Standing};
use crate::{Model, Operation};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// An input of a layer that joins maps, other than that of the layer just before it.
///
/// A channel of skip DMA carries it around the layers between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkipConnection {
    /// The index of the layer that makes the map.
    pub producer: usize,
    /// The index of the layer that joins it with another one.
    pub consumer: usize,
}

/// The skip connections of a model, in the order of their consumers. An input that a layer reads twice counts once.
fn skip_connections(model: &Model) -> Vec<SkipConnection> {
    let layers = model.layers();
    let mut found: Vec<SkipConnection> = Vec::new();
    // The last consumer that was found for each producer.
    let mut known = vec![None; layers.len()];
    for (consumer, layer) in layers.iter().enumerate() {
        if !is_join(layer.connection().operation) {
            continue;
        }
        for &producer in layer.inbounds() {
            if producer + 1 != consumer && known[producer] != Some(consumer) {
                known[producer] = Some(consumer);
                found.push(SkipConnection { producer, consumer });
            }
        }
    }
    found
}

/// The skip connections into joins that run on the chip.
pub(super) fn on_chip(model: &Model, verdicts: &[Verdict]) -> Vec<SkipConnection> {
    let mut connections = skip_connections(model);
    connections.retain(|connection| verdicts[connection.consumer].need.is_some());
    connections
}

/// Whether an operation joins maps.
pub(super) const fn is_join(operation: Operation) -> bool {
    match operation {
        Operation::Add | Operation::Join => true,
        Operation::Pass
        | Operation::Quantize(_)
        | Operation::Dequantize
        | Operation::Windows(_)
        | Operation::Recurrence(_)
        | Operation::Deviation(_) => false,
    }
}

/// How many channels each layer of a model occupies.
///
/// A connection occupies a channel from the layer behind its producer up to its consumer.
pub(super) struct Channels {
    /// Connections around or into each layer.
    pub(super) at: Vec<usize>,
    /// The connections of them that begin at the layer.
    pub(super) begun: Vec<usize>,
}

impl Channels {
    /// The channels that connections into some layers occupy there.
    pub(super) fn of(connections: &[SkipConnection], layers: Range<usize>) -> Self {
        let (mut begun, mut ended) = (vec![0; layers.len()], vec![0; layers.len()]);
        for connection in connections {
            begun[(connection.producer + 1).saturating_sub(layers.start)] += 1;
            ended[connection.consumer - layers.start] += 1;
        }
        let mut alive = 0;
        let mut at = Vec::with_capacity(layers.len());
        for (begun, ended) in begun.iter().zip(&ended) {
            alive += begun;
            at.push(alive);
            alive -= ended;
        }
        Self { at, begun }
    }
}

/// Leaves joins to software whose connections find no channel.
pub(super) fn check_channels(model: &Model, device: &Device, verdicts: &mut [Verdict]) {
    let Some(available) = device.mesh.skip_channels else {
        return;
    };
    let connections = on_chip(model, verdicts);
    let needed = Channels::of(&connections, 0..verdicts.len());
    let needed = needed.at.into_iter().max().unwrap_or_default();
    if needed <= available {
        return;
    }
    let mut begun = vec![Vec::new(); verdicts.len()];
    for connection in connections {
        begun[connection.producer + 1].push(connection.consumer);
    }
    let mut ended = vec![0; verdicts.len()];
    let mut free = available;
    for (index, consumers) in begun.into_iter().enumerate() {
        for consumer in consumers {
            if free > 0 {
                free -= 1;
                ended[consumer] += 1;
            } else if verdicts[consumer].need.take().is_some() {
                let layer = &model.layers()[consumer];
                verdicts[consumer].violations.push(Violation {
                    layer: layer.name().to_string(),
                    rule: RULE,
                    received: needed.to_string(),
                    allowed: format!("at most {available}"),
                    source: "the channels of skip DMA given to the device",
                    standing: Standing::Assumed,
                    effect: Effect::Software,
                    remedy: format!("create the device with num_skip_dma_channel={needed}"),
                });
            }
        }
        free += ended[index];
    }
}

/// The name of the rule on skip connections.
const RULE: &str = "skip connections at once";
