//! Scratch memory between runs. `docs/engine.md` defines the words.

use super::scratch::Scratch;
use crate::memory;
use std::sync::Mutex;
use std::vec::Vec;

/// Scratch memory that runs have left, so that later runs do not allocate any.
#[derive(Debug, Default)]
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

// The lock is tried, never waited for. A forked child may find it held by a thread that only the parent has.
impl ScratchPool {
    /// Lends scratch memory to `work`: kept memory where there is some, else what `make` gives. Afterwards it is kept.
    ///
    /// # Errors
    ///
    /// The error of `make`, which is called where no memory was kept.
    pub(super) fn lend<T, E>(
        &self,
        make: impl FnOnce() -> Result<Scratch, E>,
        work: impl FnOnce(&mut Scratch) -> T,
    ) -> Result<T, E> {
        let kept = self.0.try_lock().ok().and_then(|mut kept| kept.pop());
        let mut scratch = match kept {
            Some(scratch) => scratch,
            None => make()?,
        };
        let result = work(&mut scratch);
        if let Ok(mut kept) = self.0.try_lock() {
            // Without memory for one more, the scratch memory is given back.
            let _ = memory::push(&mut kept, scratch);
        }
        Ok(result)
    }
}
