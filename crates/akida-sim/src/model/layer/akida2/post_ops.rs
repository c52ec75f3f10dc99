//! What follows the sums of products: bias, activation, scale, shift, and the format of outputs.

use crate::model::connection::{Activation, Rescale, Signal, Stage};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::Format;
use crate::model::layer::{Parameter, Parameters};
use crate::model::names::{
    ACTIVATION_SCALES, ACTIVATION_SHIFT, BIAS, BIAS_SHIFT, LUT_ENTRIES, LUT_VALUES, MAX_VALUE,
    MAX_VALUE_SHIFT, OUTPUT_SCALES, OUTPUT_SHIFT,
};
use crate::model::variables::{VariableRule, VariableSpec};
use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// The widest output that other layers read. Wider outputs are accumulators.
const WIDEST_OUTPUT: u8 = 16;

/// The parameters of what follows the sums of a layer (`docs/arithmetic-akida2.md`, section D).
///
/// # Examples
///
/// ```
/// use akida_sim::{Activation, PostOps};
///
/// assert!(!PostOps { output_bits: 4, ..PostOps::new(Activation::ReLU) }.is_signed());
/// assert!(PostOps::new(Activation::ReLU).is_signed());
/// ```
#[derive(Debug, Clone, Copy, Eq)]
pub struct PostOps {
    /// The activation.
    pub activation: Activation,
    /// Width of the outputs: 1 to 8, or 16. A width of 17 to 32 means that outputs are accumulators of 32 bits.
    pub output_bits: u8,
    /// Whether outputs have a sign; `None` follows from activation and width, as in the published documentation.
    pub output_signed: Option<bool>,
    /// Width of the accumulators, sign included: 16 to 32.
    pub buffer_bits: u8,
    /// Width of scaled accumulators, without their sign: 16 to 32.
    pub post_op_buffer_bits: u8,
}

/// A sign that follows from activation and width equals the same sign that is given.
impl PartialEq for PostOps {
    fn eq(&self, other: &Self) -> bool {
        let meaning = |of: &Self| {
            let widths = (of.output_bits, of.buffer_bits, of.post_op_buffer_bits);
            (of.activation, of.is_signed(), widths)
        };
        meaning(self) == meaning(other)
    }
}

impl PostOps {
    /// The documented defaults: outputs of 8 bits, buffers of 32 bits.
    #[must_use]
    pub const fn new(activation: Activation) -> Self {
        Self {
            activation,
            output_bits: 8,
            output_signed: None,
            buffer_bits: 32,
            post_op_buffer_bits: 32,
        }
    }

    /// Whether outputs have a sign. Without a choice, only outputs of a ReLU with less than 8 bits have none.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        match self.output_signed {
            Some(signed) => signed,
            None => !matches!(self.activation, Activation::ReLU) || self.output_bits >= 8,
        }
    }

    pub(super) fn of(parameters: &Parameters) -> Result<Self, ModelError> {
        let activation = parameters.word(
            "activation",
            [
                ("NoActivation", Activation::NoActivation),
                ("ReLU", Activation::ReLU),
                ("LUT", Activation::Lut),
            ],
        )?;
        Self::with_activation(activation, parameters)
    }

    /// The parameters of a layer whose activation is known.
    pub(super) fn with_activation(
        activation: Activation,
        parameters: &Parameters,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            activation,
            output_bits: parameters.number("output_bits")?,
            output_signed: match parameters.get("output_signed") {
                None => None,
                Some(_) => Some(parameters.flag("output_signed")?),
            },
            buffer_bits: parameters.number("buffer_bits")?,
            post_op_buffer_bits: parameters.number("post_op_buffer_bits")?,
        })
    }

    pub(super) fn add_to(self, parameters: Parameters) -> Parameters {
        let activation = match self.activation {
            Activation::NoActivation => "NoActivation",
            Activation::ReLU => "ReLU",
            Activation::Lut => "LUT",
        };
        self.add_widths_to(parameters.with("activation", activation))
    }

    /// Adds all parameters but the activation.
    pub(super) fn add_widths_to(self, parameters: Parameters) -> Parameters {
        parameters
            .with("output_bits", self.output_bits)
            .with("buffer_bits", self.buffer_bits)
            .with("post_op_buffer_bits", self.post_op_buffer_bits)
            .with("output_signed", Parameter::Flag(self.is_signed()))
    }

    /// Checks the widths. `activations` are those that the layer can have.
    pub(super) fn check(self, activations: &[Activation]) -> Result<(), ModelError> {
        if !activations.contains(&self.activation) {
            return Err(ModelError::parameter(
                "activation",
                "NoActivation or ReLU",
                "LUT",
            ));
        }
        let narrowest = if self.is_signed() { 2 } else { 1 };
        check_width("output_bits", self.output_bits, narrowest..=32)?;
        if (9..WIDEST_OUTPUT).contains(&self.output_bits) {
            return Err(ModelError::parameter(
                "output_bits",
                format!("at most 8, or {WIDEST_OUTPUT}, or more for accumulators"),
                self.output_bits,
            ));
        }
        check_width("buffer_bits", self.buffer_bits, 16..=32)?;
        check_width("post_op_buffer_bits", self.post_op_buffer_bits, 16..=32)?;
        if !self.is_signed() && self.output_bits > 8 {
            return Err(ModelError::parameter(
                "output_signed",
                "True for more than 8 bits",
                "False",
            ));
        }
        Ok(())
    }

    /// The format of the outputs.
    pub(super) fn format(self) -> Format {
        match (self.output_bits > WIDEST_OUTPUT, self.is_signed()) {
            (true, _) => Format::SUMS,
            (false, true) => Format::signed(self.output_bits),
            (false, false) => Format::unsigned(self.output_bits),
        }
    }

    pub(super) fn stage(self) -> Stage {
        Stage::Rescale(Rescale {
            activation: self.activation,
            buffer_bits: self.buffer_bits,
            post_op_buffer_bits: self.post_op_buffer_bits,
        })
    }

    /// The largest absolute value of an accumulator.
    pub(super) fn bound(self) -> u32 {
        Format::signed(self.buffer_bits).magnitude()
    }

    /// The variables of a layer with so many filters, behind its weights.
    pub(super) fn variables(self, filters: usize) -> Vec<VariableSpec> {
        let mut all = Vec::new();
        let mut add = |name, rule| all.push(VariableSpec::vector(name, filters, rule));
        add(BIAS, SIGNED_BYTES);
        add(BIAS_SHIFT, SHIFTS_LEFT);
        match self.activation {
            Activation::NoActivation => {}
            Activation::ReLU => {
                add(MAX_VALUE, VariableRule::Bounds);
                add(MAX_VALUE_SHIFT, SHIFTS_LEFT);
            }
            Activation::Lut => {
                add(ACTIVATION_SCALES, MULTIPLIERS);
                add(ACTIVATION_SHIFT, SIGNED_BYTES);
            }
        }
        add(OUTPUT_SCALES, MULTIPLIERS);
        add(OUTPUT_SHIFT, SIGNED_BYTES);
        if self.activation == Activation::Lut {
            let entries = VariableRule::integers(Format::signed(32), 0);
            all.push(VariableSpec::vector(LUT_VALUES, LUT_ENTRIES, entries));
        }
        all
    }
}

/// Shifts to the left.
pub(super) const SHIFTS_LEFT: VariableRule = VariableRule::integers(Format::unsigned(8), 0);
/// Biases, and shifts to the left or right.
pub(super) const SIGNED_BYTES: VariableRule = VariableRule::integers(Format::signed(8), 0);
/// What accumulators are multiplied by.
pub(super) const MULTIPLIERS: VariableRule = VariableRule::integers(Format::unsigned(16), 1);

/// Refuses a width outside a range.
pub(super) fn check_width(
    subject: &'static str,
    bits: u8,
    allowed: RangeInclusive<u8>,
) -> Result<(), ModelError> {
    if allowed.contains(&bits) {
        return Ok(());
    }
    let allowed = format!("in {}..={}", allowed.start(), allowed.end());
    Err(ModelError::parameter(subject, allowed, bits))
}

/// An input that is no accumulator.
pub(super) fn narrow(input: Signal) -> Result<Signal, ModelError> {
    if input.format.bits <= WIDEST_OUTPUT {
        return Ok(input);
    }
    Err(ModelError::new(
        ModelErrorKind::Inbounds,
        "every inbound",
        format!("a layer with outputs of at most {WIDEST_OUTPUT} bits"),
        format!("one with accumulators of {} bits", input.format.bits),
    )
    .with_remedy("give the inbound output_bits of 8, with output_scales and output_shift"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LayerSpec;
    use crate::model::layer::akida2::Dense1D;

    #[test]
    fn a_sign_that_is_left_open_survives_the_way_over_parameters() {
        for activation in [Activation::NoActivation, Activation::ReLU] {
            for output_bits in [4, 8] {
                let post_ops = PostOps {
                    output_bits,
                    ..PostOps::new(activation)
                };
                let spec = LayerSpec::from(Dense1D {
                    post_ops,
                    ..Dense1D::new(3)
                });
                let again = LayerSpec::new(spec.type_name(), &spec.parameters());
                assert_eq!(again.as_ref(), Ok(&spec));
                let other = PostOps {
                    output_signed: Some(!post_ops.is_signed()),
                    ..post_ops
                };
                assert_ne!(other, post_ops);
            }
        }
    }
}
