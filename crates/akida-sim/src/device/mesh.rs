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
    /// Convolution along time, over a queue of maps.
    TnpB,
    /// Recurrent layers.
    TnpR,
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
            Self::TnpB => "TNP_B",
            Self::TnpR => "TNP_R",
        }
    }

    /// Whether a layer can be cut into parts, by rows and filters, that run on several NPs of this type.
    pub(crate) const fn shares_a_layer(self) -> bool {
        match self {
            Self::Cnp1 | Self::TnpB => true,
            Self::Hrc | Self::Fnp2 | Self::Fnp3 | Self::TnpR => false,
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
    /// The memory of each NP; `None` where nothing public tells it.
    pub sram: Option<SramSize>,
    /// Channels that can carry a skip connection each (skip DMA); `None` where nothing public tells how many there are.
    pub skip_channels: Option<usize>,
}

impl Mesh {
    pub(super) fn new(
        count: usize,
        (per_node, columns): (usize, usize),
        types: impl Fn(usize) -> &'static [NpType],
        hrc: bool,
        sram: Option<SramSize>,
        skip_channels: Option<usize>,
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
            skip_channels,
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
