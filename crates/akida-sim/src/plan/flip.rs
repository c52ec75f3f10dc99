//! Signed bytes that are stored as their readers want them. `docs/engine.md` defines the words.

use super::step::Step;
use crate::memory::{self, OutOfMemory};
use crate::output::{OutputStage, Rescaler};
use crate::run::ElementType;
use alloc::vec::Vec;

/// The sign of a byte.
pub(super) const SIGN: u8 = 0x80;

/// Lets layers store signed bytes with their sign flipped, where all of their readers add 128 to them. The readers then
/// read the bytes where they lie. Gives the layers that do so. `inbounds` has the layers that each layer reads.
pub(super) fn flip(steps: &mut [Step], inbounds: &[&[usize]]) -> Result<Vec<bool>, OutOfMemory> {
    let mut flipped = memory::filled(false, steps.len())?;
    let mut read = memory::filled(false, steps.len())?;
    for (layer, step) in steps.iter().enumerate() {
        flipped[layer] = step.rescaler().is_some_and(|r| r.line.is_some());
    }
    for (step, inbounds) in steps.iter().zip(inbounds) {
        for &inbound in *inbounds {
            read[inbound] = true;
            flipped[inbound] &= step.has_offset();
        }
    }
    for (flipped, read) in flipped.iter_mut().zip(read) {
        *flipped &= read;
    }
    for (layer, step) in steps.iter_mut().enumerate() {
        if flipped[layer]
            && let Some(rescaler) = step.rescaler_mut()
        {
            rescaler.flip = SIGN;
        }
        if inbounds[layer]
            .first()
            .is_some_and(|&inbound| flipped[inbound])
        {
            step.take_offset();
        }
    }
    Ok(flipped)
}

impl Step {
    /// Whether the only map that the step reads gets an offset on its way.
    fn has_offset(&self) -> bool {
        match self {
            Self::Neural(neural) => {
                neural.windows.has_offset() && !neural.in_time && neural.added_inputs.is_none()
            }
            Self::Depthwise(depthwise) => depthwise.windows.has_offset() && !depthwise.in_time,
            Self::Pass
            | Self::Join { .. }
            | Self::Quantize(_)
            | Self::Wide(_)
            | Self::Add(_)
            | Self::Recurrence(_)
            | Self::Deviation(_) => false,
        }
    }

    fn take_offset(&mut self) {
        match self {
            Self::Neural(neural) => neural.windows.take_offset(),
            Self::Depthwise(depthwise) => depthwise.windows.take_offset(),
            Self::Pass
            | Self::Join { .. }
            | Self::Quantize(_)
            | Self::Wide(_)
            | Self::Add(_)
            | Self::Recurrence(_)
            | Self::Deviation(_) => {}
        }
    }

    /// The rescaling of a layer of signed bytes that nothing is done to behind it.
    fn rescaler(&self) -> Option<&Rescaler> {
        match self {
            Self::Neural(neural)
                if neural.element == ElementType::I8 && neural.has_no_pooling() =>
            {
                match &neural.stage {
                    OutputStage::Rescaled(rescaler) => Some(rescaler),
                    OutputStage::Raw | OutputStage::Levels(_) => None,
                }
            }
            Self::Depthwise(depthwise) if depthwise.is_signed && depthwise.pool.is_none() => {
                Some(&depthwise.rescaler)
            }
            Self::Neural(_)
            | Self::Depthwise(_)
            | Self::Pass
            | Self::Join { .. }
            | Self::Quantize(_)
            | Self::Wide(_)
            | Self::Add(_)
            | Self::Recurrence(_)
            | Self::Deviation(_) => None,
        }
    }

    fn rescaler_mut(&mut self) -> Option<&mut Rescaler> {
        match self {
            Self::Neural(neural) => match &mut neural.stage {
                OutputStage::Rescaled(rescaler) => Some(rescaler),
                OutputStage::Raw | OutputStage::Levels(_) => None,
            },
            Self::Depthwise(depthwise) => Some(&mut depthwise.rescaler),
            Self::Pass
            | Self::Join { .. }
            | Self::Quantize(_)
            | Self::Wide(_)
            | Self::Add(_)
            | Self::Recurrence(_)
            | Self::Deviation(_) => None,
        }
    }
}
