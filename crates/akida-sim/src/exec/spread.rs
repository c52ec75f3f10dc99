//! Batches spread over threads, and single inputs shared among them.

use super::batch::Job;
use crate::plan::Plan;
use crate::run::ValuesRef;
use crate::threads::{Crew, kept_team};
use std::sync::{Mutex, PoisonError};

impl Plan {
    /// Runs samples on several threads: each some of them, or all threads on one after the other where there are fewer.
    pub(super) fn spread<T: Send>(
        &self,
        inputs: ValuesRef<'_>,
        outputs: &mut [T],
        threads: usize,
        job: &Job<'_, T>,
    ) {
        let kept = if threads > 1 { kept_team() } else { None };
        let Some(mut kept) = kept else {
            self.with_scratch(|scratch| {
                self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
            });
            return;
        };
        let team = kept.team(threads);
        // The system may have granted fewer.
        let threads = threads.min(team.threads());
        let mut crew = Crew::of(team, threads);
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        // Threads share those inputs that would leave some of them without one.
        let shared = if samples < 4 * threads {
            samples % threads
        } else {
            0
        };
        let spread = samples - shared;
        let shared_inputs = inputs.slice(spread * sample..inputs.len());
        let inputs = inputs.slice(0..spread * sample);
        let (outputs, shared_outputs) = outputs.split_at_mut(spread * size);
        if spread > 0 {
            // Several parts per thread even out samples that take longer than others.
            let part = spread.div_ceil(threads * 4);
            let parts = inputs.chunks(part * sample);
            let parts = Mutex::new(parts.zip(outputs.chunks_mut(part * size)));
            let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            crew.each(0..threads.min(spread), |_| {
                self.with_scratch(|scratch| {
                    while let Some((inputs, outputs)) = next() {
                        self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
                    }
                });
            });
        }
        if shared > 0 {
            self.with_scratch(|scratch| {
                scratch.share(threads);
                let parts = shared_inputs.chunks(sample);
                for (input, output) in parts.zip(shared_outputs.chunks_mut(size)) {
                    self.sequence(scratch, &mut crew, input, output, job);
                }
            });
        }
    }
}
