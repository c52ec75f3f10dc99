//! The calls of a plan: for single inputs, for batches, for the outputs of every layer. `docs/engine.md` defines the words.

use super::batch::Job;
use super::counts::{Counts, Total};
use super::options::RunOptions;
use crate::interrupt::{Answer, Watch};
use crate::memory;
use crate::model::Operation;
use crate::model::names::SCALES;
use crate::ops::{dequantized, prediction};
use crate::plan::{Plan, Scratch};
use crate::run::{ElementType, Inputs, RunError, Values, ValuesRef, check_inputs};
use crate::threads::Crew;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

impl Plan {
    /// Runs one input in `scratch`, without allocation.
    ///
    /// The exception is what some kernels allocate on the first run of a thread, and keep.
    ///
    /// `input` holds the values of one sample in C order, of the shape and format of `model().input()`.
    ///
    /// # Errors
    ///
    /// A wrong type or number of values, a value outside the format of inputs, or scratch memory of another plan.
    pub fn run<'a, 'b>(
        &self,
        scratch: &'a mut Scratch,
        input: impl Into<Inputs<'b>>,
    ) -> Result<ValuesRef<'a>, RunError> {
        let input = input.into();
        check_inputs(self.model(), input)?;
        let sample = self.model().input().shape.len();
        if input.len() != sample {
            return Err(RunError::Length {
                received: input.len(),
                sample,
            });
        }
        if scratch.plan != self.id() {
            return Err(RunError::Scratch);
        }
        self.run_checked(scratch, &mut Crew::alone(Watch::default()), input)?;
        Ok(scratch.last(1))
    }

    /// The outputs of a whole number of samples. They are levels, or potentials where the last layer has no activation.
    ///
    /// The largest potential of a sample is not always its class: channels have thresholds and steps of their own, which
    /// potentials do not know of. [`classes`](Self::classes) tells the class.
    ///
    /// # Errors
    ///
    /// The inputs are of another type, are not a whole number of samples, or have a value outside their format. Or the run is
    /// interrupted, or the memory does not suffice.
    pub fn forward<'a>(
        &self,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Values, RunError> {
        self.outputs(inputs.into(), options, None)
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
    /// use akida_sim::{InputData, ModelBuilder, Plan, RunOptions, Shape, Values};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 4), 4), &[])?;
    /// let plan = Plan::new(builder.build()?);
    /// let (outputs, counts) = plan.forward_counted(&[0u8, 3, 0, 5], &RunOptions::default())?;
    /// assert_eq!(outputs, Values::U8(vec![0, 3, 0, 5]));
    /// assert_eq!((counts.inputs, counts.outputs), (2, vec![2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forward_counted<'a>(
        &self,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<(Values, Counts), RunError> {
        let total = Total::new(self.model().layers().len());
        let outputs = self.outputs(inputs.into(), options, Some(&total))?;
        Ok((outputs, total.counts()))
    }

    /// How many values were not zero. The outputs are not kept.
    pub(crate) fn counts(
        &self,
        inputs: Inputs<'_>,
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
        inputs: Inputs<'_>,
        options: &RunOptions<'_>,
        total: Option<&Total>,
    ) -> Result<Values, RunError> {
        let element = ElementType::of(self.model().output().format);
        let run = (self, inputs, options, total);
        return match element {
            ElementType::U8 => typed(run, |v| v.u8()).map(Values::U8),
            ElementType::I8 => typed(run, |v| v.i8()).map(Values::I8),
            ElementType::I16 => typed(run, |v| v.i16()).map(Values::I16),
            ElementType::I32 => typed(run, |v| v.i32()).map(Values::I32),
        };

        type Run<'a> = (&'a Plan, Inputs<'a>, &'a RunOptions<'a>, Option<&'a Total>);
        fn typed<T: Copy + Default + Send>(
            (plan, inputs, options, total): Run<'_>,
            of: for<'a> fn(ValuesRef<'a>) -> &'a [T],
        ) -> Result<Vec<T>, RunError> {
            let store = |scratch: &Scratch, count, out: &mut [T]| {
                out.copy_from_slice(of(scratch.last(count)));
            };
            let job = Job {
                store: &store,
                total,
            };
            plan.batch(inputs, options, &job)
        }
    }

    /// Float outputs: those of a `Dequantizer` (`docs/arithmetic-akida2.md`, section K), or (P − T) / act_step of a last layer
    /// of Akida 1.0 without activation (`docs/arithmetic.md`, F2).
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward), and for any other last layer.
    pub fn predict<'a>(
        &self,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Vec<f32>, RunError> {
        let last = self.model().layers().last();
        if let Some(scales) = self.output_scales() {
            let store = |scratch: &Scratch, count, out: &mut [f32]| {
                dequantize(scales, scratch.last(count), out);
            };
            let job = Job {
                store: &store,
                total: None,
            };
            return self.batch(inputs.into(), options, &job);
        }
        let raw = last.filter(|layer| layer.connection().gives_potentials());
        let Some(thresholds) = raw.and_then(|layer| layer.thresholds()) else {
            return Err(RunError::NotPredictable {
                layer: last.map_or_else(String::new, |layer| layer.name().to_owned()),
            });
        };
        let channels = thresholds.filters().len();
        let store = |scratch: &Scratch, count, out: &mut [f32]| {
            let positions = out.chunks_exact_mut(channels);
            let potentials = scratch.last(count).i32().chunks_exact(channels);
            for (out, potentials) in positions.zip(potentials) {
                let units = thresholds.filters();
                for ((y, &p), (t, s)) in out.iter_mut().zip(potentials).zip(units) {
                    *y = prediction(p, t, s);
                }
            }
        };
        let job = Job {
            store: &store,
            total: None,
        };
        self.batch(inputs.into(), options, &job)
    }

    /// The floats that a model's `Dequantizer` makes of outputs, such as those of a [`Session`](crate::Session).
    ///
    /// # Errors
    ///
    /// The model has no `Dequantizer`, or the memory does not suffice.
    pub fn dequantize<'a>(&self, outputs: impl Into<ValuesRef<'a>>) -> Result<Vec<f32>, RunError> {
        let outputs = outputs.into();
        let Some(scales) = self.output_scales() else {
            let last = self.model().layers().last();
            return Err(RunError::NotPredictable {
                layer: last.map_or_else(String::new, |layer| layer.name().to_owned()),
            });
        };
        let mut floats = memory::filled(0.0, outputs.len())?;
        dequantize(scales, outputs, &mut floats);
        Ok(floats)
    }

    /// The scales of the model's `Dequantizer`, one per channel.
    pub(super) fn output_scales(&self) -> Option<&[f32]> {
        let last = self.model().layers().last()?;
        let dequantizes = last.connection().operation == Operation::Dequantize;
        last.variable(SCALES)?.floats().filter(|_| dequantizes)
    }

    /// No outputs for every layer, in the types of the layers' outputs.
    pub(super) fn empty_taps(&self) -> Result<Vec<Values>, RunError> {
        let mut taps = memory::with_capacity(self.model().layers().len())?;
        for layer in self.model().layers() {
            let element = ElementType::of(layer.connection().output.format);
            taps.push(Values::zeros(element, 0)?);
        }
        Ok(taps)
    }

    /// The outputs of every layer, in layer order. The outputs of the last layer are what [`forward`](Self::forward) gives.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    pub fn taps<'a>(
        &self,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Vec<Values>, RunError> {
        let inputs = inputs.into();
        let answer = Answer::default();
        let mut crew = Crew::alone(Watch::new(options.interrupt, &answer));
        self.check_all(inputs, &mut crew.watch)?;
        if self.model().has_state() {
            return Err(RunError::Session);
        }
        let mut taps = self.empty_taps()?;
        let mut scratch = self.try_scratch()?;
        for sample in inputs.chunks(self.model().input().shape.len()) {
            self.run_checked(&mut scratch, &mut crew, sample)?;
            for (tap, outputs) in taps.iter_mut().zip(&scratch.outputs) {
                outputs.append_to(tap)?;
                crew.watch.worked(outputs.first(1).len() as u64 / 4)?;
            }
            crew.watch.ask()?;
        }
        Ok(taps)
    }
}

/// Multiplies outputs of whole positions by the scales of their channels.
fn dequantize(scales: &[f32], outputs: ValuesRef<'_>, floats: &mut [f32]) {
    let scales = scales.iter().cycle();
    for ((float, output), &scale) in floats.iter_mut().zip(outputs.iter()).zip(scales) {
        *float = dequantized(output, scale);
    }
}
