//! The threads of a run: how many there are, and which thread does which part of a job. `docs/engine.md` defines the words.

#[cfg(feature = "threads")]
mod cores;
mod crew;
#[cfg(feature = "threads")]
mod kept;
#[cfg(feature = "threads")]
mod team;

#[cfg(all(test, feature = "threads"))]
pub(crate) use cores::CORES;
#[cfg(feature = "threads")]
pub(crate) use cores::threads;
pub(crate) use crew::{Crew, PARTS_PER_THREAD};
#[cfg(feature = "threads")]
pub(crate) use kept::kept_team;
