//! The registers of Akida 1.0 chips that hold the values of a filter.

use super::limits::Registers;
use crate::device::limit::{Allowed, Limit};

const NP_SOURCE: &str = "the published mapping error refuses 1246278 as a 20-bit unsigned integer, and published code \
                         takes 524287 and 65535 as the largest threshold and step";
const HRC_SOURCE: &str = "published conversion code (cnn2snn 2.19) bounds the steps of this layer by 2^20 - 1 and its \
                          thresholds by 2^23 - 1, where it bounds those of other layers by 2^16 - 1 and 2^19 - 1";

/// The registers of the image convolution unit (HRC), which runs `InputConvolutional`.
pub(super) const HRC_REGISTERS: Registers = Registers {
    threshold: Limit::inferred("threshold", Allowed::Signed(24), HRC_SOURCE),
    act_step: Limit::inferred("act_step", Allowed::Unsigned(24, 4), HRC_SOURCE),
    potential: Limit::inferred(
        "potential",
        Allowed::Signed(24),
        "weakly: potentials meet thresholds of 24 bits",
    ),
};

/// The registers of NPs, which run all other layers.
pub(super) const NP_REGISTERS: Registers = Registers {
    threshold: Limit::inferred("threshold", Allowed::Signed(20), NP_SOURCE),
    act_step: Limit::inferred("act_step", Allowed::Unsigned(20, 4), NP_SOURCE),
    potential: Limit::inferred(
        "potential",
        Allowed::Signed(20),
        "weakly: potentials meet thresholds of 20 bits, and the January 2020 page allows 20 bits for global average pooling",
    ),
};
