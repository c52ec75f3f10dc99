//! A count of what is asked of layers, and of the inbounds handed out: tests see how much of a model a function reads.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts so many questions or inbounds.
pub(super) fn add(count: usize) {
    STEPS.with(|steps| steps.set(steps.get() + count as u64));
}

/// How much a function asks of layers.
pub(crate) fn of<T>(function: impl FnOnce() -> T) -> u64 {
    let before = STEPS.with(Cell::get);
    function();
    STEPS.with(Cell::get) - before
}
