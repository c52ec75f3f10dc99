//! How threads divide a batch: each runs some images, and all share leftover images. `docs/engine.md` defines the words.

use super::batch::Job;
use crate::memory::OutOfMemory;
use crate::plan::Plan;
use crate::run::Inputs;
use crate::threads::{Crew, kept_team};
use std::sync::{Mutex, PoisonError};

impl Plan {
    /// Runs samples on several threads. Each thread runs some samples, and all threads share each leftover sample.
    pub(super) fn spread<T: Send>(
        &self,
        inputs: Inputs<'_>,
        outputs: &mut [T],
        threads: usize,
        job: &Job<'_, T>,
    ) -> Result<(), OutOfMemory> {
        let kept = if threads > 1 { kept_team() } else { None };
        let Some(mut kept) = kept else {
            return self.with_scratch(|scratch| {
                self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
            });
        };
        let team = kept.team(threads);
        // The system may have granted fewer threads.
        let threads = threads.min(team.threads());
        let mut crew = Crew::of(team, threads);
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
            let run = || {
                self.with_scratch(|scratch| {
                    while let Some((inputs, outputs)) = next() {
                        self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
                    }
                })
            };
            crew.each(0..threads.min(spread), |_| {
                // A thread without memory leaves its parts to the other threads.
                let _ = run();
            });
            let left = parts.lock().unwrap_or_else(PoisonError::into_inner).len();
            if left > 0 {
                // No thread had memory.
                run()?;
            }
        }
        if leftover > 0 {
            self.with_scratch(|scratch| {
                scratch.share(threads);
                let samples = leftover_inputs.chunks(sample);
                for (input, output) in samples.zip(leftover_outputs.chunks_mut(size)) {
                    self.sequence(scratch, &mut crew, input, output, job);
                }
            })?;
        }
        Ok(())
    }
}
