//! The activation that the layers of Akida 1.0 share: levels of `act_bits`, or potentials.

use crate::model::connection::{LEVEL_BITS, Stage};
use crate::model::error::ModelError;
use crate::model::format::{Format, check_bits};
use crate::model::layer::Parameters;

/// Refuses a width that no activation has.
pub(super) fn check_act_bits(act_bits: Option<u8>) -> Result<(), ModelError> {
    match act_bits {
        None => Ok(()),
        Some(act_bits) => check_bits("act_bits", act_bits, LEVEL_BITS),
    }
}

/// The width of the activation that `activation` and `act_bits` describe together; `None` without one.
///
/// The width is checked without an activation too.
pub(super) fn of(parameters: &Parameters) -> Result<Option<u8>, ModelError> {
    let (activation, act_bits) = (
        parameters.flag("activation")?,
        parameters.number("act_bits")?,
    );
    check_act_bits(Some(act_bits))?;
    Ok(activation.then_some(act_bits))
}

/// Adds `activation` and `act_bits`. Without an activation the width is 1, and has no effect.
pub(super) fn add_to(parameters: Parameters, act_bits: Option<u8>) -> Parameters {
    parameters
        .with("activation", act_bits.is_some())
        .with("act_bits", act_bits.unwrap_or(1))
}

/// The output stage of a layer with or without an activation, and the format of its outputs.
pub(super) fn stage(act_bits: Option<u8>) -> (Stage, Format) {
    match act_bits {
        Some(bits) => (Stage::Thresholds, Format::unsigned(bits)),
        None => (Stage::Raw, Format::SUMS),
    }
}

/// Refuses a number of filters or units that no layer has.
pub(in crate::model::layer) fn check_filters(
    subject: &'static str,
    filters: usize,
) -> Result<(), ModelError> {
    const MAX: usize = 1 << 24;
    if (1..=MAX).contains(&filters) {
        return Ok(());
    }
    Err(ModelError::parameter(
        subject,
        alloc::format!("in 1..={MAX}"),
        filters,
    ))
}
