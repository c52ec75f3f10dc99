//! How long each layer takes. `docs/engine.md` defines the words.

use crate::plan::Plan;
use crate::run::{Inputs, RunError};
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

impl Plan {
    /// The least time that each layer took, over `runs` runs of one input on one thread. No further run begins after `most`.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub fn profile<'a>(
        &self,
        input: impl Into<Inputs<'a>>,
        runs: usize,
        most: Duration,
    ) -> Result<Vec<Duration>, RunError> {
        let input = input.into();
        let mut scratch = self.try_scratch()?;
        self.run(&mut scratch, input)?;
        let mut least = vec![Duration::MAX; self.model().layers().len()];
        let start = Instant::now();
        for _ in 0..runs.max(1) {
            for (index, least) in least.iter_mut().enumerate() {
                let start = Instant::now();
                self.run_layer(index, &mut scratch, input);
                *least = start.elapsed().min(*least);
            }
            if start.elapsed() > most {
                break;
            }
        }
        Ok(least)
    }
}
