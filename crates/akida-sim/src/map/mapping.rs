//! The result: sequences, passes and the units of each layer.

use super::place::MapMode;
use super::skips::SkipConnection;
use super::violation::Violation;
use crate::device::{Device, NpIdent, NpType};
use crate::memory::OutOfMemory;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A rectangle of a layer's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NpSpace {
    /// The first row.
    pub x: usize,
    /// The first column.
    pub y: usize,
    /// Rows and columns.
    pub shape: (usize, usize),
}

/// What one unit takes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpMapping {
    /// The unit's place; `None` for the image convolution unit, which has none in the mesh.
    pub ident: Option<NpIdent>,
    /// What the unit is programmed to do.
    pub kind: NpType,
    /// The first filter of the unit.
    pub start_neuron: usize,
    /// The number of filters of the unit.
    pub filters: usize,
    /// The unit's part of the layer's input, borders left out.
    pub spatial_partition: NpSpace,
    /// Bytes of the unit's part of the input.
    pub input_bytes: u64,
    /// Bytes of the filters that the unit's own memory holds.
    pub weight_bytes: u64,
    /// Bytes of the filters that the unit reads from external memory.
    pub external_bytes: u64,
}

/// Where a layer runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerMapping {
    /// The index of the layer's sequence.
    pub sequence: usize,
    /// The index of the layer's pass in the sequence.
    pub pass: usize,
    /// The layer's units; none in software, and for layers without arithmetic of an NP: `InputData`, `Add`, `Concatenate`.
    pub nps: Vec<NpMapping>,
}

/// Layers that are loaded together, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The indices of the layers.
    pub layers: Range<usize>,
}

/// Layers that run without a stop, on the chip or in software.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    pub(super) name: String,
    pub(super) hardware: bool,
    pub(super) passes: Vec<Pass>,
    pub(super) program_bytes: Option<u64>,
}

impl Sequence {
    /// `HW/` or `SW/`, and the names of the first and the last layer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the sequence runs on the chip.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.hardware
    }

    /// The parts that are programmed one after the other. A sequence in software has one.
    #[must_use]
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// About how many bytes the program takes on the chip, weights in external memory included; `None` in software, and for
    /// chips whose programs have no public sizes.
    #[must_use]
    pub fn program_bytes(&self) -> Option<u64> {
        self.program_bytes
    }

    /// The layers, as indices.
    #[must_use]
    pub fn layers(&self) -> Range<usize> {
        let end = |range: Option<&Pass>| range.map_or(0..0, |p| p.layers.clone());
        end(self.passes.first()).start..end(self.passes.last()).end
    }
}

/// A model placed on a device. A mapping changes no result.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    pub(super) device: Device,
    pub(super) mode: MapMode,
    pub(super) layers: Vec<LayerMapping>,
    pub(super) sequences: Vec<Sequence>,
    pub(super) skip_connections: Vec<SkipConnection>,
    pub(super) violations: Vec<Violation>,
}

impl Mapping {
    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> MapMode {
        self.mode
    }

    /// Where each layer of the model runs, in layer order.
    #[must_use]
    pub fn layers(&self) -> &[LayerMapping] {
        &self.layers
    }

    /// The sequences, in the order in which they run. Each layer is in one sequence.
    #[must_use]
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// The skip connections on the chip, in the order of the layers that join them. Each takes a channel of skip DMA.
    #[must_use]
    pub fn skip_connections(&self) -> &[SkipConnection] {
        &self.skip_connections
    }

    /// Why layers run in software, and what could go wrong on the chip.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The NPs that layers take. The image convolution unit is not counted; an NP counts in each pass that uses it.
    #[must_use]
    pub fn nps(&self) -> usize {
        let counted = |np: &&NpMapping| np.kind != NpType::Hrc;
        self.layers
            .iter()
            .flat_map(|l| &l.nps)
            .filter(counted)
            .count()
    }

    /// The passes of all hardware sequences.
    #[must_use]
    pub fn passes(&self) -> usize {
        let hardware = self.sequences.iter().filter(|s| s.hardware);
        hardware.map(|s| s.passes.len()).sum()
    }
}

/// Why a model has no mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapError {
    /// The device refuses the model: every violation but the possible ones, which stop nothing.
    Refused(Vec<Violation>),
    /// The memory does not suffice for the reach of a layer.
    Memory(OutOfMemory),
}

impl MapError {
    /// Every violation that stands in the way; none where the memory does not suffice.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            MapError::Refused(violations) => violations,
            MapError::Memory(_) => &[],
        }
    }
}

impl From<OutOfMemory> for MapError {
    fn from(error: OutOfMemory) -> Self {
        MapError::Memory(error)
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let MapError::Memory(error) = self {
            return error.fmt(f);
        }
        for (i, violation) in self.violations().iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}

impl core::error::Error for MapError {}
