//! Bounds on what a file may ask for.

/// The largest payload that the format allows, whatever the caller's limits: 1 GiB.
///
/// It keeps every offset of the payload inside the 31 bits of FlatBuffers.
pub(crate) const MAX_PAYLOAD: u64 = 1 << 30;
/// The longest layer name that the format allows, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Bounds on the memory that one model may take, when it is read and when it is written.
///
/// Decoding takes at most four times the file and its payload together, and 1 MiB, the model that it gives included:
/// weights stay packed at their own width. The limits bound the payload, and the weights for those who unpack them. The
/// defaults are far above what any chip of this generation holds. Writing obeys the limits too, so that what
/// [`encode`](crate::encode) gives, [`decode`](crate::decode) takes.
///
/// # Examples
///
/// A limit that is too small on purpose:
///
/// ```
/// use akida_fbz::{DecodeErrorKind, Limits, decode_with, encode};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// builder.add("classes", FullyConnected::new(5), &[])?;
/// let bytes = encode(&builder.build()?)?;
///
/// let error = decode_with(&bytes, &Limits::default().with_max_weights(49)).unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::Limit);
/// assert!(decode_with(&bytes, &Limits::default().with_max_weights(50)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    max_payload: u64,
    max_weights: u64,
}

impl Limits {
    /// 256 MiB of payload, 2^28 weights.
    pub const DEFAULT: Self = Self {
        max_payload: 256 << 20,
        max_weights: 1 << 28,
    };

    /// With at most this many bytes of uncompressed payload; 256 MiB by default.
    ///
    /// The format itself ends at 1 GiB: a larger limit means that one.
    #[must_use]
    pub const fn with_max_payload(mut self, bytes: u64) -> Self {
        self.max_payload = if bytes < MAX_PAYLOAD {
            bytes
        } else {
            MAX_PAYLOAD
        };
        self
    }

    /// With at most this many weights in all layers together; 2^28 (268,435,456) by default.
    ///
    /// A weight takes as many bits in a model as in its file; a plan that runs the model unpacks it.
    #[must_use]
    pub const fn with_max_weights(mut self, weights: u64) -> Self {
        self.max_weights = weights;
        self
    }

    /// The largest uncompressed payload, in bytes.
    #[must_use]
    pub const fn max_payload(&self) -> u64 {
        self.max_payload
    }

    /// The largest number of weights of all layers together.
    #[must_use]
    pub const fn max_weights(&self) -> u64 {
        self.max_weights
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
