//! Batches spread over threads, and single inputs shared among them.

use super::crew::Crew;
use super::team::Team;
use super::{Job, Plan};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// The threads of a run: no more than there are cores, on which others would wait for their turn.
pub(super) fn threads(asked: usize) -> usize {
    match asked {
        0 => cores(),
        asked => asked.min(cores()),
    }
}

/// The cores that this process may use, or 0 as long as nobody has asked: the question takes longer than a small network.
pub(super) static CORES: AtomicUsize = AtomicUsize::new(0);

fn cores() -> usize {
    match CORES.load(Ordering::Relaxed) {
        0 => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            CORES.store(cores, Ordering::Relaxed);
            cores
        }
        cores => cores,
    }
}

impl Plan {
    /// Runs samples on several threads: each some of them, or all threads on one after the other where there are fewer.
    pub(super) fn spread<T: Send>(
        &self,
        inputs: &[u8],
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
        let (inputs, shared_inputs) = inputs.split_at(spread * sample);
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

/// The team of a process; threads do not survive a fork.
struct Kept {
    process: u32,
    team: Option<Team>,
}

impl Kept {
    /// The team, of enough threads to have so many with the calling one, if the system grants them.
    fn team(&mut self, threads: usize) -> &mut Team {
        let process = std::process::id();
        if self.process != process {
            // What the parent's threads left behind is nobody's.
            std::mem::forget(self.team.take());
            self.process = process;
        }
        let team = self.team.get_or_insert_with(Team::new);
        team.grow(threads - 1);
        team
    }
}

/// The team, unless another thread uses it: then this one works alone. In a forked child this is for ever so when it was
/// used at the moment of the fork.
fn kept_team() -> Option<MutexGuard<'static, Kept>> {
    static KEPT: Mutex<Kept> = Mutex::new(Kept {
        process: 0,
        team: None,
    });
    match KEPT.try_lock() {
        Ok(kept) => Some(kept),
        // A panic of a part is passed on after all parts are done.
        Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
