use core::fmt;

/// How a batch is run. No option changes a result.
#[derive(Clone, Copy, Default)]
pub struct RunOptions<'a> {
    /// Threads to use, but no more than one per core; 0 means one per core. Without the feature `threads` it is 1. Each takes
    /// some inputs of a batch, and all share those that do not go round. The threads are those of the process: while another
    /// run uses them, this one has the calling thread alone.
    pub threads: usize,
    /// The most inputs processed together, and so before `interrupt` is asked again; 0 leaves the choice to the plan.
    pub batch_size: usize,
    /// Asked on the calling thread between batches; the run stops when it answers true.
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
