//! An allocator that refuses one request for memory: the n-th large one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// The bytes from which on a request is large. Smaller requests are granted.
static LARGE: AtomicUsize = AtomicUsize::new(0);
/// The large requests that are granted before one is refused; `usize::MAX` refuses none.
static GRANTED: AtomicUsize = AtomicUsize::new(usize::MAX);
/// The large requests of all threads since [`refuse`] was called.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which refuses a request now and then.
pub(crate) struct Refusing;

/// Whether a request is refused.
fn is_refused(bytes: usize) -> bool {
    GRANTED.load(SeqCst) != usize::MAX
        && bytes >= LARGE.load(SeqCst)
        && REQUESTS.fetch_add(1, SeqCst) == GRANTED.load(SeqCst)
}

// SAFETY: every call is passed on unchanged, or answered by null.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size > layout.size() && is_refused(new_size) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Calls `work` again and again: with the first large request refused, with the second, and so on, until none is left to
/// refuse. Requests of at least `large` bytes are large. Gives what each call gave, the last one without a refusal.
pub(crate) fn refuse<T>(large: usize, work: impl Fn() -> T) -> Vec<T> {
    LARGE.store(large, SeqCst);
    let mut results = Vec::new();
    loop {
        REQUESTS.store(0, SeqCst);
        GRANTED.store(results.len(), SeqCst);
        let result = work();
        GRANTED.store(usize::MAX, SeqCst);
        let refused = REQUESTS.load(SeqCst) > results.len();
        results.push(result);
        if !refused {
            return results;
        }
    }
}
