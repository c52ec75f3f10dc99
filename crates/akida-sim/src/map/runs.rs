//! Runs: layers that follow each other, all on the chip or all in software.

use super::readers::readers;
use super::segments::segments;
use super::verdict::Verdict;
use crate::{Layer, Model};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Layers that follow each other, all on the chip or all in software.
pub(super) struct Run {
    /// The indices of the layers.
    pub(super) layers: Range<usize>,
    /// Whether the layers run on the chip.
    pub(super) hardware: bool,
}

/// Cuts a model into runs. A run on the chip has one input and one output.
///
/// So it takes segments as a whole. Of a segment that is partly in software it takes chains, where each layer follows the
/// one before.
pub(super) fn runs(model: &Model, verdicts: &[Verdict]) -> Vec<Run> {
    let follows = follows(model);
    let mut runs: Vec<Run> = Vec::new();
    for segment in segments(model) {
        let is_whole = verdicts[segment.clone()].iter().all(|v| v.need.is_some());
        for index in segment {
            let hardware = verdicts[index].need.is_some();
            match runs.last_mut() {
                Some(run)
                    if run.hardware == hardware && (is_whole || follows[index] || !hardware) =>
                {
                    run.layers.end = index + 1;
                }
                _ => runs.push(Run {
                    layers: index..index + 1,
                    hardware,
                }),
            }
        }
    }
    runs
}

/// For each layer, whether it follows the layer before.
///
/// A layer follows another when it reads nothing else and is the only reader.
pub(super) fn follows(model: &Model) -> Vec<bool> {
    let layers = model.layers();
    let readers = readers(model);
    let follows = |(index, layer): (usize, &Arc<Layer>)| match layer.inbounds() {
        [inbound] => inbound + 1 == index && readers[*inbound].len() == 1,
        _ => false,
    };
    layers.iter().enumerate().map(follows).collect()
}
