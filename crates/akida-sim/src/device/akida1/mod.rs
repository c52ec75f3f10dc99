//! Akida 1.0: the numbers of its chips, and its limits on layers.
//!
//! `limits` holds the types of the limits. Each other file holds numbers: one file per chip, one file per layer type with
//! limits, and one file each for registers, the memory of NPs, programs and the whole generation.

pub(super) mod akd1000;
pub(super) mod akd1500;
mod convolutions;
mod fully_connected;
mod generation;
mod input_convolutional;
pub(super) mod limits;
mod np_memory;
mod program;
mod registers;
mod sources;
pub(super) mod two_nodes_ip_v1;

pub use limits::{ConvLimits, FullyLimits, ImageLimits, LayerLimits, Limits, Registers};
