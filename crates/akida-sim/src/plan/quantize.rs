//! Floats to integers.

use crate::interrupt::{Interrupted, Watch};
use crate::model::names::{SCALES, ZERO_POINTS};
use crate::model::{Layer, Quantize, Tensor};
use crate::ops::quantized;
use crate::run::ValuesMut;
use alloc::sync::Arc;

/// Rounds the model's float inputs.
pub(super) struct QuantizeStep {
    pub(super) layer: Arc<Layer>,
    pub(super) operation: Quantize,
}

impl QuantizeStep {
    pub(super) fn run(
        &self,
        inputs: &[f32],
        outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        match outputs {
            ValuesMut::U8(out) => self.round(inputs, out, |y| y as u8, watch),
            ValuesMut::I8(out) => self.round(inputs, out, |y| y as i8, watch),
            ValuesMut::I16(out) => self.round(inputs, out, |y| y as i16, watch),
            ValuesMut::I32(out) => self.round(inputs, out, |y| y, watch),
        }
    }

    fn round<T>(
        &self,
        inputs: &[f32],
        outputs: &mut [T],
        narrow: impl Fn(i32) -> T,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let output = self.layer.connection().output;
        let scales = self.layer.variable(SCALES).and_then(Tensor::floats);
        let scales = scales.unwrap_or_default();
        let zeros = self.layer.integers(ZERO_POINTS);
        let positions = output.shape.positions();
        let channels = output.shape.c;
        // The distances between the inputs of neighbouring positions, and of neighbouring channels.
        let (position_step, channel_step) = match self.operation.channels_first {
            true => (1, positions),
            false => (channels, 1),
        };
        for (position, outputs) in outputs.chunks_exact_mut(channels).enumerate() {
            let parameters = scales.iter().zip(zeros);
            for (c, (y, (&scale, &zero))) in outputs.iter_mut().zip(parameters).enumerate() {
                let x = inputs[position * position_step + c * channel_step];
                *y = narrow(quantized(x, scale, zero, output.format));
            }
            watch.worked(8 * channels as u64)?;
        }
        Ok(())
    }
}
