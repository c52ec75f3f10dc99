//! Memory that may be refused: every allocation whose size depends on a model, a file, an input or the number of threads.

use alloc::alloc::handle_alloc_error;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;

/// The system does not grant some memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The bytes that were asked for at once.
    pub bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the memory at hand does not suffice for {} bytes more",
            self.bytes
        )
    }
}

impl core::error::Error for OutOfMemory {}

impl OutOfMemory {
    fn of<T>(count: usize) -> Self {
        Self {
            bytes: count.saturating_mul(size_of::<T>()),
        }
    }
}

/// Asks whether `bytes` bytes are at hand, before memory is taken piece by piece, or by a library that cannot give an error.
///
/// The bytes are given back at once, so that another thread may take them first.
///
/// # Errors
///
/// The memory does not suffice.
pub fn ask(bytes: usize) -> Result<(), OutOfMemory> {
    with_capacity::<u8>(bytes).map(drop)
}

/// An empty vector with room for `capacity` values.
///
/// # Errors
///
/// The memory does not suffice.
pub fn with_capacity<T>(capacity: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(capacity) {
        Ok(()) => Ok(vector),
        Err(_) => Err(OutOfMemory::of::<T>(capacity)),
    }
}

/// `count` times the same value.
///
/// # Errors
///
/// The memory does not suffice.
pub fn filled<T: Clone>(value: T, count: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = with_capacity(count)?;
    vector.resize(count, value);
    Ok(vector)
}

/// A copy of values.
///
/// # Errors
///
/// The memory does not suffice.
pub fn copied<T: Copy>(values: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = with_capacity(values.len())?;
    vector.extend_from_slice(values);
    Ok(vector)
}

/// The values of an iterator that knows how many there are.
///
/// # Errors
///
/// The memory does not suffice.
pub fn collected<T>(values: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, OutOfMemory> {
    let mut vector = with_capacity(values.len())?;
    vector.extend(values);
    Ok(vector)
}

/// Appends a value.
///
/// # Errors
///
/// The memory does not suffice.
pub fn push<T>(vector: &mut Vec<T>, value: T) -> Result<(), OutOfMemory> {
    match vector.try_reserve(1) {
        Ok(()) => {
            vector.push(value);
            Ok(())
        }
        Err(_) => Err(OutOfMemory::of::<T>(vector.len() + 1)),
    }
}

/// Appends copies of values.
///
/// # Errors
///
/// The memory does not suffice.
pub fn extend<T: Copy>(vector: &mut Vec<T>, values: &[T]) -> Result<(), OutOfMemory> {
    match vector.try_reserve(values.len()) {
        Ok(()) => {
            vector.extend_from_slice(values);
            Ok(())
        }
        Err(_) => Err(OutOfMemory::of::<T>(vector.len() + values.len())),
    }
}

/// The result of a function that has no error to give: where the memory does not suffice the program ends, as with any
/// allocation.
pub(crate) fn or_end<T>(result: Result<T, OutOfMemory>) -> T {
    result.unwrap_or_else(|error| {
        let layout = Layout::array::<u8>(error.bytes);
        handle_alloc_error(layout.unwrap_or(Layout::new::<usize>()))
    })
}
