//! The sum of two maps.

use crate::interrupt::{Interrupted, Watch, pieces};
use crate::memory::OutOfMemory;
use crate::model::names::{A_SHIFT, B_SHIFT};
use crate::model::{Layer, Rescale};
use crate::ops::{saturate, shift_left};
use crate::output::Rescaler;
use crate::run::{ValuesMut, ValuesRef};
use alloc::sync::Arc;

/// Adds two maps value by value.
pub(super) struct AddStep {
    /// The indices of the layers to add.
    pub(super) sources: [usize; 2],
    layer: Arc<Layer>,
    buffer_bits: u8,
    /// Whether no shifted value and no sum leaves the buffer.
    narrow: bool,
    rescaler: Rescaler,
}

/// The channels that are added at once.
const BLOCK: usize = 64;

impl AddStep {
    pub(super) fn new(
        layer: &Arc<Layer>,
        stage: Rescale,
        sources: [usize; 2],
        ranges: [(i64, i64); 2],
    ) -> Result<Self, OutOfMemory> {
        let most = |(low, high): (i64, i64), name| {
            let shifts = layer.integers(name).iter();
            let end = low.unsigned_abs().max(high.unsigned_abs()) as i64;
            let ends = shifts.map(|&shift| shift_left(end, shift));
            ends.max().unwrap_or(0)
        };
        let sum = most(ranges[0], A_SHIFT).saturating_add(most(ranges[1], B_SHIFT));
        // Maps of zeros may have longer ones.
        let mut shifts = [A_SHIFT, B_SHIFT]
            .into_iter()
            .flat_map(|name| layer.integers(name));
        let short = shifts.all(|&shift| shift < 32);
        Ok(Self {
            sources,
            layer: Arc::clone(layer),
            buffer_bits: stage.buffer_bits,
            narrow: short && sum < 1i64 << (stage.buffer_bits - 1),
            rescaler: Rescaler::new(layer, stage)?,
        })
    }

    /// The least and the largest output.
    pub(super) fn range(&self) -> (i64, i64) {
        self.rescaler.outputs
    }

    /// The bytes of all parameters.
    pub(super) fn bytes(&self) -> usize {
        self.rescaler.bytes()
    }

    pub(super) fn run(
        &self,
        maps: [ValuesRef<'_>; 2],
        outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let [a, b] = maps;
        match (a, b) {
            (ValuesRef::U8(a), ValuesRef::U8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::U8(a), ValuesRef::I8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I8(a), ValuesRef::U8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I8(a), ValuesRef::I8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::U8(a), ValuesRef::I16(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I8(a), ValuesRef::I16(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I16(a), ValuesRef::U8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I16(a), ValuesRef::I8(b)) => self.add(a, b, outputs, watch),
            (ValuesRef::I16(a), ValuesRef::I16(b)) => self.add(a, b, outputs, watch),
            // Never: no layer reads values of 32 bits but for PicoPostProcessing and Dequantizer.
            (ValuesRef::I32(_), _) | (_, ValuesRef::I32(_)) => Ok(()),
        }
    }

    fn add<A: Copy + Into<i32>, B: Copy + Into<i32>>(
        &self,
        a: &[A],
        b: &[B],
        mut outputs: ValuesMut<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Interrupted> {
        let (shifts_a, shifts_b) = (self.layer.integers(A_SHIFT), self.layer.integers(B_SHIFT));
        let channels = shifts_a.len();
        let mut sums = [0; BLOCK];
        let work = 8 + 4 * channels as u64;
        let mut positions = a.chunks_exact(channels).zip(b.chunks_exact(channels));
        for places in pieces(0..positions.len(), work) {
            for (a, b) in positions.by_ref().take(places.len()) {
                for first in (0..channels).step_by(BLOCK) {
                    let place = first..channels.min(first + BLOCK);
                    let sums = &mut sums[..place.len()];
                    let values = a[place.clone()].iter().zip(&b[place.clone()]);
                    let shifts = shifts_a[place.clone()].iter().zip(&shifts_b[place]);
                    if self.narrow {
                        for ((sum, (&a, &b)), (s, t)) in sums.iter_mut().zip(values).zip(shifts) {
                            *sum = (a.into() << s) + (b.into() << t);
                        }
                    } else {
                        let bits = self.buffer_bits;
                        let shifted = |x: i32, s| saturate(shift_left(x.into(), s), bits);
                        for ((sum, (&a, &b)), (&s, &t)) in sums.iter_mut().zip(values).zip(shifts) {
                            *sum =
                                saturate(shifted(a.into(), s) + shifted(b.into(), t), bits) as i32;
                        }
                    }
                    let mut outputs = outputs.take(sums.len());
                    self.rescaler.apply(first, sums, &mut outputs);
                }
            }
            watch.worked(places.len() as u64 * work)?;
        }
        Ok(())
    }
}
