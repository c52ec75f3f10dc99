//! Values of inputs and outputs, in the smallest integer type that holds their format.

use super::element::ElementType;
use super::error::RunError;
use crate::memory::{self, OutOfMemory};
use crate::model::{Format, Signal};
use alloc::vec::Vec;
use core::ops::Range;

/// Runs `$body` for the values of a [`Values`], [`ValuesRef`] or [`ValuesMut`], whatever their type.
macro_rules! each_type {
    ($of:ident, $values:expr, $inner:ident => $body:expr) => {
        match $values {
            $of::U8($inner) => $body,
            $of::I8($inner) => $body,
            $of::I16($inner) => $body,
            $of::I32($inner) => $body,
        }
    };
}

/// Like [`each_type`], for a `$body` that gives values of the same type. They become a `$to`.
macro_rules! map_type {
    ($of:ident, $values:expr, $inner:ident => $to:ident($body:expr)) => {
        match $values {
            $of::U8($inner) => $to::U8($body),
            $of::I8($inner) => $to::I8($body),
            $of::I16($inner) => $to::I16($body),
            $of::I32($inner) => $to::I32($body),
        }
    };
}

/// Values of one type: the outputs of a layer, one input after the other, each in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Unsigned bytes: levels of a layer with activation.
    U8(Vec<u8>),
    /// Signed bytes.
    I8(Vec<i8>),
    /// Signed integers of 16 bits.
    I16(Vec<i16>),
    /// Signed integers of 32 bits: potentials of a layer without activation.
    I32(Vec<i32>),
}

/// Borrowed values of one type. A slice of `u8`, `i8`, `i16` or `i32` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValuesRef<'a> {
    /// Unsigned bytes.
    U8(&'a [u8]),
    /// Signed bytes.
    I8(&'a [i8]),
    /// Signed integers of 16 bits.
    I16(&'a [i16]),
    /// Signed integers of 32 bits.
    I32(&'a [i32]),
}

/// Values of one type, to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ValuesMut<'a> {
    U8(&'a mut [u8]),
    I8(&'a mut [i8]),
    I16(&'a mut [i16]),
    I32(&'a mut [i32]),
}

impl Values {
    /// Zeros of a type.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub fn zeros(element: ElementType, count: usize) -> Result<Self, OutOfMemory> {
        Ok(match element {
            ElementType::U8 => Self::U8(memory::filled(0, count)?),
            ElementType::I8 => Self::I8(memory::filled(0, count)?),
            ElementType::I16 => Self::I16(memory::filled(0, count)?),
            ElementType::I32 => Self::I32(memory::filled(0, count)?),
        })
    }

    /// No values, with room for `capacity`.
    pub(crate) fn with_capacity(
        element: ElementType,
        capacity: usize,
    ) -> Result<Self, OutOfMemory> {
        Ok(match element {
            ElementType::U8 => Self::U8(memory::with_capacity(capacity)?),
            ElementType::I8 => Self::I8(memory::with_capacity(capacity)?),
            ElementType::I16 => Self::I16(memory::with_capacity(capacity)?),
            ElementType::I32 => Self::I32(memory::with_capacity(capacity)?),
        })
    }

    /// The values, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> ValuesRef<'_> {
        map_type!(Self, self, values => ValuesRef(values))
    }

    pub(crate) fn as_mut(&mut self) -> ValuesMut<'_> {
        map_type!(Self, self, values => ValuesMut(values))
    }

    /// Appends values of the same type; values of another type are left out.
    pub(crate) fn extend(&mut self, others: ValuesRef<'_>) -> Result<(), OutOfMemory> {
        match (self, others) {
            (Self::U8(all), ValuesRef::U8(others)) => memory::extend(all, others),
            (Self::I8(all), ValuesRef::I8(others)) => memory::extend(all, others),
            (Self::I16(all), ValuesRef::I16(others)) => memory::extend(all, others),
            (Self::I32(all), ValuesRef::I32(others)) => memory::extend(all, others),
            _ => Ok(()),
        }
    }
}

impl Values {
    /// A copy.
    pub(crate) fn try_clone(&self) -> Result<Self, OutOfMemory> {
        let mut copy = Self::zeros(self.as_ref().element(), 0)?;
        copy.extend(self.as_ref())?;
        Ok(copy)
    }

    /// Moves the values of a range to the beginning.
    pub(crate) fn copy_within(&mut self, range: Range<usize>) {
        each_type!(Self, self, values => values.copy_within(range, 0));
    }

    /// Takes over values from bytes, the lowest byte of a value first. There are bytes for every value.
    pub(crate) fn set_le_bytes(&mut self, bytes: &[u8]) {
        fn set<T, const N: usize>(values: &mut [T], bytes: &[u8], of: fn([u8; N]) -> T) {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<N>().0) {
                *value = of(*bytes);
            }
        }
        match self {
            Self::U8(values) => set(values, bytes, u8::from_le_bytes),
            Self::I8(values) => set(values, bytes, i8::from_le_bytes),
            Self::I16(values) => set(values, bytes, i16::from_le_bytes),
            Self::I32(values) => set(values, bytes, i32::from_le_bytes),
        }
    }

    /// Sets all values to zero.
    pub(crate) fn clear_values(&mut self) {
        each_type!(Self, self, values => values.fill(0));
    }
}

impl<'a> ValuesRef<'a> {
    /// The type of the values.
    #[must_use]
    pub const fn element(self) -> ElementType {
        match self {
            Self::U8(_) => ElementType::U8,
            Self::I8(_) => ElementType::I8,
            Self::I16(_) => ElementType::I16,
            Self::I32(_) => ElementType::I32,
        }
    }

    /// The number of values.
    #[must_use]
    pub const fn len(self) -> usize {
        each_type!(Self, self, values => values.len())
    }

    /// Whether there are no values.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values in order, as 32-bit integers: these hold values of every type.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::ValuesRef;
    ///
    /// let levels = ValuesRef::from(&[3u8, 0, 15]);
    /// assert_eq!(levels.iter().max(), Some(15));
    /// ```
    pub fn iter(self) -> impl ExactSizeIterator<Item = i32> + use<'a> {
        (0..self.len()).map(move |i| self.at(i))
    }

    /// The value at an index below the length.
    #[inline]
    pub(crate) fn at(self, index: usize) -> i32 {
        match self {
            Self::U8(values) => values[index].into(),
            Self::I8(values) => values[index].into(),
            Self::I16(values) => values[index].into(),
            Self::I32(values) => values[index],
        }
    }

    /// The values of a range. The range lies within the length.
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        map_type!(Self, self, values => Self(&values[range]))
    }

    /// Pieces of `size` values that follow each other. The last piece may be shorter. `size` is not 0.
    pub(crate) fn chunks(self, size: usize) -> impl ExactSizeIterator<Item = Self> {
        let len = self.len();
        let pieces = 0..len.div_ceil(size);
        pieces.map(move |i| self.slice(i * size..((i + 1) * size).min(len)))
    }

    /// The first value outside a format, with its index.
    fn first_outside(self, format: Format) -> Option<(usize, i64)> {
        let allowed = |value: i64| format.allows(value);
        each_type!(Self, self, values => {
            // The compiler makes vector code for the smallest and the largest value, but not for the search of an index.
            let ends = [values.iter().copied().min(), values.iter().copied().max()];
            if ends.into_iter().flatten().all(|end| allowed(i64::from(end))) {
                return None;
            }
            let mut values = values.iter().map(|&value| i64::from(value)).enumerate();
            values.find(|&(_, value)| !allowed(value))
        })
    }
}

impl<'a> ValuesMut<'a> {
    /// Splits off the first `count` values.
    pub(crate) fn take(&mut self, count: usize) -> Self {
        match self {
            Self::U8(all) => Self::U8(split_off(all, count)),
            Self::I8(all) => Self::I8(split_off(all, count)),
            Self::I16(all) => Self::I16(split_off(all, count)),
            Self::I32(all) => Self::I32(split_off(all, count)),
        }
    }

    /// The same values, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> ValuesMut<'_> {
        map_type!(Self, self, values => ValuesMut(values))
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        each_type!(Self, self, values => values.len())
    }

    /// The values as bytes, signed ones in two's complement; `None` for values of more than a byte.
    pub(crate) fn bytes(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::U8(values) => Some(values),
            Self::I8(values) => Some(bytemuck::cast_slice_mut(values)),
            Self::I16(_) | Self::I32(_) => None,
        }
    }

    /// The values of a range. The range lies within the length.
    pub(crate) fn slice(self, range: Range<usize>) -> ValuesMut<'a> {
        map_type!(Self, self, values => ValuesMut(&mut values[range]))
    }

    /// Copies values of the same type and number.
    pub(crate) fn copy_from(&mut self, values: ValuesRef<'_>) {
        match (self, values) {
            (Self::U8(to), ValuesRef::U8(from)) => to.copy_from_slice(from),
            (Self::I8(to), ValuesRef::I8(from)) => to.copy_from_slice(from),
            (Self::I16(to), ValuesRef::I16(from)) => to.copy_from_slice(from),
            (Self::I32(to), ValuesRef::I32(from)) => to.copy_from_slice(from),
            _ => {}
        }
    }
}

/// Takes the first `count` values out of a slice.
fn split_off<'a, T>(all: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (first, rest) = core::mem::take(all).split_at_mut(count);
    *all = rest;
    first
}

/// Slices, arrays and vectors of the four types are values.
macro_rules! values_of {
    ($($element:ident $variant:ident),*) => {
        $(
            impl<'a> From<&'a [$element]> for ValuesRef<'a> {
                fn from(values: &'a [$element]) -> Self {
                    Self::$variant(values)
                }
            }

            impl<'a> ValuesRef<'a> {
                #[doc = concat!("The values as `", stringify!($element), "`; none where they are of another type.")]
                #[must_use]
                pub const fn $element(self) -> &'a [$element] {
                    match self {
                        Self::$variant(values) => values,
                        _ => &[],
                    }
                }
            }

            impl<'a, const N: usize> From<&'a [$element; N]> for ValuesRef<'a> {
                fn from(values: &'a [$element; N]) -> Self {
                    Self::$variant(values)
                }
            }

            impl<'a> From<&'a Vec<$element>> for ValuesRef<'a> {
                fn from(values: &'a Vec<$element>) -> Self {
                    Self::$variant(values)
                }
            }
        )*
    };
}

values_of!(u8 U8, i8 I8, i16 I16, i32 I32);

impl<'a> From<&'a Values> for ValuesRef<'a> {
    fn from(values: &'a Values) -> Self {
        values.as_ref()
    }
}

/// Checks integers: their type, that they are whole samples, and that each value is inside the format.
pub(super) fn check_integers(
    Signal { shape, format }: Signal,
    inputs: ValuesRef<'_>,
) -> Result<(), RunError> {
    let element = ElementType::of(format);
    if inputs.element() != element {
        return Err(RunError::Type {
            received: inputs.element(),
            expected: element,
        });
    }
    if !inputs.len().is_multiple_of(shape.len()) {
        return Err(RunError::Length {
            received: inputs.len(),
            sample: shape.len(),
        });
    }
    match inputs.first_outside(format) {
        None => Ok(()),
        Some((index, received)) => Err(RunError::Value {
            index,
            received,
            min: format.min(),
            max: format.max(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_all_values_in_order() {
        let values: Vec<i16> = (0..10).collect();
        let found: Vec<_> = ValuesRef::from(&values).chunks(4).collect();
        let expected: [ValuesRef<'_>; 3] = [
            (&[0i16, 1, 2, 3]).into(),
            (&[4i16, 5, 6, 7]).into(),
            (&[8i16, 9]).into(),
        ];
        assert_eq!(found, expected);
    }
}
