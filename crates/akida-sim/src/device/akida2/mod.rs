//! Akida 2.0: the numbers of its devices, and its limits on layers.
//!
//! `limits` holds the types of the limits, `rules` the limits on layers, `revision` the sets of limits that releases of the
//! hardware have. Each other file holds the numbers of a device.

pub(super) mod limits;
pub(super) mod revision;
mod rules;
pub(super) mod six_nodes_ip_v2;
mod sources;
pub(super) mod two_nodes_ip_v2;

pub use limits::{Limits, Place, Rule, Subject};
pub use revision::REVISIONS;
