//! The way into every call that can take long.

use akida_sim::RunError;
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// The least time between two looks for signals. A look waits for the thread that runs Python code.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(20);
/// The time between two looks at a lock that another thread holds.
const LOCK_INTERVAL: Duration = Duration::from_micros(200);

/// Runs `work` with the interpreter released, so that other Python threads go on.
///
/// `work` receives a question, and asks it now and then on its own thread. The answer is true once a signal handler of
/// Python has raised an exception (Ctrl-C). `work` should then return soon. Its result is dropped, and the exception is
/// raised.
pub(crate) fn enter<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send,
) -> PyResult<T> {
    let (result, raised) = py.detach(|| {
        let raised = RefCell::new(None);
        let asked = Cell::new(Instant::now());
        let interrupted = || {
            if asked.get().elapsed() < SIGNAL_INTERVAL {
                return false;
            }
            let answer = Python::attach(|py| py.check_signals());
            asked.set(Instant::now());
            match answer {
                Ok(()) => false,
                Err(error) => {
                    raised.replace(Some(error));
                    true
                }
            }
        };
        let result = work(&interrupted);
        (result, raised.into_inner())
    });
    match raised {
        Some(error) => Err(error),
        None => Ok(result),
    }
}

/// Locks `mutex`. While another thread holds it, `interrupted` is asked.
///
/// # Errors
///
/// The answer was true.
pub(crate) fn lock<'a, T>(
    mutex: &'a Mutex<T>,
    interrupted: &dyn Fn() -> bool,
) -> Result<MutexGuard<'a, T>, RunError> {
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Ok(guard),
            // A run that panics leaves streams that can be run.
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if interrupted() => return Err(RunError::Interrupted),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_INTERVAL),
        }
    }
}
