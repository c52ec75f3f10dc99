//! The Akida 1.0 IP with two nodes.

use super::generation::AKIDA1;
use super::np_memory::NP_MEMORY;
use super::program::PROGRAM;
use super::sources::TYPES;
use crate::device::chip::Chip;
use crate::device::fact::Fact;
use crate::device::limits::Limits;
use crate::device::sources::{SCHEMATIC, VERSIONS};
use crate::device::version::HwVersion;

pub(in crate::device) static TWO_NODES_IP_V1: Chip = Chip {
    name: "TwoNodesIPv1",
    version: Fact::stated(HwVersion::new(0xa1, 3, 6), VERSIONS),
    nps: Fact::assumed(
        8,
        "two nodes are stated; four NPs in each are assumed, as on AKD1000",
    ),
    nps_per_node: Fact::assumed(4, SCHEMATIC),
    columns: Fact::assumed(2, SCHEMATIC),
    fnp2: Fact::assumed(1, TYPES),
    hrc: Fact::assumed(true, "as on AKD1000"),
    memory: Some(NP_MEMORY),
    timing: None,
    program: Some(PROGRAM),
    limits: Limits::Akida1(&AKIDA1),
};
