//! The parts of a chip: processing units and their memories.

use alloc::vec::Vec;
use core::fmt;

/// What a processing unit can be programmed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NpType {
    /// Convolution of 8-bit images.
    Hrc,
    /// Convolution of levels.
    Cnp1,
    /// Fully connected layers, with weights in external memory.
    Fnp2,
    /// Fully connected layers, with weights in the NP's own memory.
    Fnp3,
}

impl NpType {
    /// The documented name, e.g. `"CNP1"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hrc => "HRC",
            Self::Cnp1 => "CNP1",
            Self::Fnp2 => "FNP2",
            Self::Fnp3 => "FNP3",
        }
    }
}

/// The place of an NP in the mesh. Real places are not public, so that places here are schematic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NpIdent {
    /// Column of the node, from 1.
    pub col: usize,
    /// Row of the node, from 1.
    pub row: usize,
    /// Number within the node, from 0.
    pub id: usize,
}

impl fmt::Display for NpIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.col, self.row, self.id)
    }
}

/// A processing unit and what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Np {
    /// The place of the unit.
    pub ident: NpIdent,
    /// What the unit can be programmed to do.
    pub types: &'static [NpType],
}

/// The memory of one NP, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SramSize {
    /// Memory for inputs.
    pub input_bytes: usize,
    /// Memory for filters.
    pub weight_bytes: usize,
}

/// The processing units of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// The NPs.
    pub nps: Vec<Np>,
    /// Whether there is a unit for image convolutions.
    pub hrc: bool,
    /// The memory of each NP.
    pub sram: SramSize,
}

impl Mesh {
    pub(super) fn new(
        count: usize,
        per_node: usize,
        columns: usize,
        types: impl Fn(usize) -> &'static [NpType],
        hrc: bool,
        sram: SramSize,
    ) -> Self {
        let np = |i: usize| {
            let node = i / per_node;
            let ident = NpIdent {
                col: 1 + node % columns,
                row: 1 + node / columns,
                id: i % per_node,
            };
            Np {
                ident,
                types: types(i),
            }
        };
        Self {
            nps: (0..count).map(np).collect(),
            hrc,
            sram,
        }
    }

    /// How many NPs can be programmed as `kind`.
    #[must_use]
    pub fn count(&self, kind: NpType) -> usize {
        match kind {
            NpType::Hrc => usize::from(self.hrc),
            _ => self
                .nps
                .iter()
                .filter(|np| np.types.contains(&kind))
                .count(),
        }
    }
}
