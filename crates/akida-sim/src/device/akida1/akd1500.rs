//! AKD1500.

use super::generation::AKIDA1;
use super::np_memory::NP_MEMORY;
use super::program::PROGRAM;
use super::sources::TYPES;
use crate::device::chip::Chip;
use crate::device::fact::Fact;
use crate::device::limits::Limits;
use crate::device::sources::{SCHEMATIC, VERSIONS};
use crate::device::timing::{EstimateError, Timing};
use crate::device::version::HwVersion;

pub(in crate::device) static AKD1500: Chip = Chip {
    name: "AKD1500",
    version: Fact::stated(HwVersion::new(0xa1, 3, 9), VERSIONS),
    nps: Fact::inferred(
        32,
        "published benchmarks count at most 33 units, HRC included, in one pass, and their passes are the NPs divided by 32",
    ),
    nps_per_node: Fact::assumed(4, SCHEMATIC),
    columns: Fact::assumed(4, SCHEMATIC),
    fnp2: Fact::assumed(1, TYPES),
    hrc: Fact::stated(true, "published benchmarks count one HRC"),
    memory: Some(NP_MEMORY),
    timing: Some(TIMING),
    program: Some(PROGRAM),
    limits: Limits::Akida1(&AKIDA1),
};

const LAYERS: &str = "published latencies of the layers of AkidaNet 1.0/224";
const FITTED: &str = "fitted to seven published benchmarks of AkidaNet 1.0, 0.5 and 0.25 at 224 pixels; errors are those on \
                      the same networks at 160 pixels, PlantVillage and arrhythmia, which were held out";

const TIMING: Timing = Timing {
    clock_mhz: Fact::stated(400.0, "published benchmarks"),
    image_cycles: Fact::inferred(2.01, LAYERS),
    macs_per_cycle: Fact::inferred(11.63, FITTED),
    separable_weight_cycles: Fact::inferred(2.976, FITTED),
    fully_weight_cycles: Fact::inferred(1.94, LAYERS),
    floor_mw: Fact::stated(112.5, "published benchmarks: 111 to 114 mW at 0.8 V"),
    mac_pj: Fact::inferred(25.01, FITTED),
    reload_nj: Fact::inferred(0.516, FITTED),
    latency_error: EstimateError {
        median: 0.09,
        largest: 0.216,
    },
    energy_error: EstimateError {
        median: 0.078,
        largest: 0.474,
    },
};
