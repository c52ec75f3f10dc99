//! Concatenate: maps joined.

use super::post_ops::narrow;
use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::akida1::joined;
use crate::model::layer::{LayerKind, Parameters};
use alloc::vec::Vec;

/// Joins maps of equal height, width and number of bits on the channel axis, in the order of its inbounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Concatenate;

impl LayerKind for Concatenate {
    fn of(_parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self)
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
    }

    fn type_name(&self) -> &'static str {
        "Concatenate"
    }

    fn default_name(&self) -> &'static str {
        "concatenate"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        Ok(())
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let mut signals = Vec::with_capacity(inputs.len());
        for &input in inputs {
            signals.push(narrow(input)?);
        }
        // Maps of both signs are joined in the format that holds all values: signed, with a bit more.
        let differ = inputs
            .iter()
            .any(|i| i.format.signed != inputs[0].format.signed);
        for signal in signals.iter_mut().filter(|_| differ) {
            let bits = signal.format.bits + 1;
            signal.format = Format::signed(bits);
        }
        joined(&signals, "the output_bits of all inbounds")
    }
}
