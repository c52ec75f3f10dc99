//! The plan of a model: its steps, and the memory that they run in. `docs/engine.md` defines the words.

use super::choice::KernelChoice;
use super::compile::{Compiled, compile};
use super::error::PlanError;
use super::scratch::{Scratch, Sizes};
#[cfg(feature = "std")]
use super::scratch_pool::ScratchPool;
use super::step::Step;
use super::tail::Tail;
use crate::interrupt::{Answer, Interrupted, Watch};
use crate::kernels::PlanOptions;
use crate::memory::{self, OutOfMemory};
use crate::model::Model;
use crate::run::{Inputs, RunError, ValuesRef};
use crate::threads::Crew;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A model made ready to run on this host.
///
/// A plan is made once and run many times, by any number of threads. Its results are the same integers, whatever kernels it
/// has chosen.
///
/// # Examples
///
/// ```
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Plan, RunOptions, Shape, Values, Weights};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 3), 4), &[])?;
/// let units = FullyConnected { weights_bits: 2, act_bits: None, ..FullyConnected::new(2) };
/// let dense = builder.add("classes", units, &[])?;
/// builder.set_variable(dense, "weights", Weights::new([1, 1, 3, 2], vec![1, 0, 0, 1, -1, 1])?)?;
///
/// let plan = Plan::new(builder.build()?);
/// let outputs = plan.forward(&[5u8, 3, 1, 0, 15, 15], &RunOptions::default())?;
/// assert_eq!(outputs, Values::I32(vec![4, 4, -15, 30]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Plan {
    /// The number of the plan in this process. Scratch memory keeps the number of its plan.
    id: usize,
    model: Model,
    steps: Box<[Step]>,
    /// The sizes of the buffers that the steps use in turn.
    sizes: Sizes,
    tail: Tail,
    choices: Box<[KernelChoice]>,
    /// Which layers store signed bytes with their sign flipped.
    flipped: Box<[bool]>,
    #[cfg(feature = "std")]
    scratch_pool: ScratchPool,
}

/// The work of a step beside what its routines note, in the units of [`Watch::worked`]. So networks of tiny layers are left for
/// questions, too.
const WORK_PER_STEP: u64 = 1 << 9;

impl Plan {
    /// A plan with the best kernels that this host has.
    ///
    /// The program ends where the memory does not hold the weights, as with any allocation.
    /// [`with_options`](Self::with_options) gives an error instead.
    #[must_use]
    pub fn new(model: Model) -> Self {
        match Self::with_options(model, &PlanOptions::default()) {
            Ok(plan) => plan,
            Err(PlanError::Memory { bytes, .. }) => memory::or_end(Err(OutOfMemory { bytes })),
            Err(error) => unreachable!("the last kernel of a table accepts everything: {error}"),
        }
    }

    /// A plan made as `options` ask.
    ///
    /// # Errors
    ///
    /// The kernel asked for does not exist, is not available on this host, or is not exact for a layer. Or the memory does
    /// not hold the weights, unpacked and padded.
    pub fn with_options(model: Model, options: &PlanOptions) -> Result<Self, PlanError> {
        Self::watched(model, options, &mut Watch::default())
    }

    /// A plan made as `options` ask, unless the answer of `interrupt` is true. It is asked now and then.
    ///
    /// # Errors
    ///
    /// As for [`with_options`](Self::with_options). Or the answer was true.
    pub fn with_options_unless(
        model: Model,
        options: &PlanOptions,
        interrupt: &dyn Fn() -> bool,
    ) -> Result<Self, PlanError> {
        let answer = Answer::default();
        Self::watched(model, options, &mut Watch::new(Some(interrupt), &answer))
    }

    fn watched(
        model: Model,
        options: &PlanOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Self, PlanError> {
        let tail = Tail::of(&model);
        let Compiled {
            steps,
            sizes,
            choices,
            flipped,
        } = compile(&model, options, tail, watch)?;
        static PLANS: AtomicUsize = AtomicUsize::new(0);
        Ok(Self {
            id: PLANS.fetch_add(1, Ordering::Relaxed),
            tail,
            model,
            steps,
            sizes,
            choices,
            flipped,
            #[cfg(feature = "std")]
            scratch_pool: ScratchPool::default(),
        })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The kernels chosen, in the order of the layers.
    ///
    /// A separable layer has two: for its depthwise sums and for its pointwise product. Other layers with weights have one.
    #[must_use]
    pub fn choices(&self) -> &[KernelChoice] {
        &self.choices
    }

    /// The bytes of packed weights and other parameters, for each layer in order. All threads share them.
    #[must_use]
    pub fn packed_bytes(&self) -> Vec<usize> {
        self.steps.iter().map(Step::bytes).collect()
    }

    /// Scratch memory as [`scratch`](Self::scratch) makes it, or an error. It is for models from anywhere: a file of a few
    /// hundred bytes can describe maps of gigabytes.
    ///
    /// # Errors
    ///
    /// The memory does not suffice. `scratch` would end the program.
    pub fn try_scratch(&self) -> Result<Scratch, RunError> {
        self.check_memory(1)?;
        Ok(self.make_scratch()?)
    }

    /// How many of so many threads have the scratch memory that they need, at least one.
    ///
    /// # Errors
    ///
    /// The memory does not suffice for one thread.
    pub(crate) fn threads_with_memory(&self, threads: usize) -> Result<usize, RunError> {
        let mut threads = threads.max(1);
        while self.check_memory(threads).is_err() {
            if threads == 1 {
                return Err(RunError::Memory);
            }
            threads /= 2;
        }
        Ok(threads)
    }

    /// Asks the system whether it has scratch memory for so many threads, before it is allocated piece by piece.
    fn check_memory(&self, threads: usize) -> Result<(), RunError> {
        /// So many bytes are taken to be there. To ask on every run would cost more than it is worth.
        const LITTLE: usize = 64 << 20;
        let bytes = Scratch::needed(&self.model, &self.sizes, self.tail);
        let bytes = bytes.saturating_mul(threads);
        if bytes > LITTLE {
            memory::ask(bytes)?;
        }
        Ok(())
    }

    /// Scratch memory for one run at a time. Runs that use it again allocate nothing.
    ///
    /// Where the memory does not suffice, the program ends, as with any allocation. [`try_scratch`](Self::try_scratch) gives
    /// an error instead.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        memory::or_end(self.make_scratch())
    }

    fn make_scratch(&self) -> Result<Scratch, OutOfMemory> {
        Scratch::new(self.id, &self.model, &self.sizes, self.tail, &self.flipped)
    }

    /// Lends scratch memory to `work`: that of an earlier run where one has been kept.
    ///
    /// # Errors
    ///
    /// The memory does not suffice. Nothing has been done.
    pub(crate) fn with_scratch<T>(
        &self,
        work: impl FnOnce(&mut Scratch) -> T,
    ) -> Result<T, OutOfMemory> {
        #[cfg(feature = "std")]
        return self.scratch_pool.lend(|| self.make_scratch(), work);
        #[cfg(not(feature = "std"))]
        Ok(work(&mut self.make_scratch()?))
    }

    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// The most inputs that [`run_checked`](Self::run_checked) takes.
    pub(crate) fn inputs_at_once(&self) -> usize {
        self.tail.inputs
    }

    /// Runs all layers on some inputs, whose number and values have been checked. The outputs of the inputs follow each
    /// other.
    ///
    /// # Errors
    ///
    /// The run shall stop. The scratch memory is good for another run; states of a stream may have moved on.
    pub(crate) fn run_checked(
        &self,
        scratch: &mut Scratch,
        crew: &mut Crew<'_>,
        inputs: Inputs<'_>,
    ) -> Result<(), Interrupted> {
        let first = self.tail.first;
        let nothing = ValuesRef::U8(&[]).into();
        let passed = inputs.len() as u64 / 8;
        let inputs = inputs.chunks(self.model.input().shape.len());
        let count = inputs.len();
        let steps = (count * self.steps.len()) as u64;
        crew.watch.worked(WORK_PER_STEP * steps + passed)?;
        for (place, input) in inputs.enumerate() {
            scratch.count_input(input);
            for (index, step) in self.steps[..first].iter().enumerate() {
                // Only the last layer before the tail keeps the outputs of every input, for the tail to read.
                let place = if index + 1 == first { place } else { 0 };
                step.run(index, input, place..place + 1, scratch, crew)?;
                scratch.count(index, place..place + 1);
            }
        }
        for (index, step) in self.steps.iter().enumerate().skip(first) {
            step.run(index, nothing, 0..count, scratch, crew)?;
            scratch.count(index, 0..count);
        }
        Ok(())
    }

    /// Runs one layer on one input. The layers before it have run in `scratch`.
    #[cfg(feature = "std")]
    pub(crate) fn run_layer(&self, index: usize, scratch: &mut Scratch, input: Inputs<'_>) {
        let mut crew = Crew::alone(Watch::default());
        // Without a question nothing stops.
        let _ = self.steps[index].run(index, input, 0..1, scratch, &mut crew);
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("choices", &self.choices)
            .finish_non_exhaustive()
    }
}
