//! Weight tensors: four axes, C-contiguous, packed at their own width.

use super::error::{ModelError, ModelErrorKind};
use super::packed;
use super::shape::{MAX_ELEMENTS, product};
use crate::memory::{self, OutOfMemory};
use alloc::format;
use alloc::vec::Vec;

/// The widths of weights, in bits.
pub(crate) const WEIGHT_BITS: &[u8] = &[1, 2, 4, 8];

/// The smallest and largest weight of `bits` bits, 1, 2, 4 or 8 (`docs/arithmetic.md`, B2).
#[must_use]
pub(crate) const fn weight_range(bits: u8) -> (i8, i8) {
    if bits == 1 {
        (0, 1)
    } else {
        let max = ((1u8 << (bits - 1)) - 1) as i8;
        (-max, max)
    }
}

/// The shape of weights: (kernel height, kernel width, input channels, filters).
pub type WeightShape = [usize; 4];

/// An array of integer weights of shape (kernel height, kernel width, input channels, filters).
///
/// The last axis runs fastest. A weight takes `bits` bits, in memory as in a file. That is `weights_bits` for weights in a
/// model, and 8 for weights that [`Weights::new`] has made. Two arrays are equal when their shapes and values are equal.
///
/// # Examples
///
/// ```
/// use akida_sim::Weights;
///
/// let weights = Weights::new([1, 1, 1, 5], vec![1, -1, 0, 1, -1])?;
/// let packed = Weights::from_packed([1, 1, 1, 5], 2, &[0x4D, 0x03])?;
/// assert_eq!(packed, weights);
/// assert_eq!(packed.values(), [1, -1, 0, 1, -1]);
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Weights {
    shape: WeightShape,
    bits: u8,
    packed: Vec<u8>,
}

impl Weights {
    /// Weights of `shape` from `values` in C order.
    ///
    /// # Errors
    ///
    /// The number of values is not the product of the shape.
    pub fn new(shape: WeightShape, values: Vec<i8>) -> Result<Self, ModelError> {
        if product(shape) != values.len() as u128 {
            return Err(error(
                "the number of weights",
                format!("{} for the shape {shape:?}", product(shape)),
                format!("{}", values.len()),
            ));
        }
        Ok(Self {
            shape,
            bits: 8,
            packed: values.into_iter().map(|value| value as u8).collect(),
        })
    }

    /// Weights of `shape` from `packed` bytes, `bits` (1, 2, 4 or 8) for each value.
    ///
    /// The values are in C order. A byte has 8 / `bits` values, the first in its lowest bits. Values of more than one bit
    /// are in two's complement. The bits left over in the last byte are zero.
    ///
    /// # Errors
    ///
    /// The width is another one, the number of bytes does not fit the shape, or bits left over are not zero.
    pub fn from_packed(shape: WeightShape, bits: u8, packed: &[u8]) -> Result<Self, ModelError> {
        if !WEIGHT_BITS.contains(&bits) {
            return Err(error("bits", "one of 1, 2, 4, 8", format!("{bits}")));
        }
        let bytes = product(shape).div_ceil(u128::from(8 / bits));
        if bytes != packed.len() as u128 {
            return Err(error(
                "the number of bytes",
                format!("{bytes} for the shape {shape:?} at {bits} bits"),
                format!("{}", packed.len()),
            ));
        }
        let used = (product(shape) % u128::from(8 / bits)) as u8 * bits;
        if used != 0 && packed.last().is_some_and(|last| last >> used != 0) {
            return Err(error("the bits after the last weight", "zero", "others"));
        }
        Ok(Self {
            shape,
            bits,
            packed: memory::copied(packed)?,
        })
    }

    pub(crate) fn zeros(shape: WeightShape, bits: u8) -> Result<Self, OutOfMemory> {
        let count: usize = shape.iter().product();
        Ok(Self {
            shape,
            bits,
            packed: memory::filled(0, packed::len(count, bits))?,
        })
    }

    /// (kernel height, kernel width, input channels, filters).
    #[must_use]
    pub fn shape(&self) -> WeightShape {
        self.shape
    }

    /// The number of weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no weights. A layer of a model has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bits that one weight takes: 1, 2, 4 or 8.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The values in C order, unpacked.
    #[must_use]
    pub fn values(&self) -> Vec<i8> {
        memory::or_end(self.try_values())
    }

    /// [`values`](Self::values) of weights of any size.
    ///
    /// # Errors
    ///
    /// The memory does not suffice, where `values` would end the program.
    pub fn try_values(&self) -> Result<Vec<i8>, OutOfMemory> {
        packed::unpack(&self.packed, self.bits, self.len())
    }

    /// How often each value occurs, rising by value. Values that do not occur are left out.
    ///
    /// The packed bytes are read once, and nothing is unpacked.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::Weights;
    ///
    /// let weights = Weights::new([1, 1, 1, 5], vec![1, -1, 0, 1, -1])?;
    /// assert_eq!(weights.histogram(), [(-1, 2), (0, 1), (1, 2)]);
    /// # Ok::<(), akida_sim::ModelError>(())
    /// ```
    #[must_use]
    pub fn histogram(&self) -> Vec<(i8, u64)> {
        packed::histogram(&self.packed, self.bits, self.len())
    }

    /// The bytes as [`from_packed`](Self::from_packed) takes them, at [`bits`](Self::bits) per value.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The weight of filter `f` in a row of weights. Rows are counted over the kernel's height, width and input channels.
    pub(crate) fn at(&self, row: usize, f: usize) -> i8 {
        let [_, _, _, filters] = self.shape;
        self.element(row * filters + f)
    }

    /// The weight at an index in C order.
    pub(crate) fn element(&self, index: usize) -> i8 {
        packed::at(&self.packed, self.bits, index)
    }

    /// A value outside the range of `bits` bits, if there is one (`docs/arithmetic.md`, B2).
    pub(crate) fn value_outside(&self, bits: u8) -> Option<i8> {
        let (min, max) = weight_range(bits);
        let (own_min, own_max) = packed::range(self.bits);
        if (min..=max).contains(&own_min) && (min..=max).contains(&own_max) {
            return None;
        }
        packed::find(&self.packed, self.bits, self.len(), |value| {
            value < min || value > max
        })
    }

    /// The same values, at `bits` bits each. The values fit so many bits.
    pub(crate) fn at_width(self, bits: u8) -> Result<Self, OutOfMemory> {
        if self.bits == bits {
            return Ok(self);
        }
        let value = |index| packed::at(&self.packed, self.bits, index);
        Ok(Self {
            shape: self.shape,
            bits,
            packed: packed::pack((0..self.len()).map(value), bits)?,
        })
    }
}

impl PartialEq for Weights {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
            && match self.bits == other.bits {
                true => self.packed == other.packed,
                false => (0..self.len()).all(|index| {
                    let at = |weights: &Self| packed::at(&weights.packed, weights.bits, index);
                    at(self) == at(other)
                }),
            }
    }
}

impl Eq for Weights {}

fn error(
    subject: &'static str,
    allowed: impl alloc::string::ToString,
    received: impl alloc::string::ToString,
) -> ModelError {
    ModelError::new(ModelErrorKind::Variable, subject, allowed, received)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_symmetric_but_for_one_bit() {
        assert_eq!(weight_range(1), (0, 1));
        assert_eq!(weight_range(2), (-1, 1));
        assert_eq!(weight_range(4), (-7, 7));
        assert_eq!(weight_range(8), (-127, 127));
    }
}
