//! Fields that tables of several layers have.

use crate::error::EncodeError;
use crate::generated as fb;
use akida_sim::{Padding, Pair, Pooling, Shape};
use alloc::format;

/// The type of a pooling, and the size and stride of its windows.
pub(super) fn pool(pooling: Pooling) -> (fb::PoolType, Option<(Pair, Pair)>) {
    match pooling {
        Pooling::None => (fb::PoolType::NoPooling, None),
        Pooling::Max { size, stride } => (fb::PoolType::Max, Some((size, stride))),
        Pooling::GlobalAverage => (fb::PoolType::Average, None),
    }
}

pub(super) fn padding(padding: Padding) -> fb::Padding {
    match padding {
        Padding::Valid => fb::Padding::Valid,
        Padding::Same => fb::Padding::Same,
        Padding::SameUpper => fb::Padding::SameUpper,
    }
}

pub(super) fn shape(shape: Shape) -> Result<fb::Shape, EncodeError> {
    let axis = |value| size("input_shape", value);
    let (height, width) = (axis(shape.x)?, axis(shape.y)?);
    Ok(fb::Shape::new(height, width, axis(shape.c)?))
}

pub(super) fn size(subject: &'static str, value: usize) -> Result<u32, EncodeError> {
    u32::try_from(value)
        .map_err(|_| EncodeError::unsupported(subject, format!("at most {}", u32::MAX), value))
}
