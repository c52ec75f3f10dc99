//! How many threads a run has at most. `docs/engine.md` defines the words.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of threads of a run that asks for `asked`: at most one per core. More threads would wait for a core.
pub(crate) fn threads(asked: usize) -> usize {
    match asked {
        0 => cores(),
        asked => asked.min(cores()),
    }
}

/// The number of cores that this process may use; 0 until the first run. To ask the system takes longer than a small
/// network.
pub(crate) static CORES: AtomicUsize = AtomicUsize::new(0);

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
