//! Which layers of a model a device runs: asks the rules of the device's generation.

use super::akida1::judge::judge as judge_akida1;
use super::runs::{Run, runs};
use super::verdict::Verdict;
use super::violation::Violation;
use crate::device::{Device, Limits};
use crate::memory::OutOfMemory;
use crate::{IpVersion, Model};
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
    let verdicts = match (model.ip_version(), device.limits) {
        // The limit on layer types refuses every layer of another generation.
        (IpVersion::V1 | IpVersion::V2, Limits::Akida1(limits)) => {
            judge_akida1(model, device, limits)?
        }
    };
    Ok(Judgement {
        runs: runs(model, &verdicts),
        verdicts,
    })
}
