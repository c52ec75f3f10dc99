//! From a model to a chip: does it fit, what stops it, where do its layers go.
//!
//! # Examples
//!
//! ```
//! use akida_sim::{ConvParams, InputConvolutional, FullyConnected, ModelBuilder, Pair, Shape};
//! use akida_sim::{device::Device, map};
//!
//! let mut builder = ModelBuilder::new();
//! let conv = ConvParams { weights_bits: 8, act_bits: Some(4), ..ConvParams::new(Pair::square(3), 8) };
//! builder.add("image", InputConvolutional::new(Shape::new(16, 16, 1), conv), &[])?;
//! builder.add("classes", FullyConnected { act_bits: None, ..FullyConnected::new(10) }, &[])?;
//! let model = builder.build()?;
//!
//! let mapping = map::map(&model, &Device::akd1500(), map::MapMode::Minimal, true)?;
//! assert_eq!(mapping.nps(), 1);
//! assert_eq!(mapping.sequences()[0].name(), "HW/image-classes");
//! assert_eq!(mapping.layers()[0].nps[0].kind.name(), "HRC");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod akida1;
mod akida2;
mod check;
mod estimate;
mod findings;
mod judgement;
mod mapper;
mod mapping;
mod need;
mod place;
mod readers;
mod runs;
mod segments;
mod skips;
mod stranded;
#[cfg(test)]
mod tests;
mod units;
mod verdict;
mod violation;

pub use check::check;
pub use estimate::{Estimate, EstimateRefusal, LayerEstimate};
pub use mapper::map;
pub use mapping::{LayerMapping, MapError, Mapping, NpMapping, NpSpace, Pass, Sequence};
pub use place::MapMode;
pub use skips::SkipConnection;
pub use violation::{Effect, Violation};
