//! What is known of one chip.

use super::fact::{Fact, Standing};
use super::limits::Limits;
use super::mesh::SramSize;
use super::program::ProgramSize;
use super::timing::Timing;
use super::version::HwVersion;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What is known of a chip that is made. Each chip has a file, which holds one value of this type.
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// The documented name, e.g. `"AKD1000"`.
    pub name: &'static str,
    /// The version that the documentation lists.
    pub version: Fact<HwVersion>,
    /// The number of NPs. The image convolution unit does not count as an NP.
    pub nps: Fact<usize>,
    /// NPs of one node. The NPs of a node share a place in the mesh.
    pub nps_per_node: Fact<usize>,
    /// Nodes side by side in the mesh.
    pub columns: Fact<usize>,
    /// NPs that can run a fully connected layer with weights in external memory.
    pub fnp2: Fact<usize>,
    /// Whether there is a unit for image convolutions (HRC).
    pub hrc: Fact<bool>,
    /// What one NP holds; `None` where nothing public tells it.
    pub memory: Option<NpMemory>,
    /// Speed and energy, where benchmarks are public.
    pub timing: Option<Timing>,
    /// What a program takes, where sizes are public.
    pub program: Option<ProgramSize>,
    /// The limits that layers must obey.
    pub limits: Limits,
}

/// What one NP holds of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NpMemory {
    /// Memory for inputs, in bytes.
    pub input_bytes: Fact<usize>,
    /// Memory for filters, in bytes.
    pub weight_bytes: Fact<usize>,
    /// Input rows at most.
    pub rows: Fact<usize>,
}

impl Chip {
    /// The memory of one NP; `None` where nothing public tells it.
    #[must_use]
    pub fn sram(&self) -> Option<SramSize> {
        self.memory.map(|memory| SramSize {
            input_bytes: memory.input_bytes.value,
            weight_bytes: memory.weight_bytes.value,
        })
    }

    /// Every fact as (what, value, standing, source), for reports.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String, Standing, &'static str)> {
        fn row<T: fmt::Display>(
            what: &'static str,
            fact: &Fact<T>,
        ) -> (&'static str, String, Standing, &'static str) {
            (what, format!("{}", fact.value), fact.standing, fact.source)
        }
        let hrc = Fact {
            value: if self.hrc.value { "yes" } else { "no" },
            standing: self.hrc.standing,
            source: self.hrc.source,
        };
        let mut all = alloc::vec![
            row("version", &self.version),
            row("NPs (image convolution unit not counted)", &self.nps),
            row("NPs per node", &self.nps_per_node),
            row("columns of nodes", &self.columns),
            row("NPs for weights in external memory (FNP2)", &self.fnp2),
            row("image convolution unit (HRC)", &hrc),
        ];
        if let Some(memory) = &self.memory {
            all.extend([
                row("input memory of an NP, bytes", &memory.input_bytes),
                row("filter memory of an NP, bytes", &memory.weight_bytes),
                row("input rows of an NP, at most", &memory.rows),
            ]);
        }
        if let Some(program) = &self.program {
            all.extend([
                row(
                    "program bytes per byte of weights",
                    &program.per_weight_byte,
                ),
                row("program bytes per NP", &program.per_np),
            ]);
        }
        if let Some(t) = &self.timing {
            all.extend([
                row("clock, MHz", &t.clock_mhz),
                row("cycles of the HRC per output", &t.image_cycles),
                row("multiply-accumulates of an NP per cycle", &t.macs_per_cycle),
                row(
                    "cycles per pointwise weight and part of the rows",
                    &t.separable_weight_cycles,
                ),
                row(
                    "cycles per weight of a fully connected layer",
                    &t.fully_weight_cycles,
                ),
                row("power at rest, mW", &t.floor_mw),
                row("energy of an effective multiply-accumulate, pJ", &t.mac_pj),
                row(
                    "energy per byte of filters loaded in every frame, nJ",
                    &t.reload_nj,
                ),
            ]);
        }
        all
    }
}
