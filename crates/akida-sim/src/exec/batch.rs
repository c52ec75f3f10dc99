//! Batches: cut into pieces, with a question to `interrupt` after each piece and inside large ones. `docs/engine.md` defines the words.

use super::counts::Total;
use super::options::RunOptions;
use crate::interrupt::{Answer, Interrupted, Watch};
use crate::memory;
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

/// The multiply-accumulates of a thread in a piece of a batch. They take some hundredths of a second at most.
const MACS_PER_BATCH: u64 = 1 << 28;

/// The values that are looked at, or written, between two questions.
const PIECE: usize = 1 << 25;

impl Plan {
    /// Runs every sample, and gives what the job has written.
    pub(super) fn batch<T: Copy + Default + Send>(
        &self,
        inputs: Inputs<'_>,
        options: &RunOptions<'_>,
        job: &Job<'_, T>,
    ) -> Result<Vec<T>, RunError> {
        let answer = Answer::default();
        let mut watch = Watch::new(options.interrupt, &answer);
        self.check_all(inputs, &mut watch)?;
        if self.model().has_state() {
            return Err(RunError::Session);
        }
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        let values = samples.checked_mul(size).ok_or(RunError::Memory)?;
        let threads = self.threads_with_memory(threads(options.threads))?;
        let mut outputs = memory::with_capacity(values)?;
        let per_thread = MACS_PER_BATCH / self.model().macs().clamp(1, MACS_PER_BATCH);
        let most = usize::try_from(per_thread)
            .unwrap_or(usize::MAX)
            .saturating_mul(threads);
        let batch = match options.batch_size {
            0 => most,
            size => size.min(most),
        }
        .clamp(1, samples.max(1));
        for inputs in inputs.chunks(batch * sample) {
            let first = outputs.len();
            // To write to memory for the first time takes time. So outputs grow with the batches, piece by piece.
            let end = first + inputs.len() / sample * size;
            while outputs.len() < end {
                let more = (end - outputs.len()).min(PIECE);
                outputs.resize(outputs.len() + more, T::default());
                watch.worked(more as u64)?;
            }
            self.spread(inputs, &mut outputs[first..], threads, watch, job)?;
            watch.ask()?;
        }
        Ok(outputs)
    }

    /// Checks inputs as [`check_inputs`] does, with questions in between.
    pub(super) fn check_all(
        &self,
        inputs: Inputs<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<(), RunError> {
        let sample = self.model().input().shape.len();
        if inputs.len() <= PIECE || !inputs.len().is_multiple_of(sample) {
            return check_inputs(self.model(), inputs);
        }
        let size = (PIECE / sample).max(1) * sample;
        for (piece, first) in inputs.chunks(size).zip((0..).step_by(size)) {
            check_inputs(self.model(), piece).map_err(|error| error.moved(first))?;
            watch.worked(piece.len() as u64)?;
        }
        Ok(())
    }

    /// Runs samples one after the other; through the tail of the model, as many at once as it takes.
    pub(super) fn sequence<T>(
        &self,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
        inputs: Inputs<'_>,
        outputs: &mut [T],
        job: &Job<'_, T>,
    ) -> Result<(), Interrupted> {
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let most = self.inputs_at_once();
        scratch.counting = job.total.is_some();
        let outcome = inputs
            .chunks(most * sample)
            .zip(outputs.chunks_mut(most * size))
            .try_for_each(|(inputs, outputs)| {
                self.run_checked(scratch, crew, inputs)?;
                (job.store)(scratch, inputs.len() / sample, outputs);
                Ok(())
            });
        scratch.counting = false;
        if let Some(total) = job.total {
            total.add(&mut scratch.counts);
        }
        outcome
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
        watch: Watch<'_>,
        job: &Job<'_, T>,
    ) -> Result<(), RunError> {
        self.with_scratch(|scratch| {
            self.sequence(scratch, &mut Crew::alone(watch), inputs, outputs, job)
        })??;
        Ok(())
    }
}
