//! Dequantizer: integers to floats.

use crate::model::connection::{Connection, Signal, single};
use crate::model::error::ModelError;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::SCALES;
use crate::model::operation::Operation;
use crate::model::variables::{VariableRule, VariableSpec};
use alloc::vec;

/// Multiplies outputs by a scale per channel. It is the last layer of a model.
///
/// `forward` gives its integer inputs, `predict` the floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dequantizer;

impl LayerKind for Dequantizer {
    fn of(_parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self)
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
    }

    fn type_name(&self) -> &'static str {
        "Dequantizer"
    }

    fn default_name(&self) -> &'static str {
        "dequantizer"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        Ok(())
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let input = single(inputs)?;
        let scales = VariableSpec::vector(SCALES, input.shape.c, VariableRule::Positive);
        Ok(Connection {
            variables: vec![scales],
            ..Connection::without_weights(Operation::Dequantize, input)
        })
    }
}
