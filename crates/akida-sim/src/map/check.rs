//! Can this chip hold it? Every limit of a device, checked on every layer.

use super::judgement::judge;
use super::violation::Violation;
use crate::Model;
use crate::device::Device;
use crate::memory::OutOfMemory;
use alloc::vec::Vec;

/// Every limit of `device` that a layer of `model` breaks, in layer order.
///
/// An empty result means that each layer fits on the device by itself. [`map`](super::map) then places all layers.
///
/// # Errors
///
/// The memory does not suffice for the reach of a layer.
///
/// # Examples
///
/// ```
/// use akida_sim::{ConvParams, Convolutional, InputData, ModelBuilder, Pair, Shape};
/// use akida_sim::{device::Device, map};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(32, 32, 4), 4), &[])?;
/// let conv = ConvParams { act_bits: None, ..ConvParams::new(Pair::square(9), 16) };
/// builder.add("conv", Convolutional { conv }, &[])?;
/// let found = map::check(&builder.build()?, &Device::akd1000())?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(
///     found[0].to_string(),
///     "layer \"conv\": kernel_size must be one of (1, 1), (3, 3), (5, 5), (7, 7), received (9, 9); use (7, 7)"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(model: &Model, device: &Device) -> Result<Vec<Violation>, OutOfMemory> {
    Ok(judge(model, device)?.into_violations())
}
