//! Whether the values of a layer fit the registers of an Akida 1.0 chip.

use super::remedy;
use crate::device::akida1::Registers;
use crate::device::{Allowed, Limit};
use crate::map::findings::Findings;
use crate::map::violation::Effect;
use crate::memory::OutOfMemory;
use crate::{Layer, Thresholds};
use alloc::format;
use alloc::string::{String, ToString};

/// Checks the widest threshold and the widest step of a layer, then its potentials.
pub(super) fn check_registers(
    findings: &mut Findings<'_>,
    layer: &Layer,
    registers: &Registers,
) -> Result<(), OutOfMemory> {
    let Some(thresholds) = layer.thresholds() else {
        return Ok(());
    };
    check_thresholds(findings, layer, thresholds, &registers.threshold)?;
    check_steps(findings, layer, thresholds, &registers.act_step);
    check_potentials(findings, layer, &registers.potential)
}

fn check_thresholds(
    findings: &mut Findings<'_>,
    layer: &Layer,
    thresholds: Thresholds<'_>,
    limit: &Limit,
) -> Result<(), OutOfMemory> {
    let Allowed::Signed(bits) = limit.allowed else {
        return Ok(());
    };
    let (min, max) = signed(bits);
    let all = thresholds.threshold.iter().map(|&t| i64::from(t));
    let wide = all.enumerate().filter(|(_, t)| !(min..=max).contains(t));
    // Of equally wide thresholds that of the first filter.
    let widest = wide.clone().max_by_key(|(f, t)| (t.abs(), usize::MAX - f));
    if let Some((filter, worst)) = widest {
        let received = format!(
            "threshold of {}: {worst} cannot fit in {}",
            named(filter, wide.count()),
            limit.allowed
        );
        let excess = worst as f64 / if worst > 0 { max } else { min } as f64;
        let remedy = remedy::of_threshold(layer, thresholds, filter, excess)?;
        findings.add(limit, Effect::Refused, received, remedy);
    }
    Ok(())
}

fn check_steps(
    findings: &mut Findings<'_>,
    layer: &Layer,
    thresholds: Thresholds<'_>,
    limit: &Limit,
) {
    let Allowed::Unsigned(bits, fraction) = limit.allowed else {
        return;
    };
    let scale = libm::exp2(f64::from(fraction));
    let programmed = |step: f32| libm::rint(f64::from(step) * scale);
    let most = libm::exp2(f64::from(bits)) - 1.0;
    let all = thresholds.act_step.iter().copied();
    let wide = all.enumerate().filter(|&(_, step)| programmed(step) > most);
    // Of equally wide steps that of the first filter.
    let widest = wide
        .clone()
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    if let Some((filter, worst)) = widest {
        let integer = programmed(worst);
        let received = format!(
            "act_step of {} is {worst}, times {scale}: {integer} cannot fit in a {bits}-bit unsigned integer",
            named(filter, wide.count()),
        );
        let remedy = remedy::of_act_step(layer, thresholds, filter, integer / most);
        findings.add(limit, Effect::Refused, received, remedy);
    }
}

/// The filter with the widest value, and how many filters have one that is too wide.
fn named(filter: usize, count: usize) -> String {
    let filters = if count == 1 { "filter" } else { "filters" };
    format!("filter {filter} ({count} {filters} in all)")
}

fn check_potentials(
    findings: &mut Findings<'_>,
    layer: &Layer,
    limit: &Limit,
) -> Result<(), OutOfMemory> {
    let (Allowed::Signed(bits), Some(reach)) = (limit.allowed, layer.reach()?) else {
        return Ok(());
    };
    let (min, max) = signed(bits);
    // How far potentials from `low` to `high` leave the register; at most 0 where they do not.
    let outside = |low: i32, high: i32| (min - i64::from(low)).max(i64::from(high) - max);
    let ends = || reach.lowest.iter().zip(&reach.highest);
    let wide = ends().filter(|&(&l, &h)| outside(l, h) > 0).count();
    let worst = ends()
        .enumerate()
        .max_by_key(|&(f, (&l, &h))| (outside(l, h), usize::MAX - f));
    if let Some((filter, (low, high))) = worst
        && wide > 0
    {
        let received = format!(
            "{low} to {high} for filter {filter}, {wide} of {} filters in all",
            reach.lowest.len()
        );
        let remedy = "what the chip does beyond is not public; fewer bits, a smaller kernel or fewer channels exclude it, and \
                      potentials on samples show whether it happens";
        findings.add(limit, Effect::Possible, received, remedy.to_string());
    }
    Ok(())
}

/// The smallest and the largest signed integer of so many bits.
fn signed(bits: u32) -> (i64, i64) {
    let end = 1i64 << (bits - 1);
    (-end, end - 1)
}
