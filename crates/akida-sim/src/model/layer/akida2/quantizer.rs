//! Quantizer: floats to integers.

use crate::model::connection::{Connection, Signal};
use crate::model::error::ModelError;
use crate::model::format::{Format, check_bits};
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::names::{SCALES, ZERO_POINTS};
use crate::model::operation::{Operation, Quantize};
use crate::model::shape::Shape;
use crate::model::variables::{VariableRule, VariableSpec};
use alloc::vec;

/// The entry of float inputs: each is multiplied by the scale of its channel and rounded, and a zero point is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantizer {
    /// Shape of one input: (height, width, channels), or (channels, height, width) where channels come first.
    pub input_shape: Shape,
    /// Width of the outputs: 8 or 16.
    pub output_bits: u8,
    /// Whether outputs have a sign.
    pub output_signed: bool,
    /// Whether the first axis of inputs is the channels. The output has channels last.
    pub channels_first: bool,
}

impl LayerKind for Quantizer {
    fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self {
            input_shape: parameters.shape("input_shape")?,
            output_bits: parameters.number("output_bits")?,
            output_signed: parameters.flag("output_signed")?,
            channels_first: parameters.flag("channels_first")?,
        })
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("input_shape", self.input_shape)
            .with("output_bits", self.output_bits)
            .with("output_signed", self.output_signed)
            .with("channels_first", self.channels_first)
    }

    fn type_name(&self) -> &'static str {
        "Quantizer"
    }

    fn default_name(&self) -> &'static str {
        "quantizer"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V2)
    }

    fn is_input(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), ModelError> {
        self.input_shape.check("input_shape")?;
        let allowed: &[u8] = if self.output_signed { &[8, 16] } else { &[8] };
        check_bits("output_bits", self.output_bits, allowed)
    }

    fn connect(&self, _inputs: &[Signal]) -> Result<Connection, ModelError> {
        let format = Format {
            bits: self.output_bits,
            signed: self.output_signed,
        };
        let Shape { x, y, c } = self.input_shape;
        let shape = match self.channels_first {
            true => Shape::new(y, c, x),
            false => Shape::new(x, y, c),
        };
        let operation = Operation::Quantize(Quantize {
            channels_first: self.channels_first,
        });
        let zero_points = VariableRule::integers(Format::unsigned(8), 0);
        Ok(Connection {
            input: Signal {
                shape: self.input_shape,
                format,
            },
            variables: vec![
                VariableSpec::vector(SCALES, shape.c, VariableRule::Positive),
                VariableSpec::vector(ZERO_POINTS, shape.c, zero_points),
            ],
            ..Connection::without_weights(operation, Signal { shape, format })
        })
    }
}
