//! The result: sequences, passes and the units of each layer.

use super::need::{Bytes, Need};
use super::place::{MapMode, assign, choose};
use super::sequences::judge;
use super::violation::{Effect, Violation};
use crate::device::{Device, NpIdent, NpType};
use crate::{Layer, Model};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A rectangle of a layer's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NpSpace {
    /// Its first row.
    pub x: usize,
    /// Its first column.
    pub y: usize,
    /// Its rows and columns.
    pub shape: (usize, usize),
}

/// What one unit takes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpMapping {
    /// The unit's place; `None` for the image convolution unit, which has none in the mesh.
    pub ident: Option<NpIdent>,
    /// What it is programmed to do.
    pub kind: NpType,
    /// Its first filter.
    pub start_neuron: usize,
    /// The number of its filters.
    pub filters: usize,
    /// Its part of the layer's input, borders left out.
    pub spatial_partition: NpSpace,
    /// Bytes of its part of the input.
    pub input_bytes: u64,
    /// Bytes of its filters in its own memory.
    pub weight_bytes: u64,
    /// Bytes of its filters in external memory.
    pub external_bytes: u64,
}

/// Where a layer runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerMapping {
    /// The index of its sequence.
    pub sequence: usize,
    /// The index of its pass in the sequence.
    pub pass: usize,
    /// Its units; none in software, and for `InputData`.
    pub nps: Vec<NpMapping>,
}

/// Layers that are loaded together, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The indices of the layers.
    pub layers: Range<usize>,
}

/// Layers that run without a stop, on the chip or in software.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    name: String,
    hardware: bool,
    passes: Vec<Pass>,
    program_bytes: Option<u64>,
}

impl Sequence {
    /// `HW/` or `SW/` and the names of its first and last layer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it runs on the chip.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.hardware
    }

    /// The parts that are programmed one after the other; one in software.
    #[must_use]
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// About how many bytes its program takes on the chip, weights in external memory included; `None` in software.
    #[must_use]
    pub fn program_bytes(&self) -> Option<u64> {
        self.program_bytes
    }

    /// The layers, as indices.
    #[must_use]
    pub fn layers(&self) -> Range<usize> {
        let end = |range: Option<&Pass>| range.map_or(0..0, |p| p.layers.clone());
        end(self.passes.first()).start..end(self.passes.last()).end
    }
}

/// A model placed on a device. It changes no result.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    device: Device,
    mode: MapMode,
    layers: Vec<LayerMapping>,
    sequences: Vec<Sequence>,
    violations: Vec<Violation>,
}

impl Mapping {
    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> MapMode {
        self.mode
    }

    /// Where each layer of the model runs, in layer order.
    #[must_use]
    pub fn layers(&self) -> &[LayerMapping] {
        &self.layers
    }

    /// The sequences, in the order in which they run. Each layer is in one.
    #[must_use]
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// Why layers run in software, and what could go wrong on the chip.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The NPs that layers take, the image convolution unit not counted; an NP counts in each pass that uses it.
    #[must_use]
    pub fn nps(&self) -> usize {
        let counted = |np: &&NpMapping| np.kind != NpType::Hrc;
        self.layers
            .iter()
            .flat_map(|l| &l.nps)
            .filter(counted)
            .count()
    }

    /// The passes of all hardware sequences.
    #[must_use]
    pub fn passes(&self) -> usize {
        let hardware = self.sequences.iter().filter(|s| s.hardware);
        hardware.map(|s| s.passes.len()).sum()
    }
}

/// A model that a device refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapError {
    violations: Vec<Violation>,
}

impl MapError {
    /// Every violation, those that only could matter left out.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.violations.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}

impl core::error::Error for MapError {}

/// Places a model on a device.
///
/// Layers that the device cannot run are left to software, unless `hw_only` asks for a single sequence on the chip.
///
/// # Errors
///
/// Every violation that stands in the way: values that do not fit their registers; with `hw_only` whatever would leave a layer
/// to software.
pub fn map(
    model: &Model,
    device: &Device,
    mode: MapMode,
    hw_only: bool,
) -> Result<Mapping, MapError> {
    let judgement = judge(model, device);
    let refused = judgement
        .violations
        .iter()
        .any(|v| v.effect == Effect::Refused || (hw_only && v.effect == Effect::Software));
    if refused {
        let mut violations = judgement.violations;
        violations.retain(|v| v.effect != Effect::Possible);
        return Err(MapError { violations });
    }
    let mut layers = Vec::with_capacity(model.layers().len());
    let mut sequences = Vec::new();
    for (run, hardware) in judgement.runs {
        let needs: Vec<Need> = judgement.needs[run.clone()]
            .iter()
            .copied()
            .flatten()
            .collect();
        let sequence = sequences.len();
        let mut passes = Vec::new();
        let placed = layers.len();
        if hardware {
            let choice = choose(&needs, &device.mesh, mode);
            for (pass, range) in choice.passes.iter().enumerate() {
                let needs = &needs[range.clone()];
                let assigned = assign(needs, &device.mesh, choice.cap);
                for ((need, nps), index) in
                    needs.iter().zip(assigned).zip(run.start + range.start..)
                {
                    layers.push(LayerMapping {
                        sequence,
                        pass,
                        nps: parts(&model.layers()[index], need, choice.cap, &nps, device),
                    });
                }
                passes.push(Pass {
                    layers: run.start + range.start..run.start + range.end,
                });
            }
        } else {
            passes.push(Pass {
                layers: run.clone(),
            });
            layers.extend(run.clone().map(|_| LayerMapping {
                sequence,
                pass: 0,
                nps: Vec::new(),
            }));
        }
        let nps: Vec<&NpMapping> = layers[placed..]
            .iter()
            .flat_map(|l: &LayerMapping| &l.nps)
            .collect();
        let program_bytes = hardware.then(|| program_bytes(device, &nps));
        let name = |index: usize| model.layers()[index].name().to_string();
        let backend = if hardware { "HW" } else { "SW" };
        sequences.push(Sequence {
            name: format!("{backend}/{}-{}", name(run.start), name(run.end - 1)),
            hardware,
            passes,
            program_bytes,
        });
    }
    Ok(Mapping {
        device: device.clone(),
        mode,
        layers,
        sequences,
        violations: judgement.violations,
    })
}

fn program_bytes(device: &Device, nps: &[&NpMapping]) -> u64 {
    let weights: u64 = nps
        .iter()
        .map(|np| np.weight_bytes + np.external_bytes)
        .sum();
    let counted = nps.iter().filter(|np| np.kind != NpType::Hrc).count();
    let size = &device.limits.program;
    (size.per_weight_byte.value * weights as f64 + size.per_np.value * counted as f64) as u64
}

/// The parts of a layer: its filters in turn for each part of its rows.
fn parts(layer: &Layer, need: &Need, cap: usize, nps: &[usize], device: &Device) -> Vec<NpMapping> {
    let Some(kind) = need.kind else {
        return Vec::new();
    };
    let input = layer.connection().input.shape;
    let bytes = Bytes::of(layer);
    let filter_parts = need.filter_parts(cap);
    let filters = need.filters.div_ceil(filter_parts);
    let units = match kind {
        NpType::Hrc => vec![None],
        _ => nps
            .iter()
            .map(|&i| Some(device.mesh.nps[i].ident))
            .collect(),
    };
    let part = |(number, ident): (usize, Option<NpIdent>)| {
        let (x, start) = (
            number / filter_parts * need.rows,
            number % filter_parts * filters,
        );
        let rows = need.rows.min(input.x - x);
        let filters = filters.min(need.filters - start);
        let weights = bytes.filters(filters);
        let external = kind == NpType::Fnp2;
        NpMapping {
            ident,
            kind,
            start_neuron: start,
            filters,
            spatial_partition: NpSpace {
                x,
                y: 0,
                shape: (rows, input.y),
            },
            input_bytes: bytes.row * rows as u64,
            weight_bytes: if external { 0 } else { weights },
            external_bytes: if external { weights } else { 0 },
        }
    };
    units.into_iter().enumerate().map(part).collect()
}
