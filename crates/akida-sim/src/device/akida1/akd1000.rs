//! AKD1000, the production chip of 2021.

use super::generation::AKIDA1;
use super::np_memory::NP_MEMORY;
use super::program::PROGRAM;
use super::sources::TYPES;
use crate::device::chip::Chip;
use crate::device::fact::Fact;
use crate::device::limits::Limits;
use crate::device::sources::{SCHEMATIC, VERSIONS};
use crate::device::version::HwVersion;

pub(in crate::device) static AKD1000: Chip = Chip {
    name: "AKD1000",
    version: Fact::stated(HwVersion::new(0x00, 0, 2), VERSIONS),
    nps: Fact::stated(
        80,
        "front page of the documentation; Microprocessor Report, October 2019",
    ),
    nps_per_node: Fact::assumed(4, SCHEMATIC),
    columns: Fact::assumed(5, SCHEMATIC),
    fnp2: Fact::assumed(1, TYPES),
    hrc: Fact::stated(true, "published mappings list one HRC"),
    memory: Some(NP_MEMORY),
    timing: None,
    program: Some(PROGRAM),
    limits: Limits::Akida1(&AKIDA1),
};
