//! What is in a file, layer by layer, without unpacking it.

use crate::container::{self, Header};
use crate::decode;
use crate::error::DecodeError;
use crate::limits::Limits;
use akida_sim::{Layer, Model, Weights};
use alloc::vec::Vec;

/// What a file consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The version of the format.
    pub format_version: u16,
    /// Whether the payload is compressed.
    pub is_compressed: bool,
    /// The length of the file in bytes.
    pub file_bytes: u64,
    /// The length of the payload in bytes, not compressed.
    pub payload_bytes: u64,
    /// The model, valid: names, parameters, shapes, multiply-accumulates.
    pub model: Model,
    /// What the variables of each layer consist of, in the order of the model's layers.
    pub layers: Vec<LayerSummary>,
}

/// What the variables of a layer consist of. A layer without any has no weights, and zero bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerSummary {
    /// Bytes of its variables in the payload.
    pub bytes: u64,
    /// `weights`, and `weights_pw` where there are.
    pub weights: Vec<WeightsSummary>,
    /// The smallest and the largest threshold, in potentials.
    pub threshold: Option<(i32, i32)>,
    /// The smallest and the largest step, the interval between levels on the 4-bit grid (`docs/arithmetic.md`, E1).
    pub act_step: Option<(f32, f32)>,
}

/// What weights consist of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsSummary {
    /// `"weights"` or `"weights_pw"`.
    pub name: &'static str,
    /// How many there are.
    pub count: u64,
    /// Bytes in the payload.
    pub bytes: u64,
    /// How often each value occurs, rising by value; values that do not occur are left out.
    pub histogram: Vec<(i8, u64)>,
}

/// What is in the bytes of an `.fbz` file.
///
/// It costs little more than [`decode`](crate::decode()): weights are counted packed, each layer for itself.
///
/// # Errors
///
/// As for [`decode`](crate::decode()).
///
/// # Examples
///
/// ```
/// use akida_fbz::{encode, inspect};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// builder.add("classes", FullyConnected::new(5), &[])?;
/// let file = encode(&builder.build()?)?;
///
/// let inspection = inspect(&file)?;
/// assert_eq!(inspection.file_bytes, file.len() as u64);
/// assert_eq!(inspection.model.macs(), 50);
/// assert_eq!(inspection.layers[1].weights[0].histogram, [(0, 50)]);
/// assert_eq!(inspection.layers[1].act_step, Some((1.0, 1.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect(bytes: &[u8]) -> Result<Inspection, DecodeError> {
    inspect_with(bytes, &Limits::DEFAULT)
}

/// [`inspect`] with other limits.
///
/// # Errors
///
/// As for [`decode`](crate::decode()).
///
/// # Examples
///
/// ```
/// use akida_fbz::{Limits, inspect_with};
///
/// let limits = Limits::default().with_max_payload(1 << 20);
/// assert!(inspect_with(b"PK", &limits).is_err());
/// ```
pub fn inspect_with(bytes: &[u8], limits: &Limits) -> Result<Inspection, DecodeError> {
    let payload = container::unwrap(bytes, limits)?;
    let model = decode::model(&payload, limits)?;
    let header = Header::read(bytes)?;
    Ok(Inspection {
        format_version: container::FORMAT_VERSION,
        is_compressed: header.is_compressed(),
        file_bytes: bytes.len() as u64,
        payload_bytes: payload.len() as u64,
        layers: model.layers().iter().map(|l| LayerSummary::of(l)).collect(),
        model,
    })
}

impl LayerSummary {
    /// What the variables of a layer consist of.
    #[must_use]
    pub fn of(layer: &Layer) -> Self {
        let Some(variables) = layer.variables() else {
            return Self::default();
        };
        let weights = [
            ("weights", Some(&variables.weights)),
            ("weights_pw", variables.weights_pw.as_ref()),
        ];
        let weights: Vec<WeightsSummary> = weights
            .into_iter()
            .filter_map(|(name, weights)| Some(WeightsSummary::of(name, weights?)))
            .collect();
        let per_filter = 4 * (variables.threshold.len() + variables.act_step.len()) as u64;
        Self {
            bytes: weights.iter().map(|w| w.bytes).sum::<u64>() + per_filter,
            weights,
            threshold: range(&variables.threshold),
            act_step: range(&variables.act_step),
        }
    }
}

impl WeightsSummary {
    fn of(name: &'static str, weights: &Weights) -> Self {
        Self {
            name,
            count: weights.len() as u64,
            bytes: weights.packed().len() as u64,
            histogram: weights.histogram(),
        }
    }
}

/// The smallest and the largest value.
fn range<T: Copy + PartialOrd>(values: &[T]) -> Option<(T, T)> {
    let (&first, rest) = values.split_first()?;
    Some(rest.iter().fold((first, first), |(low, high), &value| {
        (
            if value < low { value } else { low },
            if value > high { value } else { high },
        )
    }))
}
