//! Streams of inputs for models with state: what layers keep between the steps of each stream.

use super::counts::{Counts, Total};
use super::options::RunOptions;
use crate::interrupt::{Answer, Watch};
use crate::memory;
use crate::plan::{Plan, Scratch, StreamState};
use crate::run::{ElementType, Inputs, RunError, Values};
use crate::threads::Crew;
use alloc::vec::Vec;

/// The streams of a plan, each with the queues and states of its own.
///
/// A step takes one input of every stream. Streams are independent of each other. A model without state can have sessions
/// too.
///
/// # Examples
///
/// ```
/// use akida_sim::{BufferTempConv, InputData, ModelBuilder, Plan, RunOptions, Session, Shape, TemporalParams, Values, Weights};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 1), 8), &[])?;
/// let sum = BufferTempConv { filters: 1, temporal: TemporalParams::new(2) };
/// let sum = builder.add("sum", sum, &[])?;
/// builder.set_variable(sum, "weights", Weights::new([1, 1, 2, 1], vec![10, 1])?)?;
/// let plan = Plan::new(builder.build()?);
///
/// let mut session = Session::new(&plan, 2)?;
/// let options = RunOptions::default();
/// assert_eq!(session.step(&plan, &[1i8, 5], &options)?, Values::I8(vec![1, 5]));
/// assert_eq!(session.step(&plan, &[2i8, 0], &options)?, Values::I8(vec![12, 50]));
/// session.reset();
/// assert_eq!(session.step(&plan, &[2i8, 0], &options)?, Values::I8(vec![2, 0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Session {
    /// The number of the plan.
    plan: usize,
    streams: Vec<StreamState>,
    scratch: Scratch,
}

/// The first bytes of a saved session.
const MAGIC: [u8; 4] = *b"AKS1";
/// The length of the head of a saved session: magic bytes, number of streams, bytes of a stream.
const HEAD: usize = 12;

impl Session {
    /// A session of so many streams, all before their first input.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub fn new(plan: &Plan, streams: usize) -> Result<Self, RunError> {
        let mut all = memory::with_capacity(streams)?;
        for _ in 0..streams {
            all.push(StreamState::new(plan.model())?);
        }
        Ok(Self {
            plan: plan.id(),
            streams: all,
            scratch: plan.try_scratch()?,
        })
    }

    /// Whether the session is one of a plan.
    #[must_use]
    pub fn is_of(&self, plan: &Plan) -> bool {
        self.plan == plan.id()
    }

    /// The number of streams.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Puts every stream before its first input.
    pub fn reset(&mut self) {
        self.streams.iter_mut().for_each(StreamState::reset);
    }

    /// The outputs of the next input of every stream. `inputs` has one sample for each stream, in order.
    ///
    /// # Errors
    ///
    /// As for [`Plan::forward`]; another number of samples; a session of another plan. The streams are then where they were,
    /// after an interrupt too.
    pub fn step<'a>(
        &mut self,
        plan: &Plan,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Values, RunError> {
        let inputs = inputs.into();
        let answer = Answer::default();
        let mut crew = Crew::alone(Watch::new(options.interrupt, &answer));
        self.check(plan, inputs, 1, &mut crew.watch)?;
        self.run(plan, inputs, &mut crew)
    }

    /// The outputs of whole clips. The first axis of `inputs` and outputs is time, the second one the streams.
    ///
    /// The result equals the results of as many [`step`](Self::step)s.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step). The streams are then where they were.
    pub fn run_clip<'a>(
        &mut self,
        plan: &Plan,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Values, RunError> {
        let inputs = inputs.into();
        let step = self.step_len(plan).max(1);
        let steps = inputs.len().div_ceil(step);
        let answer = Answer::default();
        let mut crew = Crew::alone(Watch::new(options.interrupt, &answer));
        self.check(plan, inputs, steps, &mut crew.watch)?;
        self.run(plan, inputs, &mut crew)
    }

    /// The outputs of every layer for the next input of every stream, in layer order.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step).
    pub fn taps<'a>(
        &mut self,
        plan: &Plan,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Vec<Values>, RunError> {
        let inputs = inputs.into();
        let answer = Answer::default();
        let mut crew = Crew::alone(Watch::new(options.interrupt, &answer));
        self.check(plan, inputs, 1, &mut crew.watch)?;
        let mut taps = plan.empty_taps()?;
        self.run_steps(plan, inputs, &mut crew, |scratch, watch| {
            for (tap, outputs) in taps.iter_mut().zip(&scratch.outputs) {
                outputs.append_to(tap)?;
                watch.worked(outputs.first(1).len() as u64 / 4)?;
            }
            Ok(())
        })?;
        Ok(taps)
    }

    /// How many values were not zero in whole clips. The outputs are not kept.
    pub(crate) fn counts(
        &mut self,
        plan: &Plan,
        inputs: Inputs<'_>,
        options: &RunOptions<'_>,
    ) -> Result<Counts, RunError> {
        let steps = inputs.len().div_ceil(self.step_len(plan).max(1));
        let answer = Answer::default();
        let mut crew = Crew::alone(Watch::new(options.interrupt, &answer));
        self.check(plan, inputs, steps, &mut crew.watch)?;
        let total = Total::new(plan.model().layers().len());
        self.scratch.counting = true;
        let outcome = self.run_steps(plan, inputs, &mut crew, |_, _| Ok(()));
        self.scratch.counting = false;
        total.add(&mut self.scratch.counts);
        outcome.map(|()| total.counts())
    }

    /// The number of bytes that [`save`](Self::save) gives.
    #[must_use]
    pub fn saved_size(&self) -> usize {
        let states = self.stream_size().saturating_mul(self.streams.len());
        states.saturating_add(HEAD)
    }

    /// The bytes of a stream.
    fn stream_size(&self) -> usize {
        self.streams.first().map_or(0, StreamState::size)
    }

    /// The session as bytes. [`restore`](Self::restore) is the way back.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub fn save(&self) -> Result<Vec<u8>, RunError> {
        let mut bytes = memory::with_capacity(self.saved_size())?;
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&number(self.streams.len()));
        bytes.extend_from_slice(&number(self.stream_size()));
        for stream in &self.streams {
            stream.write(&mut bytes);
        }
        Ok(bytes)
    }

    /// The session that [`save`](Self::save) has written, of a plan of the same model.
    ///
    /// # Errors
    ///
    /// The bytes are not those of a session of this model, or the memory does not suffice.
    pub fn restore(plan: &Plan, bytes: &[u8]) -> Result<Self, RunError> {
        let (head, states) = bytes.split_at_checked(HEAD).ok_or(RunError::SavedSession)?;
        let number = |place: usize| {
            let bytes = head[place..].first_chunk::<4>();
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize)
        };
        let (streams, size) = (number(4), number(8));
        let size_of_model = StreamState::new(plan.model())?.size();
        let fits = head.starts_with(&MAGIC)
            && size == size_of_model
            && size.checked_mul(streams) == Some(states.len())
            // A model without state has no bytes that bound the number of streams.
            && (size > 0 || streams <= bytes.len());
        if !fits {
            return Err(RunError::SavedSession);
        }
        let mut session = Self::new(plan, streams)?;
        if size > 0 {
            for (stream, bytes) in session.streams.iter_mut().zip(states.chunks_exact(size)) {
                let read = stream.read(plan.model(), bytes);
                read.ok_or(RunError::SavedSession)?;
            }
        }
        Ok(session)
    }

    /// Copies of the states of all streams.
    fn copies(&self, watch: &mut Watch<'_>) -> Result<Vec<StreamState>, RunError> {
        let mut copies = memory::with_capacity(self.streams.len())?;
        for stream in &self.streams {
            copies.push(stream.try_clone()?);
            watch.worked(64 + stream.size() as u64 / 2)?;
        }
        Ok(copies)
    }

    /// The number of input values of one step.
    fn step_len(&self, plan: &Plan) -> usize {
        self.streams
            .len()
            .saturating_mul(plan.model().input().shape.len())
    }

    /// Checks inputs of so many steps.
    fn check(
        &self,
        plan: &Plan,
        inputs: Inputs<'_>,
        steps: usize,
        watch: &mut Watch<'_>,
    ) -> Result<(), RunError> {
        if self.plan != plan.id() {
            return Err(RunError::Session);
        }
        plan.check_all(inputs, watch)?;
        let sample = plan.model().input().shape.len();
        let received = inputs.len() / sample;
        if received != self.streams.len().saturating_mul(steps) {
            return Err(RunError::Streams {
                received,
                streams: self.streams.len(),
            });
        }
        Ok(())
    }

    /// The outputs of checked inputs of whole steps.
    fn run(
        &mut self,
        plan: &Plan,
        inputs: Inputs<'_>,
        crew: &mut Crew<'_>,
    ) -> Result<Values, RunError> {
        let sample = plan.model().input().shape.len();
        let size = plan.model().output_shape().len();
        let count = (inputs.len() / sample).checked_mul(size);
        let element = ElementType::of(plan.model().output().format);
        let mut outputs = Values::with_capacity(element, count.ok_or(RunError::Memory)?)?;
        self.run_steps(plan, inputs, crew, |scratch, watch| {
            outputs.extend(scratch.last(1))?;
            Ok(watch.worked(size as u64 / 4)?)
        })?;
        Ok(outputs)
    }

    /// Runs checked inputs of whole steps, and calls `keep` after each input of a stream. After an error the streams are where
    /// they were.
    fn run_steps(
        &mut self,
        plan: &Plan,
        inputs: Inputs<'_>,
        crew: &mut Crew<'_>,
        mut keep: impl FnMut(&Scratch, &mut Watch<'_>) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let sample = plan.model().input().shape.len();
        let before = self.copies(&mut crew.watch)?;
        let mut steps = inputs.chunks(self.step_len(plan).max(1));
        let outcome = steps.try_for_each(|inputs| {
            for (input, state) in inputs.chunks(sample).zip(&mut self.streams) {
                core::mem::swap(&mut self.scratch.state, state);
                let run = plan.run_checked(&mut self.scratch, crew, input);
                core::mem::swap(&mut self.scratch.state, state);
                run?;
                keep(&self.scratch, &mut crew.watch)?;
            }
            Ok(crew.watch.ask()?)
        });
        if outcome.is_err() {
            self.streams = before;
        }
        outcome
    }
}
