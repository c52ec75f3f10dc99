//! What one NP of an Akida 1.0 chip holds.

use crate::device::chip::NpMemory;
use crate::device::fact::Fact;

const FITTED_INPUT: &str = "with 39,424 to 40,959 bytes, and at most 32 rows, the smallest mappings have the published NP counts";
const FITTED_WEIGHTS: &str =
    "with 36,864 to 37,600 bytes the smallest mappings have the published NP counts";
const FITTED_ROWS: &str = "with 28 to 35 rows the smallest mappings have the published NP counts";

pub(super) const NP_MEMORY: NpMemory = NpMemory {
    input_bytes: Fact::inferred(40_000, FITTED_INPUT),
    weight_bytes: Fact::inferred(37_400, FITTED_WEIGHTS),
    rows: Fact::inferred(32, FITTED_ROWS),
};
