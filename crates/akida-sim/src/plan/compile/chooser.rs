//! The choice of kernels for one layer, with a note of each choice.

use super::super::choice::KernelChoice;
use super::super::error::PlanError;
use crate::interrupt::Watch;
use crate::kernels::{Bounds, Kernel, PlanOptions, Selection, Table, select};
use crate::memory::{self, OutOfMemory};
use crate::model::Layer;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Makes the step of one layer, and notes the kernels that it chooses.
pub(super) struct Chooser<'a, 'w> {
    pub(super) layer: &'a Arc<Layer>,
    pub(super) options: &'a PlanOptions,
    choices: &'a mut Vec<KernelChoice>,
    pub(super) watch: &'a mut Watch<'w>,
}

impl<'a, 'w> Chooser<'a, 'w> {
    pub(super) fn new(
        layer: &'a Arc<Layer>,
        options: &'a PlanOptions,
        choices: &'a mut Vec<KernelChoice>,
        watch: &'a mut Watch<'w>,
    ) -> Self {
        Self {
            layer,
            options,
            choices,
            watch,
        }
    }

    /// Chooses a kernel that is exact within `bounds`, and notes it.
    pub(super) fn choose<K: Table>(&mut self, bounds: Bounds) -> Result<K, PlanError> {
        let selection = self.select(bounds)?;
        self.note(selection)
    }

    /// Selects a kernel that is exact within `bounds`, without a note: the caller may decide against it.
    pub(super) fn select<K: Table>(&self, bounds: Bounds) -> Result<Selection<K>, PlanError> {
        select::<K>(bounds, self.options).map_err(|declined| PlanError::Kernel {
            kernel: self.options.kernel.clone().unwrap_or_default(),
            layer: Some(self.layer.name().to_owned()),
            reason: declined
                .into_iter()
                .find(|(name, _)| Some(*name) == self.options.kernel.as_deref())
                .map_or_else(String::new, |(_, reason)| reason),
        })
    }

    /// Notes that the layer uses a selected kernel.
    pub(super) fn note<K: Kernel>(&mut self, selection: Selection<K>) -> Result<K, PlanError> {
        let choice = KernelChoice {
            layer: self.layer.name().to_owned(),
            kernel: selection.kernel.name(),
            declined: selection.declined,
        };
        memory::push(self.choices, choice).map_err(|error| self.memory(error))?;
        Ok(selection.kernel)
    }

    /// The error of a layer whose weights the memory does not hold.
    pub(super) fn memory(&self, error: OutOfMemory) -> PlanError {
        PlanError::Memory {
            layer: self.layer.name().to_owned(),
            bytes: error.bytes,
        }
    }
}
