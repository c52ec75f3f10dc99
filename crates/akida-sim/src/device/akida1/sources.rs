//! Sources and sets of values that several numbers of Akida 1.0 share.

use crate::device::limit::Allowed;

/// The page that states the limits on layers.
pub(super) const PAGE: &str =
    "Akida 1.0 hardware constraints page (doc.brainchipinc.com/user_guide/hardware/1.0.html)";

/// The widths of the levels that layers exchange.
pub(super) const LEVEL_BITS: Allowed = Allowed::OneOf(&[1, 2, 4]);

/// Why types of NPs are assumed.
pub(super) const TYPES: &str = "types of NPs are not public: every NP is taken to convolve and to run fully connected layers, one of \
                                them with weights in external memory; published mappings agree (64 CNP1 + 1 FNP2 + 2 FNP3; 67 for \
                                convolutions + 1)";
