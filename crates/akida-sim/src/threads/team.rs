//! The team: threads that do parts of a job beside the calling thread. `docs/engine.md` defines the words.
//!
//! A layer of a small network takes microseconds, and waking a thread takes longer. So threads look for parts for a while
//! before they sleep. No thread waits for a thread that has not begun: the calling thread does all parts that no other
//! thread has taken.
//!
//! This file has the only unsafe code of the crate outside of kernels. Threads borrow parts for the time of a job, and
//! outlive the job. Safe code cannot lend so.
#![allow(unsafe_code)]

use crate::interrupt::Watch;
use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread looks for what it waits for, before it lets other threads run in between.
const SPIN: Duration = Duration::from_micros(50);
/// How long a thread looks before it sleeps. To wake it takes some 50 microseconds.
const PATIENCE: Duration = Duration::from_micros(300);
/// How long the calling thread sleeps before it asks whether the run goes on.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Threads that wait for jobs.
#[derive(Debug)]
pub(crate) struct Team {
    shared: Arc<Shared>,
    /// The number of members: threads that wait for jobs. The calling thread is none.
    members: usize,
}

#[derive(Debug)]
struct Shared {
    /// How many parts no thread has taken. Their indices are 1 to this number: a thread takes the last of them by lowering the
    /// number. Part 0 is the calling thread's.
    open: OwnCacheLine<AtomicUsize>,
    /// How many parts the members have done.
    done: OwnCacheLine<AtomicUsize>,
    /// The job. It is written while no part is open and every taken part is done. Threads that have taken a part read it.
    job: UnsafeCell<Job>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Where members wait for parts.
    members: Bell,
    /// Where the calling thread waits for the end of a job.
    caller: Bell,
}

// SAFETY: `job` is the only field that is not `Sync` by itself. `Team::each` takes the team mutably, so that one thread at a
// time calls it. `Team::each` writes `job` before it raises `open` from 0, and a thread reads `job` only after it has taken a
// part from `open`. `Team::each` returns, and so can write again, only after every thread has counted its part as done.
unsafe impl Sync for Shared {}
// SAFETY: any thread may use what `job` points to: `Team::each` demands parts that are `Send` and a function that is `Sync`.
unsafe impl Send for Shared {}

/// A value in cache lines of its own. Writes of other threads to its neighbours do not slow it down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct OwnCacheLine<T>(T);

/// Parts, and what is done with each. The types are erased, so that one team serves all jobs.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// A [`Parts`].
    parts: *const (),
    /// Does the part at an index. The watch is that of the calling thread, or none on another thread.
    ///
    /// # Safety
    ///
    /// The parts are alive, and no other thread uses the part at the index.
    run: unsafe fn(*const (), usize, Option<&mut Watch<'_>>),
}

/// The parts of a job, and the function for each.
struct Parts<T, F> {
    first: *mut T,
    run: F,
}

impl<T: Send, F: Fn(&mut T, Option<&mut Watch<'_>>) + Sync> Parts<T, F> {
    /// # Safety
    ///
    /// As for [`Job::run`]. `parts` points to a value of this type.
    unsafe fn run(parts: *const (), index: usize, watch: Option<&mut Watch<'_>>) {
        // SAFETY: the parts are alive, as the caller grants.
        let parts = unsafe { &*parts.cast::<Self>() };
        // SAFETY: the index is below the number of parts, and no other thread uses its part, as the caller grants.
        (parts.run)(unsafe { &mut *parts.first.add(index) }, watch);
    }
}

impl Team {
    pub(crate) fn new() -> Self {
        let nothing = Job {
            parts: std::ptr::null(),
            run: |_, _, _| {},
        };
        let shared = Shared {
            open: OwnCacheLine::default(),
            done: OwnCacheLine::default(),
            job: UnsafeCell::new(nothing),
            panic: Mutex::default(),
            members: Bell::default(),
            caller: Bell::default(),
        };
        Self {
            shared: Arc::new(shared),
            members: 0,
        }
    }

    /// Starts threads until there are so many members, or as many as the system grants. They live as long as the process.
    pub(crate) fn grow(&mut self, members: usize) {
        while self.members < members {
            let shared = Arc::clone(&self.shared);
            let name = format!("akida-sim-{}", self.members);
            let thread = std::thread::Builder::new().name(name);
            if thread.spawn(move || shared.serve()).is_err() {
                return;
            }
            self.members += 1;
        }
    }

    /// The number of threads, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        self.members + 1
    }

    /// Calls `run` for every part: for the first on this thread, for others on the thread that takes them first.
    ///
    /// Calls on this thread receive `watch`, other calls receive none. While this thread waits, it asks with `watch` now and
    /// then. It returns after all parts are done, whatever the answer.
    ///
    /// # Panics
    ///
    /// `run` panics. The panic is passed on after all parts are done.
    pub(crate) fn each<T: Send, F: Fn(&mut T, Option<&mut Watch<'_>>) + Sync>(
        &mut self,
        parts: &mut [T],
        watch: &mut Watch<'_>,
        run: F,
    ) {
        let Some(count) = parts.len().checked_sub(1) else {
            return;
        };
        let typed = Parts {
            first: parts.as_mut_ptr(),
            run,
        };
        let job = Job {
            parts: (&raw const typed).cast(),
            run: Parts::<T, F>::run,
        };
        let shared = &*self.shared;
        shared.done.0.store(0, Ordering::Relaxed);
        // SAFETY: no part is open and no part is being done, so that no other thread reads the job.
        unsafe { *shared.job.get() = job };
        shared.open.0.store(count, Ordering::Release);
        shared.members.ring(count);
        shared.run(job, 0, Some(watch));
        let mut left = count;
        while let Some(index) = shared.take() {
            shared.run(job, index, Some(watch));
            left -= 1;
        }
        let done = || (shared.done.0.load(Ordering::Acquire) == left).then_some(());
        while shared.caller.wait_for(Some(ASK_EVERY), done).is_none() {
            // The answer reaches the other threads, and their parts end soon.
            let _ = watch.ask();
        }
        if let Some(panic) = lock(&shared.panic).take() {
            resume_unwind(panic);
        }
    }
}

impl Shared {
    /// Does parts of jobs, for ever: what a member runs.
    fn serve(&self) {
        loop {
            let Some(index) = self.members.wait_for(None, || self.take()) else {
                continue;
            };
            // SAFETY: a part is taken and not counted as done, so that no thread writes the job.
            let job = unsafe { *self.job.get() };
            self.run(job, index, None);
            self.done.0.fetch_add(1, Ordering::Release);
            self.caller.ring(1);
        }
    }

    /// Takes a part that no other thread has taken.
    fn take(&self) -> Option<usize> {
        let lower = |open: usize| open.checked_sub(1);
        let open = &self.open.0;
        open.fetch_update(Ordering::Acquire, Ordering::Relaxed, lower)
            .ok()
    }

    /// Does a part that this thread has taken.
    fn run(&self, job: Job, index: usize, watch: Option<&mut Watch<'_>>) {
        // SAFETY: parts live until `Team::each` returns, and it returns after all parts are done. Each index is taken once.
        let part = || unsafe { (job.run)(job.parts, index, watch) };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(part)) {
            *lock(&self.panic) = Some(panic);
        }
    }
}

/// A place to wait for other threads: first by looking often, then asleep.
#[derive(Debug, Default)]
struct Bell {
    asleep: OwnCacheLine<AtomicUsize>,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Waits until `ready` gives something. The thread that brings it about rings the bell afterwards.
    ///
    /// The result is `None` when the thread has slept for `most`. Without `most` it never is.
    fn wait_for<T>(&self, most: Option<Duration>, ready: impl Fn() -> Option<T>) -> Option<T> {
        let mut start = None;
        loop {
            for _ in 0..64 {
                if let Some(value) = ready() {
                    return Some(value);
                }
                std::hint::spin_loop();
            }
            let waited = start.get_or_insert_with(Instant::now).elapsed();
            if waited > PATIENCE {
                break;
            }
            if waited > SPIN {
                std::thread::yield_now();
            }
        }
        let mut guard = lock(&self.lock);
        self.asleep.0.fetch_add(1, Ordering::SeqCst);
        // With the fence of `ring`: either this thread sees what was brought about, or the ringing thread sees that one is
        // asleep.
        fence(Ordering::SeqCst);
        let value = loop {
            let value = ready();
            if value.is_some() {
                break value;
            }
            let Some(most) = most else {
                let woken = self.rung.wait(guard);
                guard = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (woken, slept) = self
                .rung
                .wait_timeout(guard, most)
                .unwrap_or_else(PoisonError::into_inner);
            guard = woken;
            if slept.timed_out() {
                break ready();
            }
        };
        self.asleep.0.fetch_sub(1, Ordering::SeqCst);
        value
    }

    /// Wakes threads that are asleep, `most` at most.
    fn ring(&self, most: usize) {
        fence(Ordering::SeqCst);
        let asleep = self.asleep.0.load(Ordering::Relaxed).min(most);
        if asleep > 0 {
            // A thread that holds the lock is about to sleep. It sleeps once the lock is free, and then hears the bell.
            drop(lock(&self.lock));
            for _ in 0..asleep {
                self.rung.notify_one();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::{Answer, Interrupted};

    #[test]
    fn every_part_is_done_once() {
        let mut team = Team::new();
        team.grow(3);
        for job in 0..3000usize {
            if job % 1000 == 999 {
                std::thread::sleep(2 * PATIENCE); // everybody sleeps
            }
            let mut parts: Vec<usize> = (0..job % 9).map(|part| job + part).collect();
            let expected: Vec<usize> = parts.iter().map(|part| 3 * part + job).collect();
            team.each(&mut parts, &mut Watch::default(), |part, _| {
                *part = 3 * *part + job;
            });
            assert_eq!(parts, expected);
        }
    }

    #[test]
    fn parts_without_a_thread_are_done_by_the_caller() {
        let mut parts = [1, 2, 3];
        Team::new().each(&mut parts, &mut Watch::default(), |part, _| *part += 1);
        assert_eq!(parts, [2, 3, 4]);
    }

    #[test]
    fn a_panic_reaches_the_caller_after_all_parts() {
        let mut team = Team::new();
        team.grow(2);
        for place in 0..4 {
            let mut parts = [0, 1, 2, 3];
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                team.each(&mut parts, &mut Watch::default(), |part, _| {
                    assert!(*part != place, "part {place}");
                    *part = 9;
                });
            }));
            assert!(outcome.is_err());
            let done = parts.iter().filter(|&&part| part == 9).count();
            assert_eq!((done, parts[place]), (3, place));
        }
        let mut parts = [0; 4];
        team.each(&mut parts, &mut Watch::default(), |part, _| *part = 1);
        assert_eq!(parts, [1; 4]);
    }

    #[test]
    fn a_caller_that_waits_asks_and_the_answer_ends_the_other_parts() {
        let mut team = Team::new();
        team.grow(1);
        let asked = std::cell::Cell::new(0);
        let question = || {
            asked.set(asked.get() + 1);
            asked.get() == 2
        };
        let answer = Answer::default();
        let mut watch = Watch::new(Some(&question), &answer);
        // The part of the other thread ends by the answer alone, and the caller has nothing to do.
        let other = std::sync::Barrier::new(2);
        team.each(&mut [(), ()], &mut watch, |(), watch| {
            other.wait();
            if watch.is_none() {
                let watch = Watch::other(Some(&answer));
                while watch.look().is_ok() {
                    std::thread::yield_now();
                }
            }
        });
        assert_eq!((watch.look(), asked.get()), (Err(Interrupted), 2));
    }
}
