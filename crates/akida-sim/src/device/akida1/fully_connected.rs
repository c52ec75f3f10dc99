//! The limits of Akida 1.0 on `FullyConnected`.

use super::limits::FullyLimits;
use super::sources::{LEVEL_BITS, PAGE};
use crate::device::limit::{Allowed, Limit};

pub(super) const FULLY_CONNECTED: FullyLimits = FullyLimits {
    inputs: Limit::stated(
        "inputs (height x width x channels)",
        Allowed::AtMost(57334),
        "Akida 1.0 hardware constraints page, since November 2021; \"W = H = 1\" there is that of the flattened input, as \
         published mappings of larger maps show",
    ),
    input_bits: Limit::stated("input_bits", LEVEL_BITS, PAGE),
    weights_bits: Limit::stated("weights_bits", LEVEL_BITS, PAGE),
    act_bits: Limit::stated("act_bits", LEVEL_BITS, PAGE),
};
