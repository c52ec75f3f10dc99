//! AKD1000, the production chip of 2021.

use super::akida1::AKIDA1;
use super::{Chip, Fact, HwVersion};

pub(super) const FITTED_INPUT: &str = "with 39,424 to 40,959 bytes, and at most 32 rows, the smallest mappings have the published NP counts";
pub(super) const FITTED_WEIGHTS: &str =
    "with 36,864 to 37,600 bytes the smallest mappings have the published NP counts";
pub(super) const FITTED_ROWS: &str =
    "with 28 to 35 rows the smallest mappings have the published NP counts";
pub(super) const SCHEMATIC: &str = "places of NPs are not public; schematic";
pub(super) const TYPES: &str = "types of NPs are not public: every NP is taken to convolve and to run fully connected layers, one of \
                                them with weights in external memory; published mappings agree (64 CNP1 + 1 FNP2 + 2 FNP3; 67 for \
                                convolutions + 1)";
pub(super) const VERSIONS: &str = "Akida API reference, hardware versions";

pub(super) static AKD1000: Chip = Chip {
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
    input_bytes: Fact::inferred(40_000, FITTED_INPUT),
    weight_bytes: Fact::inferred(37_400, FITTED_WEIGHTS),
    np_rows: Fact::inferred(32, FITTED_ROWS),
    timing: None,
    limits: &AKIDA1,
};
