//! Threads that do parts of a job beside the thread that has it.
//!
//! A layer of a small network takes microseconds, so that threads look for parts for a while before they sleep, and no thread
//! waits for one that has not begun: parts that no other has taken, the thread that has the job does itself.
//!
//! This is the only unsafe code outside of kernels: parts are borrowed for the time of a job by threads that outlive it.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread looks for work, or for the end of others' work, before it lets others run in between.
const SPIN: Duration = Duration::from_micros(50);
/// How long it does so before it sleeps. Waking it takes some 50 microseconds.
const PATIENCE: Duration = Duration::from_micros(300);

/// Threads that wait for jobs, and the one that is being done.
#[derive(Debug)]
pub(crate) struct Team {
    shared: Arc<Shared>,
    members: usize,
}

#[derive(Debug)]
struct Shared {
    /// Parts of the job that no thread has taken: those whose indices are up to this, without 0. Lowering it takes one.
    open: Line<AtomicUsize>,
    /// Parts that members have done.
    done: Line<AtomicUsize>,
    /// Written while no part is open and all taken ones are done; read by those who have taken a part.
    job: UnsafeCell<Job>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Where members sleep.
    members: Bell,
    /// Where the thread sleeps that has the job.
    caller: Bell,
}

// SAFETY: `job` is the only field that is not shared by itself. `Team::each` is called by one thread at a time, as it takes
// the team mutably; it writes `job` before `open` is raised from 0, which whoever takes a part has seen, and does not return,
// let alone write again, before each of those has counted its part as done.
unsafe impl Sync for Shared {}
// SAFETY: what `job` points to may be used by any thread, as `Team::each` demands.
unsafe impl Send for Shared {}

/// A value with cache lines of its own, which other threads' writes to its neighbours do not take away.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

/// Parts and what is to be done with each, their types forgotten.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// A [`Parts`].
    parts: *const (),
    /// Does the part of an index.
    ///
    /// # Safety
    ///
    /// The parts must live, and the index be taken by nobody else.
    run: unsafe fn(*const (), usize),
}

struct Parts<T, F> {
    first: *mut T,
    run: F,
}

impl<T: Send, F: Fn(&mut T) + Sync> Parts<T, F> {
    /// # Safety
    ///
    /// As for [`Job::run`]; `parts` is of this type.
    unsafe fn run(parts: *const (), index: usize) {
        // SAFETY: the parts live, as the caller grants.
        let parts = unsafe { &*parts.cast::<Self>() };
        // SAFETY: an index below the number of parts, which nobody else uses, as the caller grants.
        (parts.run)(unsafe { &mut *parts.first.add(index) });
    }
}

impl Team {
    pub(crate) fn new() -> Self {
        let nothing = Job {
            parts: std::ptr::null(),
            run: |_, _| {},
        };
        let shared = Shared {
            open: Line::default(),
            done: Line::default(),
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

    /// Lets so many threads wait for jobs, or as many as the system grants. They live as long as the process.
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

    /// How many threads there are with the calling one.
    pub(crate) fn threads(&self) -> usize {
        self.members + 1
    }

    /// Does `run` on every part: the first on this thread, the others on whichever takes them.
    ///
    /// # Panics
    ///
    /// When `run` panics, after all parts are done.
    pub(crate) fn each<T: Send, F: Fn(&mut T) + Sync>(&mut self, parts: &mut [T], run: F) {
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
        // SAFETY: no part is open and none being done, so that no other thread reads this.
        unsafe { *shared.job.get() = job };
        shared.open.0.store(count, Ordering::Release);
        shared.members.ring(count);
        shared.run(job, 0);
        let mut left = count;
        while let Some(index) = shared.take() {
            shared.run(job, index);
            left -= 1;
        }
        shared
            .caller
            .wait(|| (shared.done.0.load(Ordering::Acquire) == left).then_some(()));
        if let Some(panic) = lock(&shared.panic).take() {
            resume_unwind(panic);
        }
    }
}

impl Shared {
    /// Does parts of jobs for ever.
    fn serve(&self) {
        loop {
            let index = self.members.wait(|| self.take());
            // SAFETY: a part is taken and not done, so that nobody writes this.
            let job = unsafe { *self.job.get() };
            self.run(job, index);
            self.done.0.fetch_add(1, Ordering::Release);
            self.caller.ring(1);
        }
    }

    /// An index of the job that no other thread has.
    fn take(&self) -> Option<usize> {
        let lower = |open: usize| open.checked_sub(1);
        let open = &self.open.0;
        open.fetch_update(Ordering::Acquire, Ordering::Relaxed, lower)
            .ok()
    }

    /// Does a part that this thread has taken.
    fn run(&self, job: Job, index: usize) {
        // SAFETY: `Team::each` returns no sooner than all parts are done, until when they live; each index is taken once.
        let part = || unsafe { (job.run)(job.parts, index) };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(part)) {
            *lock(&self.panic) = Some(panic);
        }
    }
}

/// Waiting for what other threads do: by looking often, then by sleeping.
#[derive(Debug, Default)]
struct Bell {
    asleep: Line<AtomicUsize>,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Waits until `ready` gives something, which some thread brings about that rings afterwards.
    fn wait<T>(&self, ready: impl Fn() -> Option<T>) -> T {
        let mut start = None;
        loop {
            for _ in 0..64 {
                if let Some(value) = ready() {
                    return value;
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
        // Either this thread sees what has been brought about, or the other that somebody is asleep.
        fence(Ordering::SeqCst);
        let value = loop {
            if let Some(value) = ready() {
                break value;
            }
            guard = self
                .rung
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        };
        self.asleep.0.fetch_sub(1, Ordering::SeqCst);
        value
    }

    /// Wakes so many threads.
    fn ring(&self, most: usize) {
        fence(Ordering::SeqCst);
        let asleep = self.asleep.0.load(Ordering::Relaxed).min(most);
        if asleep > 0 {
            // Who is about to sleep has seen what was brought about, or sleeps once this is free.
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
            team.each(&mut parts, |part| *part = 3 * *part + job);
            assert_eq!(parts, expected);
        }
    }

    #[test]
    fn parts_without_a_thread_are_done_by_the_caller() {
        let mut parts = [1, 2, 3];
        Team::new().each(&mut parts, |part| *part += 1);
        assert_eq!(parts, [2, 3, 4]);
    }

    #[test]
    fn a_panic_reaches_the_caller_after_all_parts() {
        let mut team = Team::new();
        team.grow(2);
        for place in 0..4 {
            let mut parts = [0, 1, 2, 3];
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                team.each(&mut parts, |part| {
                    assert!(*part != place, "part {place}");
                    *part = 9;
                });
            }));
            assert!(outcome.is_err());
            let done = parts.iter().filter(|&&part| part == 9).count();
            assert_eq!((done, parts[place]), (3, place));
        }
        let mut parts = [0; 4];
        team.each(&mut parts, |part| *part = 1);
        assert_eq!(parts, [1; 4]);
    }
}
