//! Running a plan: single inputs, batches over threads, the outputs of every layer.

mod counts;
mod crew;
mod error;
#[cfg(feature = "std")]
mod scratch_pool;
#[cfg(feature = "threads")]
mod team;
#[cfg(all(test, feature = "threads"))]
mod tests;
#[cfg(feature = "threads")]
mod threads;

pub use counts::Counts;
pub(crate) use crew::Crew;
pub use error::RunError;
#[cfg(feature = "std")]
pub(crate) use scratch_pool::ScratchPool;

use crate::model::{Model, Output};
use crate::ops::prediction;
use crate::plan::{Plan, Scratch};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use counts::Total;
#[cfg(feature = "std")]
use std::{
    time::{Duration, Instant},
    vec,
};
#[cfg(feature = "threads")]
use threads::threads;

/// Outputs of a layer, one input after the other, each in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outputs {
    /// Levels of a layer with activation.
    Levels(Vec<u8>),
    /// Potentials of a layer without activation.
    Potentials(Vec<i32>),
}

/// The output for one input, held by a [`Scratch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputRef<'a> {
    /// Levels of a layer with activation.
    Levels(&'a [u8]),
    /// Potentials of a layer without activation.
    Potentials(&'a [i32]),
}

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

/// What becomes of the samples of a batch.
struct Job<'a, T> {
    /// Writes the outputs of so many.
    store: &'a (dyn Fn(&Scratch, usize, &mut [T]) + Sync),
    /// Where values that are not zero are counted, if so.
    total: Option<&'a Total>,
}

/// Multiply-accumulates between two questions to `interrupt`: some hundredths of a second.
const MACS_PER_BATCH: u64 = 1 << 28;

impl Plan {
    /// Runs one input in `scratch`, without any allocation but for what a kernel keeps for a thread from its first run on.
    ///
    /// `input` holds one sample of `model().input().shape` in C order.
    ///
    /// # Errors
    ///
    /// A wrong number of values, a value beyond `input_bits`, or scratch memory of another plan.
    pub fn run<'a>(
        &self,
        scratch: &'a mut Scratch,
        input: &[u8],
    ) -> Result<OutputRef<'a>, RunError> {
        let sample = self.model().input().shape.len();
        if input.len() != sample {
            return Err(RunError::Length {
                received: input.len(),
                sample,
            });
        }
        self.check(input)?;
        if scratch.plan != self.id() {
            return Err(RunError::Scratch);
        }
        self.run_checked(scratch, &mut Crew::alone(), input);
        Ok(match self.model().output() {
            Output::Levels { .. } => OutputRef::Levels(last_levels(scratch, 1)),
            Output::Potentials => OutputRef::Potentials(scratch.potentials.first(1)),
        })
    }

    /// Levels, or potentials when the last layer has no activation, of a whole number of samples.
    ///
    /// # Errors
    ///
    /// Inputs that are not a whole number of samples or beyond `input_bits`; an interrupt.
    pub fn forward(&self, inputs: &[u8], options: &RunOptions<'_>) -> Result<Outputs, RunError> {
        self.outputs(inputs, options, None)
    }

    /// The outputs of [`forward`](Self::forward), and how many values were not zero.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{InputData, ModelBuilder, Outputs, Plan, RunOptions, Shape};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 4), 4), &[])?;
    /// let plan = Plan::new(builder.build()?);
    /// let (outputs, counts) = plan.forward_counted(&[0, 3, 0, 5], &RunOptions::default())?;
    /// assert_eq!(outputs, Outputs::Levels(vec![0, 3, 0, 5]));
    /// assert_eq!((counts.inputs, counts.outputs), (2, vec![2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forward_counted(
        &self,
        inputs: &[u8],
        options: &RunOptions<'_>,
    ) -> Result<(Outputs, Counts), RunError> {
        let total = Total::new(self.model().layers().len());
        let outputs = self.outputs(inputs, options, Some(&total))?;
        Ok((outputs, total.counts()))
    }

    /// How many values are not zero, without the outputs.
    pub(crate) fn counts(
        &self,
        inputs: &[u8],
        options: &RunOptions<'_>,
    ) -> Result<Counts, RunError> {
        let total = Total::new(self.model().layers().len());
        let job: Job<'_, ()> = Job {
            store: &|_, _, _| (),
            total: Some(&total),
        };
        self.batch(inputs, options, &job)?;
        Ok(total.counts())
    }

    fn outputs(
        &self,
        inputs: &[u8],
        options: &RunOptions<'_>,
        total: Option<&Total>,
    ) -> Result<Outputs, RunError> {
        match self.model().output() {
            Output::Levels { .. } => {
                let store = |scratch: &Scratch, count, out: &mut [u8]| {
                    out.copy_from_slice(last_levels(scratch, count));
                };
                let job = Job {
                    store: &store,
                    total,
                };
                self.batch(inputs, options, &job).map(Outputs::Levels)
            }
            Output::Potentials => {
                let store = |scratch: &Scratch, count, out: &mut [i32]| {
                    out.copy_from_slice(scratch.potentials.first(count));
                };
                let job = Job {
                    store: &store,
                    total,
                };
                self.batch(inputs, options, &job).map(Outputs::Potentials)
            }
        }
    }

    /// Float outputs (P − T) / act_step of a model whose last layer has no activation (`docs/arithmetic.md`, F2).
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward), and a last layer with activation.
    pub fn predict(&self, inputs: &[u8], options: &RunOptions<'_>) -> Result<Vec<f32>, RunError> {
        let last = self.model().layers().last();
        let variables = last.and_then(|layer| layer.variables());
        let (Output::Potentials, Some(variables)) = (self.model().output(), variables) else {
            return Err(RunError::NotPredictable {
                layer: last.map_or_else(String::new, |layer| layer.name().to_owned()),
            });
        };
        let channels = variables.threshold.len();
        let store = |scratch: &Scratch, count, out: &mut [f32]| {
            let positions = out.chunks_exact_mut(channels);
            let potentials = scratch.potentials.first(count).chunks_exact(channels);
            for (out, potentials) in positions.zip(potentials) {
                let units = variables.threshold.iter().zip(&variables.act_step);
                for ((y, &p), (&t, &s)) in out.iter_mut().zip(potentials).zip(units) {
                    *y = prediction(p, t, s);
                }
            }
        };
        let job = Job {
            store: &store,
            total: None,
        };
        self.batch(inputs, options, &job)
    }

    /// The outputs of every layer, in layer order: what [`forward`](Self::forward) gives for the last one.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    pub fn taps(&self, inputs: &[u8], options: &RunOptions<'_>) -> Result<Vec<Outputs>, RunError> {
        self.check_batch(inputs)?;
        let mut taps: Vec<Outputs> = self
            .model()
            .layers()
            .iter()
            .map(|layer| match layer.connection().output {
                Output::Levels { .. } => Outputs::Levels(Vec::new()),
                Output::Potentials => Outputs::Potentials(Vec::new()),
            })
            .collect();
        let mut scratch = self.try_scratch()?;
        for sample in inputs.chunks_exact(self.model().input().shape.len()) {
            self.run_checked(&mut scratch, &mut Crew::alone(), sample);
            for (tap, levels) in taps.iter_mut().zip(&scratch.levels) {
                match tap {
                    Outputs::Levels(all) => all.extend_from_slice(levels.first(1)),
                    Outputs::Potentials(all) => {
                        all.extend_from_slice(scratch.potentials.first(1));
                    }
                }
            }
            if options.interrupt.is_some_and(|interrupt| interrupt()) {
                return Err(RunError::Interrupted);
            }
        }
        Ok(taps)
    }

    /// The least time that each layer took in `runs` runs of one input on one thread, of which no more begin after `most`.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    #[cfg(feature = "std")]
    pub fn profile(
        &self,
        input: &[u8],
        runs: usize,
        most: Duration,
    ) -> Result<Vec<Duration>, RunError> {
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

    fn check(&self, inputs: &[u8]) -> Result<(), RunError> {
        check_values(self.model(), inputs)
    }

    fn check_batch(&self, inputs: &[u8]) -> Result<(), RunError> {
        let sample = self.model().input().shape.len();
        if !inputs.len().is_multiple_of(sample) {
            return Err(RunError::Length {
                received: inputs.len(),
                sample,
            });
        }
        self.check(inputs)
    }

    /// Runs every sample.
    fn batch<T: Copy + Default + Send>(
        &self,
        inputs: &[u8],
        options: &RunOptions<'_>,
        job: &Job<'_, T>,
    ) -> Result<Vec<T>, RunError> {
        self.check_batch(inputs)?;
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let samples = inputs.len() / sample;
        let mut outputs = Vec::new();
        self.check_memory()?;
        let values = samples.checked_mul(size).ok_or(RunError::Memory)?;
        outputs
            .try_reserve_exact(values)
            .map_err(|_| RunError::Memory)?;
        outputs.resize(values, T::default());
        let threads = threads(options.threads);
        let per_thread = MACS_PER_BATCH / self.model().macs().clamp(1, MACS_PER_BATCH);
        let most = usize::try_from(per_thread)
            .unwrap_or(usize::MAX)
            .saturating_mul(threads);
        let batch = match options.batch_size {
            0 => most,
            size => size.min(most),
        }
        .clamp(1, samples.max(1));
        let batches = inputs
            .chunks(batch * sample)
            .zip(outputs.chunks_mut(batch * size));
        for (inputs, outputs) in batches {
            self.spread(inputs, outputs, threads, job);
            if options.interrupt.is_some_and(|interrupt| interrupt()) {
                return Err(RunError::Interrupted);
            }
        }
        Ok(outputs)
    }

    /// Runs samples one after the other, or as many at once as the plan takes.
    fn sequence<T>(
        &self,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
        inputs: &[u8],
        outputs: &mut [T],
        job: &Job<'_, T>,
    ) {
        let sample = self.model().input().shape.len();
        let size = self.model().output_shape().len();
        let most = self.inputs_at_once();
        scratch.counting = job.total.is_some();
        for (inputs, outputs) in inputs
            .chunks(most * sample)
            .zip(outputs.chunks_mut(most * size))
        {
            self.run_checked(scratch, crew, inputs);
            (job.store)(scratch, inputs.len() / sample, outputs);
        }
        scratch.counting = false;
        if let Some(total) = job.total {
            total.add(&mut scratch.counts);
        }
    }
}

/// Whether every input is inside the range of `input_bits`.
pub(crate) fn check_values(model: &Model, inputs: &[u8]) -> Result<(), RunError> {
    let max = crate::model::bits::max_level(model.input().bits);
    match inputs.iter().position(|&x| x > max) {
        None => Ok(()),
        Some(index) => Err(RunError::Value {
            index,
            received: inputs[index],
            max,
        }),
    }
}

fn last_levels(scratch: &Scratch, count: usize) -> &[u8] {
    let last = scratch.levels.last();
    last.map_or(&[], |levels| levels.first(count))
}

#[cfg(not(feature = "std"))]
impl Plan {
    fn with_scratch(&self, work: impl FnOnce(&mut Scratch)) {
        work(&mut self.scratch());
    }
}

#[cfg(not(feature = "threads"))]
fn threads(_asked: usize) -> usize {
    1
}

#[cfg(not(feature = "threads"))]
impl Plan {
    fn spread<T>(&self, inputs: &[u8], outputs: &mut [T], _threads: usize, job: &Job<'_, T>) {
        self.with_scratch(|scratch| {
            self.sequence(scratch, &mut Crew::alone(), inputs, outputs, job);
        });
    }
}
