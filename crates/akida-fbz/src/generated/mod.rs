//! Accessors that `flatc` has generated from `schema/akida.fbs`. `scripts/check-generated-fbz.sh` compares the two.
//!
//! This is the only unsafe code of the crate. It reads only buffers that the FlatBuffers verifier has passed.

#[rustfmt::skip]
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    dead_code,
    deprecated,
    mismatched_lifetime_syntaxes,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unused_imports,
    reason = "generated code is taken as it is"
)]
mod akida_generated;

pub(crate) use akida_generated::fbz::*;
