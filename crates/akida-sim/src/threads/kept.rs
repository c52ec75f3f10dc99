use super::team::Team;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// The team of a process; threads do not survive a fork.
pub(crate) struct Kept {
    process: u32,
    team: Option<Team>,
}

impl Kept {
    /// The team, of enough threads to have so many with the calling one, if the system grants them.
    pub(crate) fn team(&mut self, threads: usize) -> &mut Team {
        let process = std::process::id();
        if self.process != process {
            // What the parent's threads left behind is nobody's.
            std::mem::forget(self.team.take());
            self.process = process;
        }
        let team = self.team.get_or_insert_with(Team::new);
        team.grow(threads - 1);
        team
    }
}

/// The team, unless another thread uses it: then this one works alone. In a forked child this is for ever so when it was
/// used at the moment of the fork.
pub(crate) fn kept_team() -> Option<MutexGuard<'static, Kept>> {
    static KEPT: Mutex<Kept> = Mutex::new(Kept {
        process: 0,
        team: None,
    });
    match KEPT.try_lock() {
        Ok(kept) => Some(kept),
        // A panic of a part is passed on after all parts are done.
        Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
