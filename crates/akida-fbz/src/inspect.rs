//! What is in a file, layer by layer, without unpacking it.

use crate::container::{self, Header};
use crate::decode;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::tensors;
use akida_sim::{Layer, Model, Tensor, VariableRule};
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
    /// The model: names, parameters, shapes, multiply-accumulates.
    pub model: Model,
    /// What the variables of each layer consist of, in the order of the model's layers.
    pub layers: Vec<LayerSummary>,
}

/// What the variables of a layer consist of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerSummary {
    /// Bytes of all variables in the payload.
    pub bytes: u64,
    /// Each variable, in the order of the layer's table. A layer without variables has none.
    pub variables: Vec<VariableSummary>,
}

/// What a variable consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSummary {
    /// The documented name, e.g. `"weights"`.
    pub name: &'static str,
    /// The number of values.
    pub count: u64,
    /// Bytes in the payload.
    pub bytes: u64,
    /// The values.
    pub values: ValueSummary,
}

/// Which values a variable has.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueSummary {
    /// For weights: how often each value occurs, rising by value. Values that do not occur are left out.
    Histogram(Vec<(i8, u64)>),
    /// For integers: the smallest and the largest. Thresholds are in the unit of potentials.
    Integers(i32, i32),
    /// For bounds of a ReLU: how many filters have none, and the smallest and the largest bound of the other filters.
    Bounds {
        /// The filters without a bound.
        unbounded: u64,
        /// The smallest and the largest bound; `None` where no filter has one.
        range: Option<(i32, i32)>,
    },
    /// For floats: the smallest and the largest. A step is the interval between levels on the 4-bit grid
    /// (`docs/arithmetic.md`, E1).
    Floats(f32, f32),
}

/// What is in the bytes of an `.fbz` file.
///
/// This takes little longer than [`decode`](crate::decode()), as weights are counted without unpacking.
///
/// # Errors
///
/// As for [`decode`](crate::decode()).
///
/// # Examples
///
/// ```
/// use akida_fbz::{ValueSummary, encode, inspect};
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
/// let [weights, _, steps] = &inspection.layers[1].variables[..] else { return Err("3 variables".into()) };
/// assert_eq!(weights.values, ValueSummary::Histogram(vec![(0, 50)]));
/// assert_eq!((steps.name, &steps.values), ("act_step", &ValueSummary::Floats(1.0, 1.0)));
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
        let variables = layer.variables();
        let variables = variables.map(|(variable, tensor)| VariableSummary {
            name: variable.name,
            count: variable.count() as u64,
            bytes: tensors::stored_bytes(variable),
            values: match tensor {
                Tensor::Weights(weights) => ValueSummary::Histogram(weights.histogram()),
                Tensor::Integers(integers) if variable.rule == VariableRule::Bounds => {
                    bounds(integers)
                }
                Tensor::Integers(integers) => {
                    let (low, high) = range(integers);
                    ValueSummary::Integers(low, high)
                }
                Tensor::Floats(floats) => {
                    let (low, high) = range(floats);
                    ValueSummary::Floats(low, high)
                }
            },
        });
        let variables: Vec<VariableSummary> = variables.collect();
        Self {
            bytes: variables.iter().map(|v| v.bytes).sum(),
            variables,
        }
    }

    /// The summary of the variable of a name, if the layer has it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&VariableSummary> {
        self.variables.iter().find(|v| v.name == name)
    }
}

/// The summary of bounds, −1 for none.
fn bounds(values: &[i32]) -> ValueSummary {
    let bounds = || values.iter().copied().filter(|&bound| bound >= 0);
    ValueSummary::Bounds {
        unbounded: (values.len() - bounds().count()) as u64,
        range: bounds().min().zip(bounds().max()),
    }
}

/// The smallest and the largest of at least one value.
fn range<T: Copy + PartialOrd + Default>(values: &[T]) -> (T, T) {
    let first = values.first().copied().unwrap_or_default();
    values.iter().fold((first, first), |(low, high), &value| {
        (
            if value < low { value } else { low },
            if value > high { value } else { high },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;
    use akida_sim::{Activation, Dense1D, InputData, ModelBuilder, PostOps, Shape};
    use alloc::vec;

    #[test]
    fn bounds_are_told_apart_from_filters_without() {
        for (bounds, unbounded, range) in [
            (vec![-1, 200, 5], 1, Some((5, 200))),
            (vec![0, 0, 0], 0, Some((0, 0))),
            (vec![-1, -1, -1], 3, None),
        ] {
            let mut builder = ModelBuilder::new();
            let input = InputData::new(Shape::new(1, 1, 4), 8);
            builder.add("in", input, &[]).unwrap();
            let dense = Dense1D {
                post_ops: PostOps::new(Activation::ReLU),
                weights_bits: 4,
                ..Dense1D::new(3)
            };
            let layer = builder.add("out", dense, &[]).unwrap();
            builder.set_variable(layer, "max_value", bounds).unwrap();
            let file = encode(&builder.build().unwrap()).unwrap();
            let summary = &inspect(&file).unwrap().layers[1];
            let values = &summary.variable("max_value").unwrap().values;
            assert_eq!(*values, ValueSummary::Bounds { unbounded, range });
        }
    }

    #[test]
    fn bytes_are_those_in_the_payload() {
        let mut builder = ModelBuilder::new();
        let input = InputData::new(Shape::new(1, 1, 4), 8);
        builder.add("in", input, &[]).unwrap();
        let dense = Dense1D {
            post_ops: PostOps::new(Activation::ReLU),
            weights_bits: 4,
            ..Dense1D::new(3)
        };
        builder.add("out", dense, &[]).unwrap();
        let summary = LayerSummary::of(&builder.layers()[1]);
        let bytes: Vec<_> = summary
            .variables
            .iter()
            .map(|v| (v.name, v.bytes))
            .collect();
        let expected = [
            ("weights", 6),
            ("input_shift", 4),
            ("bias", 3),
            ("bias_shift", 3),
            ("max_value", 6),
            ("max_value_shift", 3),
            ("output_scales", 6),
            ("output_shift", 3),
        ];
        assert_eq!(bytes, expected);
        assert_eq!(summary.bytes, 34);
    }
}
