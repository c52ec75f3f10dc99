//! The Akida 1.0 IP with two nodes.

use super::generation::AKIDA1;
use super::program::PROGRAM;
use super::sources::{FITTED_INPUT, FITTED_ROWS, FITTED_WEIGHTS, SCHEMATIC, TYPES, VERSIONS};
use crate::device::chip::Chip;
use crate::device::fact::Fact;
use crate::device::limits::Limits;
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
    input_bytes: Fact::inferred(40_000, FITTED_INPUT),
    weight_bytes: Fact::inferred(37_400, FITTED_WEIGHTS),
    np_rows: Fact::inferred(32, FITTED_ROWS),
    timing: None,
    program: PROGRAM,
    limits: Limits::Akida1(&AKIDA1),
};
