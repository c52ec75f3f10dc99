//! Batches spread over threads.

use super::{Plan, Scratch};
use rayon::prelude::*;
use rayon::{ThreadPool, Yield};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The most threads of a run: more than any host has cores.
const MAX_THREADS: usize = 1024;

/// Multiply-accumulates of a model whose single inputs are worth several threads.
const MACS_TO_SHARE: u64 = 1 << 24;

/// Does every part, on threads of the pool that the caller runs in.
pub(crate) fn side_by_side<T: Send>(parts: Vec<T>, run: impl Fn(T) + Sync) {
    parts.into_par_iter().with_max_len(1).for_each(&run);
}

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
        store: &(dyn Fn(&Scratch, usize, &mut [T]) + Sync),
    ) {
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        // Threads within one input wait for each other at every layer, which small networks would feel.
        let shared = samples == 1 && self.model().macs() >= MACS_TO_SHARE;
        let pool = if threads > 1 && (samples > 1 || shared) {
            pool(threads)
        } else {
            None
        };
        let Some(pool) = pool else {
            self.with_scratch(|scratch| self.sequence(scratch, inputs, outputs, store));
            return;
        };
        if shared {
            self.share(&pool, inputs, outputs, threads, store);
            return;
        }
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

    /// Runs samples one after the other, all threads on each.
    fn share<T: Send>(
        &self,
        pool: &ThreadPool,
        inputs: &[u8],
        outputs: &mut [T],
        threads: usize,
        store: &(dyn Fn(&Scratch, usize, &mut [T]) + Sync),
    ) {
        let outputs = Mutex::new(Some(outputs));
        let done = AtomicBool::new(false);
        pool.broadcast(|thread| {
            if thread.index() != 0 {
                // Looking for parts of layers without going to sleep: waking up takes longer than many a layer.
                let mut idle = 0u32;
                while !done.load(Ordering::Acquire) {
                    if rayon::yield_now() == Some(Yield::Executed) {
                        idle = 0;
                    } else if idle < 1000 {
                        idle += 1;
                        std::hint::spin_loop();
                    } else {
                        std::thread::yield_now();
                    }
                }
                return;
            }
            let _done = SetOnDrop(&done);
            let outputs = outputs.lock().ok().and_then(|mut outputs| outputs.take());
            self.with_scratch(|scratch| {
                scratch.share(threads);
                self.sequence(scratch, inputs, outputs.unwrap_or_default(), store);
                scratch.share(1);
            });
        });
    }
}

/// Tells the other threads that there is no more to do, even when this one panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
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
