//! The options of a run. `docs/engine.md` defines the words.

use core::fmt;

/// How a batch is run. No option changes a result.
#[derive(Clone, Copy, Default)]
pub struct RunOptions<'a> {
    /// The number of threads, but at most one per core; 0 means one per core. Without the feature `threads` there is one.
    ///
    /// Each thread takes some images of a batch, and all threads share leftover images. All runs of a process use the same
    /// threads. A run that finds them busy has the calling thread alone.
    pub threads: usize,
    /// The most inputs between two questions to `interrupt`; 0 leaves the choice to the plan.
    pub batch_size: usize,
    /// A question that is asked on the calling thread now and then, inside large layers too. The run stops when the answer is
    /// true. The question is not asked again after that.
    pub interrupt: Option<&'a dyn Fn() -> bool>,
}

impl fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("threads", &self.threads)
            .field("batch_size", &self.batch_size)
            .field("interrupt", &self.interrupt.is_some())
            .finish()
    }
}
