//! The way into every call that can take long.

use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The least time between two looks for signals. A look waits for the thread that runs Python code.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(20);

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
