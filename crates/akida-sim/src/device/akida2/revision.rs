//! The revisions of the Akida 2.0 hardware, by the release that they came with.

use super::limits::Limits;
use super::rules::{
    BRANCHES, CONCATENATE, EVERY, POOLED_SUCCESSOR, TEMPORAL, TRANSPOSED, Widths, conv, dense,
    depthwise, image,
};
use crate::device::fact::Standing;
use crate::device::limit::Allowed;

const FOUR_OR_EIGHT: Widths = Widths {
    allowed: Allowed::OneOf(&[4, 8]),
    standing: Standing::Stated,
    source: "Akida 2.0 hardware constraints page; 4 bits since release 2.14.0",
};
const EIGHT_ALONE: Widths = Widths {
    allowed: Allowed::OneOf(&[8]),
    standing: Standing::Inferred,
    source: "the notes of release 2.14.0 announce 4 bits on Akida 2.0: before it, everything had 8",
};

/// The newest revision: that of release 2.14 and later.
pub(in crate::device) static NEWEST: Limits = Limits {
    revision: "2.14",
    every: &EVERY,
    image: &image(FOUR_OR_EIGHT),
    conv: &conv(FOUR_OR_EIGHT),
    depthwise: &depthwise(FOUR_OR_EIGHT),
    transposed: &TRANSPOSED,
    dense: &dense(FOUR_OR_EIGHT),
    temporal: &TEMPORAL,
    concatenate: &CONCATENATE,
    pooled_successor: POOLED_SUCCESSOR.limit,
    branches: BRANCHES,
};

/// The revision up to release 2.10: every layer has 8 bits.
static EIGHT_BITS: Limits = Limits {
    revision: "2.10",
    every: &EVERY,
    image: &image(EIGHT_ALONE),
    conv: &conv(EIGHT_ALONE),
    depthwise: &depthwise(EIGHT_ALONE),
    transposed: &TRANSPOSED,
    dense: &dense(EIGHT_ALONE),
    temporal: &TEMPORAL,
    concatenate: &CONCATENATE,
    pooled_successor: POOLED_SUCCESSOR.limit,
    branches: BRANCHES,
};

/// Every revision, the newest one first.
pub static REVISIONS: [&Limits; 2] = [&NEWEST, &EIGHT_BITS];
