//! What is particular to Akida 1.0: its limits on layers, the units that a layer takes, and how long a layer takes.

pub(super) mod cycles;
pub(super) mod judge;
mod limits;
mod registers;
mod remedy;
