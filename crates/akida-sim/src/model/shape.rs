//! Shapes of maps and windows, and the size rules of convolution and pooling.

use super::error::{ModelError, ModelErrorKind};
use alloc::format;
use core::fmt;

/// The most elements of one map, and of one array of weights.
///
/// It keeps every index inside 31 bits, and bounds what a small file can ask for.
pub const MAX_ELEMENTS: usize = (1 << 31) - 1;

/// A map of `x` rows, `y` columns and `c` channels: (height, width, channels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Height: the first axis, `X` in the published documentation.
    pub x: usize,
    /// Width: the second axis, `Y` in the published documentation.
    pub y: usize,
    /// Channels: the last axis.
    pub c: usize,
}

impl Shape {
    /// A shape of height `x`, width `y` and `c` channels.
    #[must_use]
    pub const fn new(x: usize, y: usize, c: usize) -> Self {
        Self { x, y, c }
    }

    /// The number of elements; `usize::MAX` where it is larger, as in no model.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.x.saturating_mul(self.y).saturating_mul(self.c)
    }

    /// Whether an axis is zero. No shape of a model is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.x == 0 || self.y == 0 || self.c == 0
    }

    /// The number of positions, height times width; `usize::MAX` where it is larger.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.x.saturating_mul(self.y)
    }

    pub(crate) fn check(&self, subject: &'static str) -> Result<(), ModelError> {
        let elements = product([self.x, self.y, self.c]);
        if (1..=MAX_ELEMENTS as u128).contains(&elements) {
            return Ok(());
        }
        Err(ModelError::new(
            ModelErrorKind::Shape,
            subject,
            format!("three positive sizes with at most {MAX_ELEMENTS} elements in all"),
            self,
        ))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.x, self.y, self.c)
    }
}

/// Two sizes: along the height, along the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Along the height (the first axis).
    pub x: usize,
    /// Along the width (the second axis).
    pub y: usize,
}

impl Pair {
    /// A pair of sizes, `x` along the height and `y` along the width.
    #[must_use]
    pub const fn new(x: usize, y: usize) -> Self {
        Self { x, y }
    }

    /// The same size along both axes.
    #[must_use]
    pub const fn square(size: usize) -> Self {
        Self { x: size, y: size }
    }

    /// The number of cells of a window of this size.
    #[must_use]
    pub const fn cells(&self) -> usize {
        self.x.saturating_mul(self.y)
    }

    pub(crate) fn check(&self, subject: &'static str) -> Result<(), ModelError> {
        const MAX: usize = u16::MAX as usize;
        if (1..=MAX).contains(&self.x) && (1..=MAX).contains(&self.y) {
            return Ok(());
        }
        Err(ModelError::parameter(
            subject,
            format!("two numbers in 1..={MAX}"),
            self,
        ))
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.x, self.y)
    }
}

/// How the border of a map is treated (`docs/arithmetic.md`, C1 and C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// No border: windows lie wholly inside the map.
    Valid,
    /// Border cells are added so that the output has ceil(input / stride) positions.
    Same,
    /// As `Same`, but the larger half of the border is above and to the left (`docs/arithmetic-akida2.md`).
    SameUpper,
}

/// Where the windows of a convolution or pooling lie, along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AxisWindows {
    /// The number of windows.
    pub(crate) out: usize,
    /// Border cells before the map.
    pub(crate) before: usize,
    /// Border cells after the map that windows reach.
    pub(crate) after: usize,
}

impl Padding {
    /// Windows of `size` cells at every `stride` cells of an input of `input` cells; `None` when no window fits.
    pub(crate) fn windows(self, input: usize, size: usize, stride: usize) -> Option<AxisWindows> {
        match self {
            Self::Valid => {
                let out = input.checked_sub(size)? / stride + 1;
                Some(AxisWindows {
                    out,
                    before: 0,
                    after: 0,
                })
            }
            Self::Same | Self::SameUpper => {
                let out = input.div_ceil(stride);
                let total = ((out - 1) * stride + size).saturating_sub(input);
                let before = match self {
                    Self::SameUpper => total.div_ceil(2),
                    Self::Valid | Self::Same => total / 2,
                };
                Some(AxisWindows {
                    out,
                    before,
                    after: total - before,
                })
            }
        }
    }

    /// The number of windows along both axes of `input`.
    pub(crate) fn output(
        self,
        subject: &'static str,
        input: Shape,
        size: Pair,
        stride: Pair,
    ) -> Result<Pair, ModelError> {
        let x = self.windows(input.x, size.x, stride.x);
        let y = self.windows(input.y, size.y, stride.y);
        match (x, y) {
            (Some(wx), Some(wy)) => {
                let rows = input.x.saturating_add(wx.before + wx.after);
                let columns = input.y.saturating_add(wy.before + wy.after);
                Shape::new(rows, columns, input.c).check("the map with its border")?;
                Ok(Pair::new(wx.out, wy.out))
            }
            _ => Err(ModelError::new(
                ModelErrorKind::Shape,
                subject,
                format!(
                    "at most ({}, {}), the size of the map, with padding Valid",
                    input.x, input.y
                ),
                size,
            )
            .with_remedy("use padding Same or a smaller window")),
        }
    }
}

/// The product of sizes. It cannot wrap.
pub(crate) fn product<const N: usize>(sizes: [usize; N]) -> u128 {
    sizes
        .iter()
        .fold(1u128, |acc, &s| acc.saturating_mul(s as u128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_puts_the_odd_border_cell_after() {
        let w = Padding::Same.windows(8, 3, 2);
        assert_eq!(
            w,
            Some(AxisWindows {
                out: 4,
                before: 0,
                after: 1
            })
        );
        let w = Padding::Same.windows(7, 3, 2);
        assert_eq!(
            w,
            Some(AxisWindows {
                out: 4,
                before: 1,
                after: 1
            })
        );
    }

    #[test]
    fn same_with_stride_beyond_the_kernel_needs_no_border() {
        let w = Padding::Same.windows(9, 2, 4);
        assert_eq!(
            w,
            Some(AxisWindows {
                out: 3,
                before: 0,
                after: 1
            })
        );
        let w = Padding::Same.windows(8, 1, 3);
        assert_eq!(
            w,
            Some(AxisWindows {
                out: 3,
                before: 0,
                after: 0
            })
        );
    }

    #[test]
    fn valid_needs_a_map_as_large_as_the_window() {
        assert_eq!(Padding::Valid.windows(4, 5, 1), None);
        assert_eq!(Padding::Valid.windows(5, 5, 3).map(|w| w.out), Some(1));
    }

    #[test]
    fn the_product_of_sizes_does_not_wrap() {
        let huge = Shape::new(usize::MAX, usize::MAX, 16);
        assert!(huge.check("input_shape").is_err());
    }
}
