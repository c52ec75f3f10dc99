//! The threads of one run. `docs/engine.md` defines the words.

#[cfg(feature = "threads")]
use super::team::Team;
use crate::interrupt::{Interrupted, Watch};
#[cfg(feature = "threads")]
use alloc::vec::Vec;

/// How many parts per thread a large layer has. A thread that other programs delay then does fewer parts.
pub(crate) const PARTS_PER_THREAD: usize = 2;

/// A crew: the calling thread, and perhaps threads of the team.
pub(crate) struct Crew<'a> {
    #[cfg(feature = "threads")]
    team: Option<&'a mut Team>,
    threads: usize,
    /// The watch of the calling thread.
    pub(crate) watch: Watch<'a>,
}

impl<'a> Crew<'a> {
    /// The calling thread alone.
    pub(crate) fn alone(watch: Watch<'a>) -> Self {
        Self {
            #[cfg(feature = "threads")]
            team: None,
            threads: 1,
            watch,
        }
    }

    /// So many threads. The calling thread is one, the others are of `team`.
    #[cfg(feature = "threads")]
    pub(crate) fn of(team: &'a mut Team, threads: usize, watch: Watch<'a>) -> Self {
        Self {
            team: Some(team),
            threads,
            watch,
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

    /// Calls `run` for every part, side by side where there are several threads. A call receives the watch of its thread.
    ///
    /// # Errors
    ///
    /// The run shall stop. No part is being done any more, and some parts may not be done.
    pub(crate) fn each<T: Send>(
        &mut self,
        parts: impl ExactSizeIterator<Item = T>,
        run: impl Fn(&mut T, &mut Watch<'_>) -> Result<(), Interrupted> + Sync,
    ) -> Result<(), Interrupted> {
        #[cfg(feature = "threads")]
        if let Some(team) = &mut self.team
            && parts.len() > 1
        {
            let mut parts: Vec<T> = parts.collect();
            let answer = self.watch.answer();
            team.each(&mut parts, &mut self.watch, |part, watch| {
                // The answer to stop is kept, and is looked for when all parts are done.
                let _ = match watch {
                    Some(watch) => watch.look().and_then(|()| run(part, watch)),
                    None => {
                        let mut watch = Watch::other(answer);
                        watch.look().and_then(|()| run(part, &mut watch))
                    }
                };
            });
            return self.watch.look();
        }
        for mut part in parts {
            run(&mut part, &mut self.watch)?;
        }
        Ok(())
    }
}
