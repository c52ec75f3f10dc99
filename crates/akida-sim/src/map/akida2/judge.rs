//! Which layers an Akida 2.0 device runs.

use super::rules::check_rule;
use crate::Model;
use crate::device::Device;
use crate::device::akida2::{Limits, Place};
use crate::map::findings::Findings;
use crate::map::readers::readers;
use crate::map::skips::check_channels;
use crate::map::stranded::leave_stranded;
use crate::map::units::need_of;
use crate::map::verdict::Verdict;
use alloc::vec::Vec;

/// Judges every layer: first by itself, then beside the layers around it.
pub(in crate::map) fn judge(model: &Model, device: &Device, limits: &Limits) -> Vec<Verdict> {
    let layers = model.layers();
    let mut verdicts = Vec::with_capacity(layers.len());
    for (layer, readers) in layers.iter().zip(readers(model)) {
        let mut findings = Findings::of(layer);
        let verdict = match limits.of(layer.spec()) {
            Place::Host => Verdict {
                violations: Vec::new(),
                need: None,
            },
            Place::Device(rules) => {
                for rule in limits.every.iter().chain(rules) {
                    check_rule(&mut findings, rule, layer, (model, &readers));
                }
                let mut violations = findings.into_violations();
                let is_allowed = violations.is_empty();
                let need = match need_of(layer, device) {
                    Ok(need) => is_allowed.then_some(need),
                    Err(misfit) => {
                        violations.push(misfit.into_violation(layer, device));
                        None
                    }
                };
                Verdict { violations, need }
            }
        };
        verdicts.push(verdict);
    }
    check_channels(model, device, &mut verdicts);
    leave_stranded(
        model,
        &limits.pooled_successor,
        Some(&limits.branches),
        &mut verdicts,
    );
    verdicts
}
