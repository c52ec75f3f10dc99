//! What is particular to Akida 2.0: its limits on layers.

pub(super) mod judge;
mod rules;
