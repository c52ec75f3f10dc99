//! Layers that could run on the chip by themselves, but not beside the layers around them.

use super::runs::follows;
use super::segments::segments;
use super::skips::is_join;
use super::verdict::Verdict;
use super::violation::{Effect, Violation};
use crate::device::Limit;
use crate::{Layer, Model, Operation, Pooling};
use alloc::format;
use alloc::string::String;
use core::ops::Range;

/// Leaves some layers to software because layers around them do not run on the chip.
///
/// A max-pooled layer runs on the chip only together with the next layer, and so does an entry without arithmetic. A layer
/// that joins branches runs on the chip only together with all layers of the branches. `pooled` and `branches` are the limits
/// that say so, where the generation has them.
pub(super) fn leave_stranded(
    model: &Model,
    pooled: &Limit,
    branches: Option<&Limit>,
    verdicts: &mut [Verdict],
) {
    let follows = follows(model);
    // From the last segment to the first: a layer that is left to software can strand the layer before.
    let mut next_is_whole = false;
    for segment in segments(model).into_iter().rev() {
        let last = segment.end - 1;
        let goes_on = next_is_whole || follows.get(segment.end) == Some(&true);
        leave_without_successor(model, pooled, verdicts, last, goes_on);
        next_is_whole = verdicts[segment.clone()].iter().all(|v| v.need.is_some());
        if !next_is_whole {
            if let Some(limit) = branches {
                leave_joins(model, limit, verdicts, segment.clone());
            }
            for index in segment.rev().skip(1) {
                leave_without_successor(model, pooled, verdicts, index, follows[index + 1]);
            }
        }
    }
}

/// Leaves a max-pooled layer or an entry to software, unless it goes on with a layer on the chip.
fn leave_without_successor(
    model: &Model,
    pooled: &Limit,
    verdicts: &mut [Verdict],
    index: usize,
    goes_on: bool,
) {
    let layers = model.layers();
    let layer = &layers[index];
    let next = verdicts.get(index + 1);
    let goes_on = goes_on && next.is_some_and(|next| next.need.is_some());
    if goes_on || verdicts[index].need.is_none() {
        return;
    }
    if is_max_pooled(layer) {
        let received = match layers.get(index + 1) {
            Some(next) => format!("{:?}, which does not run on the chip with it", next.name()),
            None => String::from("nothing"),
        };
        let remedy = String::from("make the layer after it one that the chip can run");
        let violation = Violation::of(layer, pooled, Effect::Software, received, remedy);
        verdicts[index].need = None;
        verdicts[index].violations.push(violation);
    }
    let is_entry = layer.connection().operation == Operation::Pass;
    if is_entry && layers.len() > 1 {
        verdicts[index].need = None;
    }
}

/// Leaves the joins of a segment to software, of which a layer does not run on the chip.
fn leave_joins(model: &Model, limit: &Limit, verdicts: &mut [Verdict], segment: Range<usize>) {
    let layers = model.layers();
    let mut software = segment
        .clone()
        .filter(|&index| verdicts[index].need.is_none());
    let Some(first) = software.next() else {
        return;
    };
    for index in segment {
        let layer = &layers[index];
        if verdicts[index].need.is_some() && is_join(layer.connection().operation) {
            let received = format!("{:?} in software", layers[first].name());
            let remedy = String::from("make all layers of its branches ones that the chip can run");
            let violation = Violation::of(layer, limit, Effect::Software, received, remedy);
            verdicts[index].need = None;
            verdicts[index].violations.push(violation);
        }
    }
}

/// Whether an NP takes the maximum over windows of a layer's potentials. The image convolution unit is no NP.
fn is_max_pooled(layer: &Layer) -> bool {
    let windows = layer.connection().operation.windows();
    let pooled = windows.is_some_and(|w| matches!(w.pooling, Pooling::Max { .. }));
    pooled && !layer.spec().is_input()
}
