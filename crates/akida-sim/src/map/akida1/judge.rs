//! Which layers an Akida 1.0 device runs.

use super::limits::check_limits;
use super::registers::check_registers;
use crate::device::Device;
use crate::device::akida1::Limits;
use crate::map::findings::Findings;
use crate::map::readers::readers;
use crate::map::stranded::leave_stranded;
use crate::map::units::need_of;
use crate::map::verdict::Verdict;
use crate::map::violation::Effect;
use crate::memory::OutOfMemory;
use crate::{Layer, Model};
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
    // The limit on layer types leaves joins to software: nothing is left to say of their branches.
    leave_stranded(model, &limits.conv.pooled_successor, None, &mut verdicts);
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
