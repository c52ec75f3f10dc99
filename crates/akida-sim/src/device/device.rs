//! A device: what models are checked against and mapped on.

use super::akida1::akd1000::AKD1000;
use super::akida1::akd1500::AKD1500;
use super::akida1::two_nodes_ip_v1::TWO_NODES_IP_V1;
use super::chip::Chip;
use super::chips::CHIPS;
use super::limits::Limits;
use super::mesh::{Mesh, NpType, SramSize};
use super::program::ProgramSize;
use super::timing::Timing;
use super::version::HwVersion;
use crate::IpVersion;
use alloc::format;
use alloc::string::String;
use core::fmt;

/// The chip that stands in for what an imagined device does not say.
static LIKE: &Chip = &AKD1000;

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
    /// What a program takes.
    pub program: ProgramSize,
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

    /// The device of a documented name (`"AKD1000"`, `"AKD1500"`, `"TwoNodesIPv1"`), whatever its case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let mut chips = CHIPS.iter();
        let chip = chips.find(|c| c.name.eq_ignore_ascii_case(name))?;
        Some(Self::from(*chip))
    }

    /// An imagined Akida 1.0 device with two groups of NPs.
    ///
    /// The first `convolution` NPs run convolutions. The next `fully_connected` NPs run fully connected layers, and the
    /// first NP of this group reads weights from external memory. Limits are those of AKD1000, and memory is too without
    /// `sram`.
    #[must_use]
    pub fn custom(
        convolution: usize,
        fully_connected: usize,
        hrc: bool,
        sram: Option<SramSize>,
        version: HwVersion,
    ) -> Self {
        let types = |i: usize| -> &'static [NpType] {
            match i.checked_sub(convolution) {
                None => &[NpType::Cnp1],
                Some(0) => &[NpType::Fnp2],
                Some(_) => &[NpType::Fnp3],
            }
        };
        let count = convolution.saturating_add(fully_connected);
        let sram = sram.unwrap_or(LIKE.sram());
        Self {
            name: String::from("custom"),
            version,
            mesh: Mesh::new(
                count,
                LIKE.nps_per_node.value,
                LIKE.columns.value,
                types,
                hrc,
                sram,
            ),
            program: LIKE.program,
            limits: LIKE.limits,
            timing: None,
            chip: None,
        }
    }

    /// Input rows that one NP takes at most.
    #[must_use]
    pub fn np_rows(&self) -> usize {
        self.chip.unwrap_or(LIKE).np_rows.value
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
                chip.sram(),
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
