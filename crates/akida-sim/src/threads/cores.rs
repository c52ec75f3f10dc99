use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads of a run: no more than there are cores. More threads would wait for their turn on a core.
pub(crate) fn threads(asked: usize) -> usize {
    match asked {
        0 => cores(),
        asked => asked.min(cores()),
    }
}

/// The cores that this process may use, or 0 as long as nobody has asked. The question takes longer than a small network.
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
