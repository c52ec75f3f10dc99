//! The integer types that values have in memory.

use crate::model::Format;

/// The integer type that values have in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// Unsigned bytes: levels, images.
    U8,
    /// Signed bytes.
    I8,
    /// Signed integers of 16 bits.
    I16,
    /// Signed integers of 32 bits: potentials.
    I32,
}

impl ElementType {
    /// The smallest type that holds every value of a format.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{ElementType, Format};
    ///
    /// assert_eq!(ElementType::of(Format::unsigned(4)), ElementType::U8);
    /// assert_eq!(ElementType::of(Format::signed(32)), ElementType::I32);
    /// ```
    #[must_use]
    pub const fn of(format: Format) -> Self {
        match (format.signed, format.bits) {
            (false, 0..=8) => Self::U8,
            (true, 0..=8) => Self::I8,
            (true, 9..=16) | (false, 9..=15) => Self::I16,
            _ => Self::I32,
        }
    }

    /// The name that NumPy gives the type, e.g. `"uint8"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
        }
    }

    /// The bytes of one value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_fits_its_type_and_no_smaller_one() {
        let types = [
            (ElementType::U8, 0, 255),
            (ElementType::I8, -128, 127),
            (ElementType::I16, -32_768, 32_767),
            (ElementType::I32, i64::from(i32::MIN), i64::from(i32::MAX)),
        ];
        let formats = (1..=31).flat_map(|b| [Format::unsigned(b), Format::signed(b)]);
        for format in formats.chain([Format::SUMS]) {
            let element = ElementType::of(format);
            for (other, min, max) in types {
                let holds = min <= format.min() && format.max() <= max;
                if other == element {
                    assert!(holds, "{format:?}");
                } else if holds {
                    assert!(other.bytes() >= element.bytes(), "{format:?}");
                }
            }
            assert_eq!(element.bytes(), format.bytes().max(element.bytes()));
        }
    }
}
