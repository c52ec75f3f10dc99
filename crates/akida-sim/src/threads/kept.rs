//! The team of the process, kept between runs. `docs/engine.md` defines the words.

use super::team::Team;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// The team, and the process that it belongs to. A forked child has none of its parent's threads.
pub(crate) struct Kept {
    process: u32,
    team: Option<Team>,
}

impl Kept {
    /// The team, with enough threads for a crew of `threads`, or as many as the system grants.
    pub(crate) fn team(&mut self, threads: usize) -> &mut Team {
        let process = std::process::id();
        if self.process != process {
            // The parent's threads are not here, and may have left locks held. So nothing of their team is touched.
            std::mem::forget(self.team.take());
            self.process = process;
        }
        let team = self.team.get_or_insert_with(Team::new);
        team.grow(threads - 1);
        team
    }
}

/// The team; `None` while another run uses it. In a child that was forked during a run, that is for ever so.
pub(crate) fn kept_team() -> Option<MutexGuard<'static, Kept>> {
    static KEPT: Mutex<Kept> = Mutex::new(Kept {
        process: 0,
        team: None,
    });
    match KEPT.try_lock() {
        Ok(kept) => Some(kept),
        // The team is still good: a panic of a part is passed on only after all parts are done.
        Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
