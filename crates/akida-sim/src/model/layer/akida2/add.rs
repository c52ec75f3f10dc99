//! Add: two maps added.

use super::conv::WITHOUT_TABLE;
use super::post_ops::{PostOps, SHIFTS_LEFT, SIGNED_BYTES, narrow};
use crate::model::connection::{Activation, Connection, Signal};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::{A_SHIFT, B_SHIFT, OUTPUT_SHIFT};
use crate::model::operation::Operation;
use crate::model::variables::VariableSpec;
use alloc::vec;

/// Two maps of equal shape, shifted to the left, added, and shifted to the output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Add {
    /// Width of the outputs: 2 to 16. A width of 17 to 32 means accumulators of 32 bits.
    pub output_bits: u8,
    /// Width of the sums, sign included: 16 to 32.
    pub buffer_bits: u8,
    /// A documented parameter, 16 to 32. It changes nothing, as sums have no scale.
    pub post_op_buffer_bits: u8,
    /// Whether outputs have a sign.
    pub output_signed: bool,
}

impl Default for Add {
    /// The documented defaults: outputs of 8 bits, buffers of 32 bits.
    fn default() -> Self {
        Self {
            output_bits: 8,
            buffer_bits: 32,
            post_op_buffer_bits: 32,
            output_signed: true,
        }
    }
}

impl Add {
    const fn post_ops(self) -> PostOps {
        PostOps {
            activation: Activation::NoActivation,
            output_bits: self.output_bits,
            output_signed: Some(self.output_signed),
            buffer_bits: self.buffer_bits,
            post_op_buffer_bits: self.post_op_buffer_bits,
        }
    }
}

impl LayerKind for Add {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let post_ops = PostOps::with_activation(Activation::NoActivation, parameters)?;
        Ok(Self {
            output_bits: post_ops.output_bits,
            buffer_bits: post_ops.buffer_bits,
            post_op_buffer_bits: post_ops.post_op_buffer_bits,
            output_signed: post_ops.is_signed(),
        })
    }

    fn parameters(&self) -> Parameters {
        self.post_ops().add_widths_to(Parameters::new())
    }

    fn type_name(&self) -> &'static str {
        "Add"
    }

    fn default_name(&self) -> &'static str {
        "add"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn check(&self) -> Result<(), ModelError> {
        self.post_ops().check(&WITHOUT_TABLE)
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        let &[a, b] = inputs else {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the number of inbounds",
                "2",
                inputs.len(),
            ));
        };
        let (a, b) = (narrow(a)?, narrow(b)?);
        if a.shape != b.shape {
            return Err(ModelError::new(
                ModelErrorKind::Inbounds,
                "the shape of both inbounds",
                alloc::format!("equal, {} like the first", a.shape),
                b.shape,
            ));
        }
        let channels = a.shape.c;
        let without_scale = PostOps {
            post_op_buffer_bits: 32,
            ..self.post_ops()
        };
        let output = Signal {
            shape: a.shape,
            format: self.post_ops().format(),
        };
        Ok(Connection {
            input: a,
            output,
            stage: without_scale.stage(),
            potential_bound: self.post_ops().bound(),
            variables: vec![
                VariableSpec::vector(A_SHIFT, channels, SHIFTS_LEFT),
                VariableSpec::vector(B_SHIFT, channels, SHIFTS_LEFT),
                VariableSpec::vector(OUTPUT_SHIFT, channels, SIGNED_BYTES),
            ],
            ..Connection::without_weights(Operation::Add, a)
        })
    }
}
