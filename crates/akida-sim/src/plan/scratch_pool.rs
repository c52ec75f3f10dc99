use super::scratch::Scratch;
use std::sync::Mutex;
use std::vec::Vec;

/// Scratch memory kept between runs, so that calls do not allocate it anew.
#[derive(Debug, Default)]
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

// Locks are only tried: in a forked child, a lock that another thread of the parent held is never given back.
impl ScratchPool {
    /// Lends memory that was kept, or else made anew, and keeps it afterwards.
    pub(super) fn lend(&self, make: impl FnOnce() -> Scratch, work: impl FnOnce(&mut Scratch)) {
        let kept = self.0.try_lock().ok().and_then(|mut kept| kept.pop());
        let mut scratch = kept.unwrap_or_else(make);
        work(&mut scratch);
        if let Ok(mut kept) = self.0.try_lock() {
            kept.push(scratch);
        }
    }
}
