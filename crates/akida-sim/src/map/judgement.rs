//! Which layers of a model a device runs: asks the rules of the device's generation.

use super::akida1::judge::judge as judge_akida1;
use super::akida2::judge::judge as judge_akida2;
use super::runs::{Run, runs};
use super::verdict::Verdict;
use super::violation::{Effect, GENERATION, Violation};
use crate::device::{CHIPS, Device, Limits, Standing};
use crate::memory::OutOfMemory;
use crate::{IpVersion, Layer, Model};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// What a device makes of a model.
pub(super) struct Judgement {
    /// What the device makes of each layer.
    pub(super) verdicts: Vec<Verdict>,
    /// The layers in the order in which they run, on the chip or in software.
    pub(super) runs: Vec<Run>,
}

impl Judgement {
    /// Every broken limit, in layer order.
    pub(super) fn into_violations(self) -> Vec<Violation> {
        let verdicts = self.verdicts.into_iter();
        verdicts.flat_map(|verdict| verdict.violations).collect()
    }
}

/// Judges every layer and cuts the model into runs.
pub(super) fn judge(model: &Model, device: &Device) -> Result<Judgement, OutOfMemory> {
    let verdicts = match device.limits {
        _ if is_foreign(model, device) => refuse(model, device),
        Limits::Akida1(limits) => judge_akida1(model, device, limits)?,
        Limits::Akida2(limits) => judge_akida2(model, device, limits),
    };
    Ok(Judgement {
        runs: runs(model, &verdicts),
        verdicts,
    })
}

/// Whether a model has layers of another generation than the device.
fn is_foreign(model: &Model, device: &Device) -> bool {
    let mut layers = model.layers().iter();
    layers.any(|layer| foreign(layer, device).is_some())
}

/// The generation of a layer that a device does not run.
fn foreign(layer: &Layer, device: &Device) -> Option<IpVersion> {
    let generation = layer.spec().generation()?;
    (generation != device.ip_version()).then_some(generation)
}

/// Refuses every layer of another generation. No other limit of the device says anything about it.
fn refuse(model: &Model, device: &Device) -> Vec<Verdict> {
    let refused = |layer: &Layer| {
        let generation = foreign(layer, device)?;
        let of_generation = CHIPS.iter().filter(|c| c.limits.ip_version() == generation);
        let names: Vec<&str> = of_generation.map(|chip| chip.name).collect();
        let kind = layer.spec().type_name();
        Some(Violation {
            layer: layer.name().to_string(),
            rule: GENERATION,
            received: format!("{kind}, a layer of {generation}"),
            allowed: format!("that of {}, {}", device.name, device.ip_version()),
            source: "Akida API reference: layers of Akida 1.0 and of Akida 2.0",
            standing: Standing::Stated,
            effect: Effect::Refused,
            remedy: format!(
                "map the model on a device of {generation}: {}",
                names.join(", ")
            ),
        })
    };
    let verdict = |layer: &Layer| Verdict {
        violations: refused(layer).into_iter().collect(),
        need: None,
    };
    model.layers().iter().map(|layer| verdict(layer)).collect()
}
