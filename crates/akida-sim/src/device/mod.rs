//! The chips as data: meshes, memories and limits, each value with its source and standing.
//!
//! One file per device; the limits that the Akida 1.0 devices share are in `akida1.rs`. No number of a chip is written
//! anywhere else.

mod akd1000;
mod akd1500;
mod akida1;
mod limits;
mod mesh;
mod timing;
mod two_nodes_ip_v1;

pub use akida1::{
    ConvLimits, FullyLimits, IMAGE_REGISTERS, ImageLimits, Limits, ProgramSize, REGISTERS,
    Registers,
};
pub use limits::{Allowed, FilterLimit, Limit};
pub use mesh::{HwVersion, Mesh, Np, NpIdent, NpType, SramSize};
pub use timing::{EstimateError, Timing};

use crate::IpVersion;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How well a value of a chip is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Public documentation says so.
    Stated,
    /// It follows from published figures.
    Inferred,
    /// Nothing public says it; a plausible value stands in.
    Assumed,
}

impl Standing {
    /// `"stated"`, `"inferred"` or `"assumed"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }
}

/// A value with where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// How well it is known.
    pub standing: Standing,
    /// Where it is from, in words.
    pub source: &'static str,
}

impl<T> Fact<T> {
    pub(crate) const fn stated(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Stated,
            source,
        }
    }

    pub(crate) const fn inferred(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Inferred,
            source,
        }
    }

    pub(crate) const fn assumed(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Assumed,
            source,
        }
    }
}

/// What is known of a chip that is made: the content of one device file.
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// The documented name, e.g. `"AKD1000"`.
    pub name: &'static str,
    /// The version that the documentation lists.
    pub version: Fact<HwVersion>,
    /// The number of NPs, the image convolution unit not counted.
    pub nps: Fact<usize>,
    /// NPs of one node, which share a place in the mesh.
    pub nps_per_node: Fact<usize>,
    /// Nodes side by side in the mesh.
    pub columns: Fact<usize>,
    /// NPs that can run a fully connected layer with weights in external memory.
    pub fnp2: Fact<usize>,
    /// Whether there is a unit for image convolutions (HRC).
    pub hrc: Fact<bool>,
    /// Memory of one NP for its inputs, in bytes.
    pub input_bytes: Fact<usize>,
    /// Memory of one NP for its filters, in bytes.
    pub weight_bytes: Fact<usize>,
    /// Rows of its input that one NP takes at most.
    pub np_rows: Fact<usize>,
    /// Speed and energy, where benchmarks are public.
    pub timing: Option<Timing>,
    /// What the layers must obey.
    pub limits: &'static Limits,
}

/// The chips that are known by name.
pub static CHIPS: [&Chip; 3] = [
    &akd1000::AKD1000,
    &akd1500::AKD1500,
    &two_nodes_ip_v1::TWO_NODES_IP_V1,
];

/// A chip, made or imagined, on which models are mapped.
///
/// # Examples
///
/// ```
/// use akida_sim::device::Device;
///
/// let device = Device::akd1000();
/// assert_eq!(device.mesh.nps.len(), 80);
/// assert_eq!(device.desc(), "VirtualDevice/BC.00.000.002");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The documented name; `"custom"` for devices that are not made.
    pub name: String,
    /// The hardware version.
    pub version: HwVersion,
    /// NPs and memories.
    pub mesh: Mesh,
    /// What the layers must obey.
    pub limits: &'static Limits,
    /// Speed and energy, where benchmarks are public.
    pub timing: Option<Timing>,
    /// The chip behind it, with sources; `None` for devices that are not made.
    pub chip: Option<&'static Chip>,
}

impl Device {
    /// AKD1000, the production chip.
    #[must_use]
    pub fn akd1000() -> Self {
        Self::from(&akd1000::AKD1000)
    }

    /// AKD1500.
    #[must_use]
    pub fn akd1500() -> Self {
        Self::from(&akd1500::AKD1500)
    }

    /// The Akida 1.0 IP with two nodes.
    #[must_use]
    pub fn two_nodes_ip_v1() -> Self {
        Self::from(&two_nodes_ip_v1::TWO_NODES_IP_V1)
    }

    /// The device of a documented name (`"AKD1000"`, `"AKD1500"`, `"TwoNodesIPv1"`), whatever its case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let mut chips = CHIPS.iter();
        let chip = chips.find(|c| c.name.eq_ignore_ascii_case(name))?;
        Some(Self::from(*chip))
    }

    /// An imagined Akida 1.0 device: `convolution` NPs for convolutions, then `fully_connected` ones, of which the first reads
    /// weights from external memory.
    #[must_use]
    pub fn custom(
        convolution: usize,
        fully_connected: usize,
        hrc: bool,
        sram: Option<SramSize>,
        version: HwVersion,
    ) -> Self {
        let like = &akd1000::AKD1000;
        let types = |i: usize| -> &'static [NpType] {
            match i.checked_sub(convolution) {
                None => &[NpType::Cnp1],
                Some(0) => &[NpType::Fnp2],
                Some(_) => &[NpType::Fnp3],
            }
        };
        let count = convolution.saturating_add(fully_connected);
        let sram = sram.unwrap_or(SramSize::of(like));
        Self {
            name: String::from("custom"),
            version,
            mesh: Mesh::new(
                count,
                like.nps_per_node.value,
                like.columns.value,
                types,
                hrc,
                sram,
            ),
            limits: like.limits,
            timing: None,
            chip: None,
        }
    }

    /// Rows of its input that one NP takes at most.
    #[must_use]
    pub fn np_rows(&self) -> usize {
        self.chip.unwrap_or(&akd1000::AKD1000).np_rows.value
    }

    /// The generation of the layers that it runs.
    #[must_use]
    pub fn ip_version(&self) -> IpVersion {
        IpVersion::V1
    }

    /// The documented description of a device without hardware: `VirtualDevice/` and the version.
    #[must_use]
    pub fn desc(&self) -> String {
        format!("VirtualDevice/{}", self.version)
    }
}

impl From<&'static Chip> for Device {
    fn from(chip: &'static Chip) -> Self {
        let fnp2 = chip.fnp2.value;
        let types = |i: usize| -> &'static [NpType] {
            if i < fnp2 {
                &[NpType::Cnp1, NpType::Fnp2]
            } else {
                &[NpType::Cnp1, NpType::Fnp3]
            }
        };
        Self {
            name: String::from(chip.name),
            version: chip.version.value,
            mesh: Mesh::new(
                chip.nps.value,
                chip.nps_per_node.value,
                chip.columns.value,
                types,
                chip.hrc.value,
                SramSize::of(chip),
            ),
            limits: chip.limits,
            timing: chip.timing,
            chip: Some(chip),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.version)
    }
}

impl Chip {
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
            row("input memory of an NP, bytes", &self.input_bytes),
            row("filter memory of an NP, bytes", &self.weight_bytes),
            row("input rows of an NP, at most", &self.np_rows),
            row(
                "program bytes per byte of weights",
                &self.limits.program.per_weight_byte
            ),
            row("program bytes per NP", &self.limits.program.per_np),
        ];
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
