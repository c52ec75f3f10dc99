//! Floats to integers and back (`docs/arithmetic-akida2.md`, section K).

use crate::model::Format;

/// The integer that a float input becomes.
///
/// The product in float32 is rounded to the nearest integer, halves to the even one. It is saturated before the zero point is
/// added, and after.
///
/// # Examples
///
/// ```
/// use akida_sim::{Format, ops::quantized};
///
/// let inputs = [0.5, 1.5, -2.5, 1e9].map(|x| quantized(x, 1.0, 0, Format::signed(8)));
/// assert_eq!(inputs, [0, 2, -2, 127]);
/// assert_eq!(quantized(-1.0, 64.0, 89, Format::unsigned(8)), 25);
/// ```
#[must_use]
pub fn quantized(input: f32, scale: f32, zero_point: i32, format: Format) -> i32 {
    let end = format.max() + 1;
    // Exact: the ends have at most 16 bits. A saturated product stays on its side.
    let rounded = libm::rintf(input * scale).clamp(-(end as f32), end as f32);
    let value = (rounded as i64).clamp(-end, end - 1) + i64::from(zero_point);
    value.clamp(format.min(), format.max()) as i32
}

/// The float that an output becomes: a product in float32.
///
/// # Examples
///
/// ```
/// assert_eq!(akida_sim::ops::dequantized(-3, 0.25), -0.75);
/// ```
#[must_use]
pub fn dequantized(output: i32, scale: f32) -> f32 {
    output as f32 * scale
}
