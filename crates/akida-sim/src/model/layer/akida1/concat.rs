//! Concat: branches joined.

use crate::model::connection::{Connection, Signal};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::format::Format;
use crate::model::ip_version::IpVersion;
use crate::model::layer::{LayerKind, Parameters};
use crate::model::operation::Operation;
use crate::model::shape::Shape;
use alloc::format;

/// Joins maps of equal height, width and number of bits on the channel axis, in the order of its inbounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Concat;

impl LayerKind for Concat {
    fn of(_parameters: &Parameters) -> Result<Self, ModelError> {
        Ok(Self)
    }

    fn parameters(&self) -> Parameters {
        Parameters::new()
    }

    fn type_name(&self) -> &'static str {
        "Concat"
    }

    fn default_name(&self) -> &'static str {
        "concat"
    }

    fn generation(&self) -> Option<IpVersion> {
        Some(IpVersion::V1)
    }

    fn check(&self) -> Result<(), ModelError> {
        Ok(())
    }

    fn connect(&self, inputs: &[Signal]) -> Result<Connection, ModelError> {
        joined(inputs, "the act_bits of all inbounds")
    }
}

/// The connection of a layer that joins its inbounds on the channel axis. `subject` names their formats.
pub(in crate::model::layer) fn joined(
    inputs: &[Signal],
    subject: &'static str,
) -> Result<Connection, ModelError> {
    // Formats without a sign are told by their width, as by the parameter act_bits.
    let word = |format: Format| match format.signed {
        true => format!("int{}", format.bits),
        false => format!("{}", format.bits),
    };
    let error = |subject, allowed, received| {
        Err(ModelError::new(
            ModelErrorKind::Inbounds,
            subject,
            allowed,
            received,
        ))
    };
    let (first, rest) = match inputs {
        [first, rest @ ..] if !rest.is_empty() => (first, rest),
        _ => {
            return error(
                "the number of inbounds",
                "at least 2".into(),
                format!("{}", inputs.len()),
            );
        }
    };
    let mut channels = first.shape.c;
    for (signal, number) in rest.iter().zip(2..) {
        if signal.format != first.format {
            return error(
                subject,
                format!("equal, {} like the first", word(first.format)),
                format!("{} for inbound {number}", word(signal.format)),
            );
        }
        if (signal.shape.x, signal.shape.y) != (first.shape.x, first.shape.y) {
            return error(
                "the height and width of all inbounds",
                format!(
                    "equal, ({}, {}) like the first",
                    first.shape.x, first.shape.y
                ),
                format!(
                    "({}, {}) for inbound {number}",
                    signal.shape.x, signal.shape.y
                ),
            );
        }
        // Both are at most MAX_ELEMENTS. The check below refuses a larger sum before the next addition could wrap.
        channels += signal.shape.c;
        Shape::new(first.shape.x, first.shape.y, channels).check("the output shape")?;
    }
    let joined = Signal {
        shape: Shape::new(first.shape.x, first.shape.y, channels),
        format: first.format,
    };
    Ok(Connection::without_weights(Operation::Join, joined))
}
