//! AKD1500.

use super::akd1000::{FITTED_INPUT, FITTED_ROWS, FITTED_WEIGHTS, SCHEMATIC, TYPES, VERSIONS};
use super::akida1::AKIDA1;
use super::{Chip, Fact, HwVersion};

pub(super) static AKD1500: Chip = Chip {
    name: "AKD1500",
    version: Fact::stated(HwVersion::new(0xa1, 3, 9), VERSIONS),
    nps: Fact::inferred(
        32,
        "inferred: published benchmarks count at most 33 units, HRC included, in one pass, and their passes are the NPs divided by 32",
    ),
    nps_per_node: Fact::assumed(4, SCHEMATIC),
    columns: Fact::assumed(4, SCHEMATIC),
    fnp2: Fact::assumed(1, TYPES),
    hrc: Fact::stated(true, "published benchmarks count one HRC"),
    input_bytes: Fact::inferred(40_000, FITTED_INPUT),
    weight_bytes: Fact::inferred(37_400, FITTED_WEIGHTS),
    np_rows: Fact::inferred(32, FITTED_ROWS),
    limits: &AKIDA1,
};
