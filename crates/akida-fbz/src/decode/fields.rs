//! Fields of tables: fields that must be there, and fields that a newer version has added.

use crate::container::UPGRADE;
use crate::error::{DecodeError, DecodeErrorKind, Location};
use alloc::format;
use flatbuffers::{Table, VOffsetT};

/// The last field of a table without fields: everything from offset 4 on is unknown.
pub(super) const NO_FIELDS: VOffsetT = 2;

/// Refuses a table with fields after `last`, the last field of the schema. Their meaning is not known here.
pub(super) fn check_known(
    table: &Table<'_>,
    last: VOffsetT,
    at: impl FnOnce() -> Location,
) -> Result<(), DecodeError> {
    let vtable = table.vtable();
    let beyond = usize::from(last) + 2..vtable.num_bytes();
    let unknown_field = |offset| VOffsetT::try_from(offset).is_ok_and(|o| vtable.get(o) != 0);
    match beyond.step_by(2).find(|&offset| unknown_field(offset)) {
        None => Ok(()),
        Some(offset) => Err(DecodeError::new(
            DecodeErrorKind::Version,
            "the table",
            format!(
                "one of the first {} fields only",
                (usize::from(last) - 2) / 2
            ),
            format!("field {}", (offset - 2) / 2),
        )
        .at(at())
        .with_remedy(UPGRADE)),
    }
}

pub(super) fn required<T>(
    value: Option<T>,
    at: impl FnOnce() -> Location,
) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::field(DecodeErrorKind::Payload, at(), "present", "nothing"))
}

/// The error of a member of an enum or union that this version does not know.
pub(super) fn unknown(at: Location, allowed: &'static str, received: u8) -> DecodeError {
    DecodeError::field(DecodeErrorKind::Version, at, allowed, received).with_remedy(UPGRADE)
}
