//! Sources that several numbers of Akida 2.0 share.

/// The page that states the limits on layers.
pub(super) const PAGE: &str =
    "Akida 2.0 hardware constraints page (doc.brainchipinc.com/user_guide/hardware/2.0.html)";
/// Why the NPs of a node are assumed.
pub(super) const NODES: &str =
    "the number of nodes is stated; four NPs in each are assumed, as on AKD1000";
/// Why types of NPs are assumed.
pub(super) const TYPES: &str = "types of NPs are not public: every NP is taken to run convolutions, temporal, recurrent and \
                                fully connected layers, one of them with weights in external memory";
/// Why there is taken to be an image convolution unit.
pub(super) const HRC: &str = "InputConv2D is on the hardware constraints page, and a device is created with an HRC by default";
