//! Batches spread over threads.

use super::{Plan, Scratch};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// The most threads of a run: more than any host has cores.
const MAX_THREADS: usize = 1024;

pub(super) fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
    .min(MAX_THREADS)
}

impl Plan {
    /// Runs samples spread over threads, each with its own scratch memory.
    pub(super) fn spread<T: Send>(
        &self,
        inputs: &[u8],
        outputs: &mut [T],
        threads: usize,
        store: &(dyn Fn(&Scratch, &mut [T]) + Sync),
    ) {
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        let pool = if threads > 1 && samples > 1 {
            pool(threads)
        } else {
            None
        };
        let Some(pool) = pool else {
            self.with_scratch(|scratch| self.sequence(scratch, inputs, outputs, store));
            return;
        };
        // Several parts per thread even out samples that take longer than others.
        let part = samples.div_ceil(threads * 4);
        pool.install(|| {
            let parts = inputs.par_chunks(part * sample);
            parts
                .zip(outputs.par_chunks_mut(part * size))
                .for_each(|(inputs, outputs)| {
                    self.with_scratch(|scratch| self.sequence(scratch, inputs, outputs, store));
                });
        });
    }
}

/// The pool of so many threads; `None` when the system grants none, and the calling thread does the work.
///
/// Pools are kept, as making one takes longer than running a small network, and belong to one process: threads do
/// not survive a fork.
fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    static POOLS: Mutex<Vec<(u32, usize, Arc<ThreadPool>)>> = Mutex::new(Vec::new());
    let process = std::process::id();
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let found = pools
        .iter()
        .find(|(p, t, _)| (*p, *t) == (process, threads));
    if let Some((_, _, pool)) = found {
        return Some(Arc::clone(pool));
    }
    let name = |index| format!("akida-sim-{index}");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(name)
        .build();
    let pool = Arc::new(pool.ok()?);
    pools.push((process, threads, Arc::clone(&pool)));
    Some(pool)
}
