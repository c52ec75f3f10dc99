use super::{Connection, LayerSpec, Signal};
use crate::model::error::{ModelError, ModelErrorKind};
use crate::model::shape::Shape;
use alloc::format;

/// Joins maps of equal height, width and number of bits on the channel axis, in the order of its inbounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Concat;

impl Concat {
    pub(super) fn connect(self, inputs: &[Signal]) -> Result<Connection, ModelError> {
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
            if signal.bits != first.bits {
                return error(
                    "the act_bits of all inbounds",
                    format!("equal, {} like the first", first.bits),
                    format!("{} for inbound {number}", signal.bits),
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
            // Both are at most MAX_ELEMENTS; the check below refuses the sum before it could wrap.
            channels += signal.shape.c;
            Shape::new(first.shape.x, first.shape.y, channels).check("the output shape")?;
        }
        Ok(Connection::pass_through(Signal {
            shape: Shape::new(first.shape.x, first.shape.y, channels),
            bits: first.bits,
        }))
    }
}

impl From<Concat> for LayerSpec {
    fn from(layer: Concat) -> Self {
        Self::Concat(layer)
    }
}
