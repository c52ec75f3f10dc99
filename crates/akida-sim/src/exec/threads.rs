//! Batches spread over threads.

use super::{Plan, Scratch};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, Mutex};

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
/// One pool is kept, as making one takes longer than running a small network. It belongs to one process: threads do not
/// survive a fork, and a lock that another thread held at that moment is never given back, so locks are only tried.
fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    static KEPT: Mutex<Option<(u32, usize, Arc<ThreadPool>)>> = Mutex::new(None);
    let process = std::process::id();
    if let Ok(kept) = KEPT.try_lock()
        && let Some((p, t, pool)) = kept.as_ref()
        && (*p, *t) == (process, threads)
    {
        return Some(Arc::clone(pool));
    }
    let name = |index| format!("akida-sim-{index}");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(name)
        .build();
    let pool = Arc::new(pool.ok()?);
    let new = (process, threads, Arc::clone(&pool));
    let old = KEPT.try_lock().ok().and_then(|mut kept| kept.replace(new));
    if let Some((p, _, old)) = old
        && p != process
    {
        // The threads of another process cannot be ended from here.
        std::mem::forget(old);
    }
    Some(pool)
}
