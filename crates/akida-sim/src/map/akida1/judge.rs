//! Which layers an Akida 1.0 device runs.

use super::limits::check_limits;
use super::need::need_of;
use super::registers::check_registers;
use crate::device::akida1::Limits;
use crate::device::{Device, Limit};
use crate::map::findings::Findings;
use crate::map::readers::readers;
use crate::map::runs::follows;
use crate::map::verdict::Verdict;
use crate::map::violation::{Effect, Violation};
use crate::memory::OutOfMemory;
use crate::{Layer, Model, Operation, Pooling};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Judges every layer: first by itself, then beside the layer after it.
pub(in crate::map) fn judge(
    model: &Model,
    device: &Device,
    limits: &Limits,
) -> Result<Vec<Verdict>, OutOfMemory> {
    let layers = model.layers();
    let mut verdicts = Vec::with_capacity(layers.len());
    for (layer, readers) in layers.iter().zip(readers(model)) {
        verdicts.push(judge_alone(layer, &readers, device, limits)?);
    }
    leave_stranded(model, limits, &mut verdicts);
    Ok(verdicts)
}

/// Judges a layer by itself. Of the layers that read it only the types matter.
fn judge_alone(
    layer: &Layer,
    readers: &[&Arc<Layer>],
    device: &Device,
    limits: &Limits,
) -> Result<Verdict, OutOfMemory> {
    let mut findings = Findings::of(layer);
    check_limits(&mut findings, layer, readers, limits);
    check_registers(&mut findings, layer, limits.registers_of(layer.spec()))?;
    let mut violations = findings.into_violations();
    let software = violations.iter().any(|v| v.effect == Effect::Software);
    let need = match need_of(layer, device) {
        Ok(need) => (!software).then_some(need),
        Err(misfit) => {
            violations.push(misfit.into_violation(layer, device));
            None
        }
    };
    Ok(Verdict { violations, need })
}

/// Leaves some layers to software because the layer after them does not run on the chip.
///
/// A max-pooled layer runs on the chip only together with the next layer, and so does an entry without arithmetic.
fn leave_stranded(model: &Model, limits: &Limits, verdicts: &mut [Verdict]) {
    let layers = model.layers();
    let follows = follows(model);
    // From the last layer to the first: a layer that is left to software can strand the layer before.
    for (index, layer) in layers.iter().enumerate().rev() {
        let goes_on = follows.get(index + 1) == Some(&true) && verdicts[index + 1].need.is_some();
        if goes_on || verdicts[index].need.is_none() {
            continue;
        }
        if is_max_pooled(layer) {
            let limit = &limits.conv.pooled_successor;
            let next = layers.get(index + 1).map(|next| next.as_ref());
            verdicts[index].need = None;
            verdicts[index]
                .violations
                .push(stranded(layer, limit, next));
        }
        let is_entry = layer.connection().operation == Operation::Pass;
        if is_entry && layers.len() > 1 {
            verdicts[index].need = None;
        }
    }
}

/// Whether an NP takes the maximum over windows of a layer's potentials. The image convolution unit is no NP.
fn is_max_pooled(layer: &Layer) -> bool {
    let windows = layer.connection().operation.windows();
    let pooled = windows.is_some_and(|w| matches!(w.pooling, Pooling::Max { .. }));
    pooled && !layer.spec().is_input()
}

/// A max-pooled layer without a successor on the chip.
fn stranded(layer: &Layer, limit: &Limit, next: Option<&Layer>) -> Violation {
    let received = match next {
        Some(next) => format!("{:?}, which does not run on the chip with it", next.name()),
        None => String::from("nothing"),
    };
    let remedy = String::from("make the layer after it one that the chip can run");
    Violation::of(layer, limit, Effect::Software, received, remedy)
}
