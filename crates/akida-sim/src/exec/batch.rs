//! Batches: cut into pieces, with a question to `interrupt` after each piece. `docs/engine.md` defines the words.

use super::counts::Total;
use super::options::RunOptions;
use crate::memory;
#[cfg(not(feature = "threads"))]
use crate::memory::OutOfMemory;
use crate::plan::{Plan, Scratch};
use crate::run::{Inputs, RunError, check_inputs};
use crate::threads::Crew;
#[cfg(feature = "threads")]
use crate::threads::threads;
use alloc::vec::Vec;

/// What becomes of every sample of a batch.
pub(super) struct Job<'a, T> {
    /// Writes what becomes of the outputs of so many samples. The scratch memory holds their outputs.
    pub(super) store: &'a (dyn Fn(&Scratch, usize, &mut [T]) + Sync),
    /// Where values that are not zero are counted; `None` where nothing is counted.
    pub(super) total: Option<&'a Total>,
}

/// The multiply-accumulates of a thread between two questions to `interrupt`. They take some hundredths of a second.
const MACS_PER_BATCH: u64 = 1 << 28;

impl Plan {
    /// Runs every sample, and gives what the job has written.
    pub(super) fn batch<T: Copy + Default + Send>(
        &self,
        inputs: Inputs<'_>,
        options: &RunOptions<'_>,
        job: &Job<'_, T>,
    ) -> Result<Vec<T>, RunError> {
        check_inputs(self.model(), inputs)?;
        if self.model().has_state() {
            return Err(RunError::Session);
        }
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        let values = samples.checked_mul(size).ok_or(RunError::Memory)?;
        let threads = self.threads_with_memory(threads(options.threads))?;
        let mut outputs = memory::filled(T::default(), values)?;
        let per_thread = MACS_PER_BATCH / self.model().macs().clamp(1, MACS_PER_BATCH);
        let most = usize::try_from(per_thread)
            .unwrap_or(usize::MAX)
            .saturating_mul(threads);
        let batch = match options.batch_size {
            0 => most,
            size => size.min(most),
        }
        .clamp(1, samples.max(1));
        let batches = inputs
            .chunks(batch * sample)
            .zip(outputs.chunks_mut(batch * size));
        for (inputs, outputs) in batches {
            self.spread(inputs, outputs, threads, job)?;
            if options.interrupt.is_some_and(|interrupt| interrupt()) {
                return Err(RunError::Interrupted);
            }
        }
        Ok(outputs)
    }

    /// Runs samples one after the other; through the tail of the model, as many at once as it takes.
    pub(super) fn sequence<T>(
        &self,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
        inputs: Inputs<'_>,
        outputs: &mut [T],
        job: &Job<'_, T>,
    ) {
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let most = self.inputs_at_once();
        scratch.counting = job.total.is_some();
        for (inputs, outputs) in inputs
            .chunks(most * sample)
            .zip(outputs.chunks_mut(most * size))
        {
            self.run_checked(scratch, crew, inputs);
            (job.store)(scratch, inputs.len() / sample, outputs);
        }
        scratch.counting = false;
        if let Some(total) = job.total {
            total.add(&mut scratch.counts);
        }
    }
}

#[cfg(not(feature = "threads"))]
fn threads(_asked: usize) -> usize {
    1
}

#[cfg(not(feature = "threads"))]
impl Plan {
    fn spread<T>(
        &self,
        inputs: Inputs<'_>,
        outputs: &mut [T],
        _threads: usize,
        job: &Job<'_, T>,
    ) -> Result<(), OutOfMemory> {
        self.with_scratch(|scratch| {
            self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
        })
    }
}
