//! Sources that chips of all generations share.

/// The source of the versions of chips.
pub(super) const VERSIONS: &str = "Akida API reference, hardware versions";
/// Why places of NPs are assumed.
pub(super) const SCHEMATIC: &str = "places of NPs are not public; schematic";
