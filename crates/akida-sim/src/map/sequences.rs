//! Which layers run on the chip, and in which runs.

use super::check::check_layers;
use super::need::Need;
use super::violation::{Effect, Violation};
use crate::device::Device;
use crate::{Model, Operation, Pooling};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// What the limits of a device leave of a model.
pub(super) struct Judgement {
    /// Every broken limit, in layer order.
    pub(super) violations: Vec<Violation>,
    /// The least that each layer takes; `None` for layers that do not run on the chip.
    pub(super) needs: Vec<Option<Need>>,
    /// Runs of layers that follow each other, on the chip or not.
    pub(super) runs: Vec<(Range<usize>, bool)>,
}

/// Checks every layer and cuts the model into runs.
pub(super) fn judge(model: &Model, device: &Device) -> Judgement {
    let layers = model.layers();
    let mut violations = check_layers(model, device);
    let mut needs = vec![None; layers.len()];
    for (index, layer) in layers.iter().enumerate() {
        match Need::of(layer, device) {
            Ok(need) => {
                let left = |v: &Violation| v.layer == layer.name() && v.effect == Effect::Software;
                if !violations.iter().any(left) {
                    needs[index] = Some(need);
                }
            }
            Err(misfit) => violations.push(Violation {
                layer: layer.name().to_string(),
                rule: misfit.rule,
                received: misfit.received,
                allowed: misfit.allowed,
                source: misfit.source,
                standing: misfit.standing,
                effect: Effect::Software,
                remedy: misfit.remedy,
            }),
        }
    }
    let follows = chained(model);
    for index in (0..layers.len()).rev() {
        let goes_on = follows.get(index + 1) == Some(&true) && needs[index + 1].is_some();
        let operation = &layers[index].connection().operation;
        let pooled = !layers[index].spec().is_input()
            && operation
                .windows()
                .is_some_and(|w| matches!(w.pooling, Pooling::Max { .. }));
        if pooled && needs[index].is_some() && !goes_on {
            needs[index] = None;
            let limit = device.limits.conv.pooled_successor;
            violations.push(Violation {
                layer: layers[index].name().to_string(),
                rule: limit.rule,
                received: match layers.get(index + 1) {
                    Some(next) => {
                        format!("{:?}, which does not run on the chip with it", next.name())
                    }
                    None => String::from("nothing"),
                },
                allowed: limit.allowed.to_string(),
                source: limit.source,
                standing: limit.standing,
                effect: Effect::Software,
                remedy: String::from("make the layer after it one that the chip can run"),
            });
        }
        // An entry without arithmetic is of use on the chip only to what follows it there.
        let entry = matches!(operation, Operation::Pass);
        if entry && !goes_on && layers.len() > 1 {
            needs[index] = None;
        }
    }
    let place = |v: &Violation| layers.iter().position(|l| l.name() == v.layer);
    violations.sort_by_key(place);
    let mut runs: Vec<(Range<usize>, bool)> = Vec::new();
    for (index, need) in needs.iter().enumerate() {
        match runs.last_mut() {
            Some((run, hardware))
                if *hardware == need.is_some() && (follows[index] || !*hardware) =>
            {
                run.end = index + 1;
            }
            _ => runs.push((index..index + 1, need.is_some())),
        }
    }
    Judgement {
        violations,
        needs,
        runs,
    }
}

/// For each layer, whether it reads the one before alone and is its only reader.
fn chained(model: &Model) -> Vec<bool> {
    let layers = model.layers();
    let mut readers = vec![0usize; layers.len()];
    for &inbound in layers.iter().flat_map(|l| l.inbounds()) {
        readers[inbound] += 1;
    }
    let follows = |(i, layer): (usize, &alloc::sync::Arc<crate::Layer>)| match layer.inbounds() {
        [inbound] => inbound + 1 == i && readers[*inbound] == 1,
        _ => false,
    };
    layers.iter().enumerate().map(follows).collect()
}
