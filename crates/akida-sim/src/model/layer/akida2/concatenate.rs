//! Concatenate: maps joined.

use super::post_ops::narrow;
use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::layer::akida1::joined;

/// Joins maps of equal height, width and format on the channel axis, in the order of its inbounds.
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
        for &input in inputs {
            narrow(input)?;
        }
        joined(inputs, "the output format of all inbounds")
    }
}
