//! Bounds on what a file may ask for.

/// The largest payload that the format allows, whatever the caller's limits: 1 GiB.
///
/// It keeps every offset of the payload inside the 31 bits of FlatBuffers.
pub(crate) const MAX_PAYLOAD: u64 = 1 << 30;
/// The longest layer name that the format allows, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Bounds on the memory that one model may take, when it is read and when it is written.
///
/// Decoding takes at most 6 · (file + payload) + 1 MiB, with the model that it gives. Weights stay packed at their own
/// width. Other integers take four bytes each, where a file has one or two for some. The limits bound the payload. They bound the number of weights too, for programs that unpack weights. The defaults
/// are far above what any chip holds. Writing obeys the limits too. So [`decode`](crate::decode) takes what
/// [`encode`](crate::encode) gives.
///
/// # Examples
///
/// The limit is too small on purpose:
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
    /// A payload of 256 MiB, and 2^28 weights.
    pub const DEFAULT: Self = Self {
        max_payload: 256 << 20,
        max_weights: 1 << 28,
    };

    /// Limits with at most this many bytes of uncompressed payload. The default is 256 MiB.
    ///
    /// The format allows 1 GiB. A larger limit means 1 GiB.
    #[must_use]
    pub const fn with_max_payload(mut self, bytes: u64) -> Self {
        self.max_payload = if bytes < MAX_PAYLOAD {
            bytes
        } else {
            MAX_PAYLOAD
        };
        self
    }

    /// Limits with at most this many weights in all layers together. The default is 2^28, or 268,435,456.
    ///
    /// A weight takes as many bits in a model as in its file. A plan that runs the model unpacks weights.
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
