//! The threads of one run. `docs/engine.md` defines the words.

#[cfg(feature = "threads")]
use super::team::Team;
#[cfg(feature = "threads")]
use alloc::vec::Vec;
use core::marker::PhantomData;

/// How many parts per thread a large layer has. A thread that other programs delay then does fewer parts.
pub(crate) const PARTS_PER_THREAD: usize = 2;

/// A crew: the calling thread, and perhaps threads of the team.
pub(crate) struct Crew<'a> {
    #[cfg(feature = "threads")]
    team: Option<&'a mut Team>,
    threads: usize,
    lifetime: PhantomData<&'a mut ()>,
}

impl<'a> Crew<'a> {
    /// The calling thread alone.
    pub(crate) fn alone() -> Self {
        Self {
            #[cfg(feature = "threads")]
            team: None,
            threads: 1,
            lifetime: PhantomData,
        }
    }

    /// So many threads. The calling thread is one, the others are of `team`.
    #[cfg(feature = "threads")]
    pub(crate) fn of(team: &'a mut Team, threads: usize) -> Self {
        Self {
            team: Some(team),
            threads,
            lifetime: PhantomData,
        }
    }

    /// The number of threads, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Whether the crew has every thread of the team. Otherwise a surplus part would wake a thread that the run did not ask
    /// for.
    pub(crate) fn is_whole(&self) -> bool {
        #[cfg(feature = "threads")]
        return self
            .team
            .as_ref()
            .is_none_or(|team| team.threads() == self.threads);
        #[cfg(not(feature = "threads"))]
        true
    }

    /// Calls `run` for every part, side by side where there are several threads.
    pub(crate) fn each<T: Send>(
        &mut self,
        parts: impl ExactSizeIterator<Item = T>,
        run: impl Fn(&mut T) + Sync,
    ) {
        #[cfg(feature = "threads")]
        if let Some(team) = &mut self.team
            && parts.len() > 1
        {
            let mut parts: Vec<T> = parts.collect();
            return team.each(&mut parts, run);
        }
        for mut part in parts {
            run(&mut part);
        }
    }
}
