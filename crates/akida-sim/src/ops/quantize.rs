//! Floats to integers and back (`docs/arithmetic-akida2.md`, section K).

use crate::model::Format;

/// The integer that a float input becomes.
///
/// The product in float32 is rounded to the nearest integer, halves to the even one. The zero point is added to it, and the sum
/// is saturated.
///
/// # Examples
///
/// ```
/// use akida_sim::{Format, ops::quantized};
///
/// let inputs = [0.5, 1.5, -2.5, 1e9].map(|x| quantized(x, 1.0, 0, Format::signed(8)));
/// assert_eq!(inputs, [0, 2, -2, 127]);
/// assert_eq!(quantized(-1.0, 64.0, 89, Format::unsigned(8)), 25);
/// assert_eq!(quantized(-200.0, 1.0, 100, Format::signed(8)), -100);
/// ```
#[must_use]
pub fn quantized(input: f32, scale: f32, zero_point: i32, format: Format) -> i32 {
    // Beyond every format by more than a zero point, and exact in float32.
    const FAR: f32 = (1 << 20) as f32;
    let rounded = libm::rintf(input * scale).clamp(-FAR, FAR);
    let value = rounded as i64 + i64::from(zero_point);
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
