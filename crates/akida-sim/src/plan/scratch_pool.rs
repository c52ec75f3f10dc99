//! Scratch memory between runs. `docs/engine.md` defines the words.

use super::scratch::Scratch;
use std::sync::Mutex;
use std::vec::Vec;

/// Scratch memory that runs have left, so that later runs do not allocate any.
#[derive(Debug, Default)]
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

// The lock is tried, never waited for. A forked child may find it held by a thread that only the parent has.
impl ScratchPool {
    /// Lends scratch memory to `work`: kept memory where there is some, else what `make` gives. Afterwards it is kept.
    pub(super) fn lend(&self, make: impl FnOnce() -> Scratch, work: impl FnOnce(&mut Scratch)) {
        let kept = self.0.try_lock().ok().and_then(|mut kept| kept.pop());
        let mut scratch = kept.unwrap_or_else(make);
        work(&mut scratch);
        if let Ok(mut kept) = self.0.try_lock() {
            kept.push(scratch);
        }
    }
}
