//! A whole model: its layers one by one, and the buffers that their steps share.

use super::super::choice::KernelChoice;
use super::super::error::PlanError;
use super::super::scratch::Sizes;
use super::super::step::Step;
use super::super::tail::Tail;
use super::chooser::Chooser;
use crate::kernels::{self, PlanOptions};
use crate::model::{Model, Operation};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

/// The steps of a model on this host, with what they need.
pub(in crate::plan) struct Compiled {
    /// The step of each layer, in layer order.
    pub(in crate::plan) steps: Box<[Step]>,
    /// The sizes of the buffers that the steps use in turn.
    pub(in crate::plan) sizes: Sizes,
    /// The kernels chosen, in layer order.
    pub(in crate::plan) choices: Box<[KernelChoice]>,
}

/// Makes the step of every layer.
pub(in crate::plan) fn compile(
    model: &Model,
    options: &PlanOptions,
    tail: Tail,
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
    let mut steps = Vec::with_capacity(model.layers().len());
    for layer in model.layers() {
        steps.push(match &layer.connection().operation {
            Operation::Pass => Step::Pass,
            Operation::Join => {
                let channels = |&i: &usize| (i, model.layers()[i].connection().output.shape.c);
                Step::Join {
                    parts: layer.inbounds().iter().map(channels).collect(),
                }
            }
            Operation::Windows(windows) => {
                let mut chooser = Chooser::new(layer, options, &mut choices);
                Step::Neural(Box::new(chooser.neural(windows)?))
            }
        });
    }
    let sizes = steps.iter().enumerate();
    let sizes = sizes.map(|(index, step)| step.sizes(tail.taken(index)));
    Ok(Compiled {
        sizes: sizes.fold(Sizes::default(), Sizes::max),
        steps: steps.into_boxed_slice(),
        choices: choices.into_boxed_slice(),
    })
}
