//! Concatenate: maps joined.

use super::post_ops::narrow;
use crate::model::connection::{Connection, Signal};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::akida1::joined;
use crate::model::layer::{LayerKind, Parameters};
use alloc::format;
use alloc::vec::Vec;

/// Joins maps of equal height and width on the channel axis, in the order of its inbounds.
///
/// The output has the smallest format that holds the values of all inbounds (`docs/arithmetic-akida2.md`, G3).
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
        let mut joined_format: Option<Format> = None;
        for &input in inputs {
            let format = narrow(input)?.format;
            joined_format = Some(joined_format.map_or(format, |all| smallest(all, format)));
        }
        let format = joined_format.unwrap_or(Format::SUMS);
        if (9..16).contains(&format.bits) {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the output_bits of all inbounds",
                "such that signed outputs of 8 bits, or all of 16, hold every value",
                format!("outputs that need {} bits together", format.bits),
            )
            .with_remedy("give the inbounds outputs of the same sign"));
        }
        let signals = inputs.iter().map(|&input| Signal { format, ..input });
        joined(
            &signals.collect::<Vec<_>>(),
            "the output_bits of all inbounds",
        )
    }
}

/// The smallest format that holds the values of two formats. It is signed if one of them is.
fn smallest(a: Format, b: Format) -> Format {
    if a.signed == b.signed {
        return Format {
            bits: a.bits.max(b.bits),
            ..a
        };
    }
    let (signed, unsigned) = if a.signed { (a, b) } else { (b, a) };
    Format::signed(signed.bits.max(unsigned.bits + 1))
}
