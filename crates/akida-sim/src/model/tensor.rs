//! Weight tensors: four axes, C-contiguous.

use super::error::{ModelError, ModelErrorKind};
use super::shape::{MAX_ELEMENTS, product};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// The shape of weights: (kernel height, kernel width, input channels, filters).
pub type WeightShape = [usize; 4];

/// An array of integer weights of shape (kernel height, kernel width, input channels, filters).
///
/// The last axis runs fastest. Values are plain `i8` whatever the number of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    shape: WeightShape,
    values: Vec<i8>,
}

impl Weights {
    /// Weights of `shape` from `values` in C order.
    ///
    /// # Errors
    ///
    /// When the number of values is not the product of the shape.
    pub fn new(shape: WeightShape, values: Vec<i8>) -> Result<Self, ModelError> {
        if product(shape) != values.len() as u128 {
            return Err(ModelError::new(
                ModelErrorKind::Variable,
                "the number of weights",
                format!("{} for the shape {shape:?}", product(shape)),
                values.len(),
            ));
        }
        Ok(Self { shape, values })
    }

    pub(crate) fn zeros(shape: WeightShape) -> Self {
        Self {
            shape,
            values: vec![0; shape.iter().product()],
        }
    }

    /// (kernel height, kernel width, input channels, filters).
    #[must_use]
    pub fn shape(&self) -> WeightShape {
        self.shape
    }

    /// The values in C order.
    #[must_use]
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// The weight at row `u`, column `v`, input channel `c`, filter `f`.
    pub(crate) fn at(&self, u: usize, v: usize, c: usize, f: usize) -> i8 {
        let [_, kw, cin, filters] = self.shape;
        self.values[((u * kw + v) * cin + c) * filters + f]
    }
}

pub(crate) fn check_elements(subject: &'static str, shape: WeightShape) -> Result<(), ModelError> {
    if (1..=MAX_ELEMENTS as u128).contains(&product(shape)) {
        return Ok(());
    }
    Err(ModelError::new(
        ModelErrorKind::Shape,
        subject,
        format!("of at most {MAX_ELEMENTS} elements"),
        format!("the shape {shape:?}"),
    ))
}
