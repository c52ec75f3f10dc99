//! The Akida 1.0 IP with two nodes.

use super::akd1000::{FITTED_INPUT, FITTED_ROWS, FITTED_WEIGHTS, SCHEMATIC, TYPES, VERSIONS};
use super::akida1::AKIDA1;
use super::{Chip, Fact, HwVersion};

pub(super) static TWO_NODES_IP_V1: Chip = Chip {
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
    limits: &AKIDA1,
};
