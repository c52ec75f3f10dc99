//! How far a prediction is from its target.

use crate::interrupt::{Interrupted, Watch};
use crate::model::{Deviation, Layer};
use crate::ops::deviates;
use crate::run::{ValuesMut, ValuesRef};
use alloc::sync::Arc;

/// Compares the mean distance of a prediction from its target with a threshold.
pub(super) struct DeviationStep {
    /// The indices of the layers with the prediction and its target.
    pub(super) sources: [usize; 2],
    pub(super) layer: Arc<Layer>,
    pub(super) operation: Deviation,
}

impl DeviationStep {
    pub(super) fn run(
        &self,
        [prediction, target]: [ValuesRef<'_>; 2],
        outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let ValuesMut::U8(outputs) = outputs else {
            return Ok(());
        };
        let at = |values: ValuesRef<'_>, index: usize| i64::from(values.at(index));
        for (c, y) in outputs.iter_mut().enumerate() {
            let of = |index: usize| (at(prediction, index), at(target, index));
            *y = u8::from(deviates(
                &self.layer,
                self.operation,
                c,
                prediction.len(),
                of,
            ));
            watch.worked(4 * prediction.len() as u64)?;
        }
        Ok(())
    }
}
