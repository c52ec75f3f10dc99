//! A device: what models are checked against and mapped on.

use super::akida1::akd1000::AKD1000;
use super::akida1::akd1500::AKD1500;
use super::akida1::two_nodes_ip_v1::TWO_NODES_IP_V1;
use super::akida2::revision::{NEWEST, REVISIONS};
use super::akida2::six_nodes_ip_v2::SIX_NODES_IP_V2;
use super::akida2::two_nodes_ip_v2::TWO_NODES_IP_V2;
use super::chip::Chip;
use super::chips::CHIPS;
use super::limits::Limits;
use super::mesh::{Mesh, NpType, SramSize};
use super::program::ProgramSize;
use super::timing::Timing;
use super::version::HwVersion;
use crate::IpVersion;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

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
/// assert_eq!(Device::six_nodes_ip_v2().desc(), "VirtualDevice/BC.A2.001.000");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The documented name; `"custom"` for devices that are not made. Behind an `@` the revision, unless it is the newest.
    pub name: String,
    /// The hardware version.
    pub version: HwVersion,
    /// NPs and memories.
    pub mesh: Mesh,
    /// What a program takes, where sizes are public.
    pub program: Option<ProgramSize>,
    /// The limits that layers must obey.
    pub limits: Limits,
    /// Speed and energy, where benchmarks are public.
    pub timing: Option<Timing>,
    /// The chip behind the device, with sources; `None` for devices that are not made.
    pub chip: Option<&'static Chip>,
}

impl Device {
    /// AKD1000, the production chip.
    #[must_use]
    pub fn akd1000() -> Self {
        Self::from(&AKD1000)
    }

    /// AKD1500.
    #[must_use]
    pub fn akd1500() -> Self {
        Self::from(&AKD1500)
    }

    /// The Akida 1.0 IP with two nodes.
    #[must_use]
    pub fn two_nodes_ip_v1() -> Self {
        Self::from(&TWO_NODES_IP_V1)
    }

    /// The Akida 2.0 IP with two nodes.
    #[must_use]
    pub fn two_nodes_ip_v2() -> Self {
        Self::from(&TWO_NODES_IP_V2)
    }

    /// The Akida 2.0 IP with six nodes.
    #[must_use]
    pub fn six_nodes_ip_v2() -> Self {
        Self::from(&SIX_NODES_IP_V2)
    }

    /// The device of a documented name (`"AKD1000"`, `"SixNodesIPv2"`, …), whatever its case.
    ///
    /// An older revision of an Akida 2.0 device stands behind an `@`, as in `"SixNodesIPv2@2.10"`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let (base, revision) = match name.split_once('@') {
            Some((base, revision)) => (base, Some(revision)),
            None => (name, None),
        };
        let mut chips = CHIPS.iter();
        let chip = chips.find(|c| c.name.eq_ignore_ascii_case(base))?;
        let device = Self::from(*chip);
        match revision {
            Some(revision) => device.with_revision(revision),
            None => Some(device),
        }
    }

    /// Every name that [`by_name`](Self::by_name) knows, older revisions last.
    #[must_use]
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = CHIPS.iter().map(|chip| chip.name.to_string()).collect();
        for revision in REVISIONS.iter().filter(|r| r.revision != NEWEST.revision) {
            for chip in CHIPS.iter().filter(|c| c.limits == Limits::Akida2(&NEWEST)) {
                names.push(format!("{}@{}", chip.name, revision.revision));
            }
        }
        names
    }

    /// The same device of another revision: `"2.14"`, the newest, or `"2.10"`, with layers of 8 bits alone.
    ///
    /// `None` for other revisions, and for devices of Akida 1.0, which have none.
    #[must_use]
    pub fn with_revision(mut self, revision: &str) -> Option<Self> {
        let Limits::Akida2(_) = self.limits else {
            return None;
        };
        let limits = REVISIONS.iter().find(|r| r.revision == revision)?;
        self.limits = Limits::Akida2(limits);
        let base = self.name.split('@').next().unwrap_or_default();
        self.name = match revision == NEWEST.revision {
            true => base.to_string(),
            false => format!("{base}@{revision}"),
        };
        Some(self)
    }

    /// The revision of an Akida 2.0 device; `None` for Akida 1.0.
    #[must_use]
    pub fn revision(&self) -> Option<&'static str> {
        match self.limits {
            Limits::Akida1(_) => None,
            Limits::Akida2(limits) => Some(limits.revision),
        }
    }

    /// An imagined device with two groups of NPs, of the generation that `version` tells.
    ///
    /// The first `convolution` NPs run convolutions, and on Akida 2.0 temporal and recurrent layers too. The next
    /// `fully_connected` NPs run fully connected layers, and the first NP of this group reads weights from external memory.
    ///
    /// Without `sram`, memory on Akida 1.0 is that of AKD1000. On Akida 2.0 it is not known, and nothing is cut to fit it.
    /// `skip_channels` is how many skip connections can be carried at once. Akida 1.0 has no skip connections.
    #[must_use]
    pub fn custom(
        convolution: usize,
        fully_connected: usize,
        hrc: bool,
        sram: Option<SramSize>,
        version: HwVersion,
        skip_channels: usize,
    ) -> Self {
        let like = Self::like(version.ip_version());
        let convolves: &'static [NpType] = match version.ip_version() {
            IpVersion::V1 => &[NpType::Cnp1],
            IpVersion::V2 => &[NpType::Cnp1, NpType::TnpB, NpType::TnpR],
        };
        let types = |i: usize| -> &'static [NpType] {
            match i.checked_sub(convolution) {
                None => convolves,
                Some(0) => &[NpType::Fnp2],
                Some(_) => &[NpType::Fnp3],
            }
        };
        let count = convolution.saturating_add(fully_connected);
        Self {
            name: String::from("custom"),
            version,
            mesh: Mesh::new(
                count,
                (like.nps_per_node.value, like.columns.value),
                types,
                hrc,
                sram.or(like.sram()),
                Some(skip_channels),
            ),
            program: like.program,
            limits: like.limits,
            timing: None,
            chip: None,
        }
    }

    /// The chip that stands in for what an imagined device of a generation does not say.
    fn like(generation: IpVersion) -> &'static Chip {
        match generation {
            IpVersion::V1 => &AKD1000,
            IpVersion::V2 => &SIX_NODES_IP_V2,
        }
    }

    /// Input rows that one NP takes at most; `None` where nothing public limits them.
    #[must_use]
    pub fn np_rows(&self) -> Option<usize> {
        let chip = self.chip.unwrap_or(Self::like(self.ip_version()));
        chip.memory.map(|memory| memory.rows.value)
    }

    /// The generation of the layers that the device runs.
    #[must_use]
    pub fn ip_version(&self) -> IpVersion {
        self.limits.ip_version()
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
        let (first, others): (&'static [NpType], &'static [NpType]) = match chip.limits.ip_version()
        {
            IpVersion::V1 => (&[NpType::Cnp1, NpType::Fnp2], &[NpType::Cnp1, NpType::Fnp3]),
            IpVersion::V2 => (
                &[NpType::Cnp1, NpType::Fnp2, NpType::TnpB, NpType::TnpR],
                &[NpType::Cnp1, NpType::Fnp3, NpType::TnpB, NpType::TnpR],
            ),
        };
        // Akida 1.0 has no skip connections.
        let skip_channels = match chip.limits.ip_version() {
            IpVersion::V1 => Some(0),
            IpVersion::V2 => None,
        };
        Self {
            name: String::from(chip.name),
            version: chip.version.value,
            mesh: Mesh::new(
                chip.nps.value,
                (chip.nps_per_node.value, chip.columns.value),
                |i| if i < fnp2 { first } else { others },
                chip.hrc.value,
                chip.sram(),
                skip_channels,
            ),
            program: chip.program,
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
