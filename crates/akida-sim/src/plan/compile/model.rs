//! A whole model: its layers one by one, and the buffers that their steps share.

use super::super::add::AddStep;
use super::super::choice::KernelChoice;
use super::super::deviation::DeviationStep;
use super::super::error::PlanError;
use super::super::flip::flip;
use super::super::quantize::QuantizeStep;
use super::super::recurrence::RecurrenceStep;
use super::super::scratch::Sizes;
use super::super::step::Step;
use super::super::tail::Tail;
use super::chooser::Chooser;
use crate::interrupt::Watch;
use crate::kernels::{self, PlanOptions};
use crate::memory::{self, OutOfMemory};
use crate::model::{Model, Operation, Stage};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The steps of a model on this host, with what they need.
pub(in crate::plan) struct Compiled {
    /// The step of each layer, in layer order.
    pub(in crate::plan) steps: Box<[Step]>,
    /// The sizes of the buffers that the steps use in turn.
    pub(in crate::plan) sizes: Sizes,
    /// The kernels chosen, in layer order.
    pub(in crate::plan) choices: Box<[KernelChoice]>,
    /// Which layers store signed bytes with their sign flipped.
    pub(in crate::plan) flipped: Box<[bool]>,
}

/// Makes the step of every layer.
pub(in crate::plan) fn compile(
    model: &Model,
    options: &PlanOptions,
    tail: Tail,
    watch: &mut Watch<'_>,
) -> Result<Compiled, PlanError> {
    if let Some(name) = options
        .kernel
        .as_deref()
        .filter(|name| !kernels::exists(name))
    {
        return Err(PlanError::Kernel {
            kernel: name.to_owned(),
            layer: None,
            reason: format!(
                "there is none of that name; this host has {}",
                kernels::available_kernels().join(", ")
            ),
        });
    }
    let mut choices = Vec::new();
    let without_layer = |error: OutOfMemory| PlanError::Memory {
        layer: String::new(),
        bytes: error.bytes,
    };
    let count = model.layers().len();
    let mut steps = memory::with_capacity(count).map_err(without_layer)?;
    // The least and the largest output of each layer.
    let mut ranges: Vec<(i64, i64)> = memory::with_capacity(count).map_err(without_layer)?;
    for layer in model.layers() {
        let mut chooser = Chooser::new(layer, options, &mut choices, watch);
        let (step, range) = chooser.step(model, &ranges)?;
        steps.push(step);
        ranges.push(range);
    }
    let inbounds = memory::collected(model.layers().iter().map(|l| l.inbounds()));
    let inbounds: Vec<&[usize]> = inbounds.map_err(without_layer)?;
    let flipped = flip(&mut steps, &inbounds).map_err(without_layer)?;
    let sizes = steps.iter().enumerate();
    let sizes = sizes.map(|(index, step)| step.sizes(tail.taken(index)));
    Ok(Compiled {
        sizes: sizes.fold(Sizes::default(), Sizes::max),
        steps: steps.into_boxed_slice(),
        choices: choices.into_boxed_slice(),
        flipped: flipped.into_boxed_slice(),
    })
}

impl Chooser<'_, '_> {
    /// The step of a layer, and its least and largest output. `ranges` has these of the layers before it.
    fn step(
        &mut self,
        model: &Model,
        ranges: &[(i64, i64)],
    ) -> Result<(Step, (i64, i64)), PlanError> {
        let layer = self.layer;
        let connection = layer.connection();
        let format = connection.output.format;
        let inbounds = layer.inbounds();
        let all = (format.min(), format.max());
        let joined = inbounds.iter().map(|&i| ranges[i]);
        let joined = joined.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let of = |place: usize| inbounds.get(place).copied().unwrap_or_default();
        let memory = |e| self.memory(e);
        Ok(match (connection.operation, connection.stage) {
            (Operation::Pass, _) if inbounds.is_empty() => (Step::Pass, all),
            (Operation::Pass | Operation::Dequantize | Operation::Join, _) => {
                let channels = |&i: &usize| (i, model.layers()[i].connection().output.shape.c);
                let parts = inbounds.iter().map(channels).collect();
                (Step::Join { parts }, joined.unwrap_or(all))
            }
            (Operation::Quantize(operation), _) => {
                let layer = Arc::clone(layer);
                (Step::Quantize(QuantizeStep { layer, operation }), all)
            }
            (Operation::Windows(windows), Stage::Rescale(stage)) => {
                // The input of an image layer at the entry is an image.
                let input = connection.input.format;
                let range = joined.unwrap_or((input.min(), input.max()));
                self.rescaled(&windows, stage, range)?
            }
            (Operation::Windows(windows), Stage::Raw | Stage::Thresholds) => {
                (Step::Neural(Box::new(self.neural(&windows)?)), all)
            }
            (Operation::Add, Stage::Rescale(stage)) => {
                let sources = [of(0), of(1)];
                let ranges = sources.map(|i| ranges[i]);
                let step = AddStep::new(layer, stage, sources, ranges).map_err(memory)?;
                let range = step.range();
                (Step::Add(Box::new(step)), range)
            }
            (Operation::Recurrence(operation), Stage::Rescale(stage)) => {
                let step = RecurrenceStep::new(layer, operation, stage, of(0)).map_err(memory)?;
                let range = step.range();
                (Step::Recurrence(Box::new(step)), range)
            }
            (Operation::Add | Operation::Recurrence(_), Stage::Raw | Stage::Thresholds) => {
                unreachable!("only layers with a rescaling add maps or keep states")
            }
            (Operation::Deviation(operation), _) => {
                let step = DeviationStep {
                    sources: [of(0), of(1)],
                    layer: Arc::clone(layer),
                    operation,
                };
                (Step::Deviation(step), all)
            }
        })
    }
}
