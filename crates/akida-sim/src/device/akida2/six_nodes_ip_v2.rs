//! The Akida 2.0 IP with six nodes.

use super::revision::NEWEST;
use super::sources::{HRC, NODES, TYPES};
use crate::device::chip::Chip;
use crate::device::fact::Fact;
use crate::device::limits::Limits;
use crate::device::sources::{SCHEMATIC, VERSIONS};
use crate::device::version::HwVersion;

pub(in crate::device) static SIX_NODES_IP_V2: Chip = Chip {
    name: "SixNodesIPv2",
    version: Fact::stated(HwVersion::new(0xa2, 1, 0), VERSIONS),
    nps: Fact::assumed(24, NODES),
    nps_per_node: Fact::assumed(4, SCHEMATIC),
    columns: Fact::assumed(3, SCHEMATIC),
    fnp2: Fact::assumed(1, TYPES),
    hrc: Fact::inferred(true, HRC),
    memory: None,
    timing: None,
    program: None,
    limits: Limits::Akida2(&NEWEST),
};
