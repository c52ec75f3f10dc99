use super::{Plan, Scratch};
use std::sync::Mutex;

/// Scratch memory kept between runs, so that calls do not allocate it anew.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

// Locks are only tried: in a forked child, one that another thread of the parent held is never given back.
impl ScratchPool {
    fn take(&self) -> Option<Scratch> {
        self.0.try_lock().ok()?.pop()
    }

    fn give(&self, scratch: Scratch) {
        if let Ok(mut kept) = self.0.try_lock() {
            kept.push(scratch);
        }
    }
}

impl Plan {
    pub(super) fn with_scratch(&self, work: impl FnOnce(&mut Scratch)) {
        let mut scratch = self.scratch_pool.take().unwrap_or_else(|| self.scratch());
        work(&mut scratch);
        self.scratch_pool.give(scratch);
    }
}
