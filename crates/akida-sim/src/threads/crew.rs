#[cfg(feature = "threads")]
use super::team::Team;
#[cfg(feature = "threads")]
use alloc::vec::Vec;
use core::marker::PhantomData;

/// Parts per thread of a layer that is large enough: a thread that other programs delay then does fewer of them.
pub(crate) const PARTS_PER_THREAD: usize = 2;

/// The threads that work on one input: the calling one, and perhaps others of a team.
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

    /// So many threads, the calling one among them.
    #[cfg(feature = "threads")]
    pub(crate) fn of(team: &'a mut Team, threads: usize) -> Self {
        Self {
            team: Some(team),
            threads,
            lifetime: PhantomData,
        }
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Whether no more threads than these would work on more parts.
    pub(crate) fn is_whole(&self) -> bool {
        #[cfg(feature = "threads")]
        return self
            .team
            .as_ref()
            .is_none_or(|team| team.threads() == self.threads);
        #[cfg(not(feature = "threads"))]
        true
    }

    /// Does `run` on every part, side by side.
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
