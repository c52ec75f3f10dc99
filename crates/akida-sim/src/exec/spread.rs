//! How threads divide a batch: each runs some images, and all share leftover images. `docs/engine.md` defines the words.

use super::batch::Job;
use crate::interrupt::Watch;
use crate::plan::Plan;
use crate::run::{Inputs, RunError};
use crate::threads::{Crew, kept_team};
use std::sync::{Mutex, PoisonError};

impl Plan {
    /// Runs samples on several threads. Each thread runs some samples, and all threads share each leftover sample.
    pub(super) fn spread<T: Send>(
        &self,
        inputs: Inputs<'_>,
        outputs: &mut [T],
        threads: usize,
        watch: Watch<'_>,
        job: &Job<'_, T>,
    ) -> Result<(), RunError> {
        let kept = if threads > 1 { kept_team() } else { None };
        let Some(mut kept) = kept else {
            self.with_scratch(|scratch| {
                self.sequence(scratch, &mut Crew::alone(watch), inputs, outputs, job)
            })??;
            return Ok(());
        };
        let team = kept.team(threads);
        // The system may have granted fewer threads.
        let threads = threads.min(team.threads());
        let mut crew = Crew::of(team, threads, watch);
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        // With many samples per thread, leftover samples cost less than threads that meet at every layer.
        let leftover = if samples < 4 * threads {
            samples % threads
        } else {
            0
        };
        let spread = samples - leftover;
        let leftover_inputs = inputs.slice(spread * sample..inputs.len());
        let inputs = inputs.slice(0..spread * sample);
        let (outputs, leftover_outputs) = outputs.split_at_mut(spread * size);
        if spread > 0 {
            // Four parts per thread: a thread that other programs delay then does fewer parts.
            let part = spread.div_ceil(threads * 4);
            let parts = inputs.chunks(part * sample);
            let parts = Mutex::new(parts.zip(outputs.chunks_mut(part * size)));
            let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            let run = |watch: &mut Watch<'_>| {
                self.with_scratch(|scratch| {
                    let mut alone = Crew::alone(*watch);
                    while let Some((inputs, outputs)) = next() {
                        self.sequence(scratch, &mut alone, inputs, outputs, job)?;
                    }
                    Ok(())
                })
            };
            crew.each(0..threads.min(spread), |_, watch| {
                // A thread without memory leaves its parts to the other threads.
                run(watch).unwrap_or(Ok(()))
            })?;
            let left = parts.lock().unwrap_or_else(PoisonError::into_inner).len();
            if left > 0 {
                // No thread had memory.
                run(&mut crew.watch)??;
            }
        }
        if leftover > 0 {
            self.with_scratch(|scratch| {
                scratch.share(threads);
                let samples = leftover_inputs.chunks(sample);
                let mut samples = samples.zip(leftover_outputs.chunks_mut(size));
                samples.try_for_each(|(input, output)| {
                    self.sequence(scratch, &mut crew, input, output, job)
                })
            })??;
        }
        Ok(())
    }
}
