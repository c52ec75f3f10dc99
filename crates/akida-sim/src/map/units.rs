//! The units that a layer takes of a device, of either generation.

use super::need::{Bytes, Need};
use super::violation::{Effect, Violation};
use crate::device::{Device, NpType, Standing};
use crate::model::names::{IN_PROJ, OUT_PROJ};
use crate::{Layer, Operation, Shape, Tensor, Weights};
use alloc::format;
use alloc::string::{String, ToString};

/// Why a layer does not fit the memory or the units of a device.
pub(super) struct Misfit {
    rule: &'static str,
    received: String,
    allowed: String,
    remedy: String,
}

impl Misfit {
    /// The misfit as a violation.
    ///
    /// The standing of memory and units is that of the chip. An imagined device is as it is said to be.
    pub(super) fn into_violation(self, layer: &Layer, device: &Device) -> Violation {
        let (standing, source) = match device.chip {
            Some(chip) => match chip.memory {
                Some(memory) => (memory.weight_bytes.standing, memory.weight_bytes.source),
                None => (chip.nps.standing, chip.nps.source),
            },
            None => (
                Standing::Assumed,
                "the memory and the NPs given to the device",
            ),
        };
        Violation {
            layer: layer.name().to_string(),
            rule: self.rule,
            received: self.received,
            allowed: self.allowed,
            source,
            standing,
            effect: Effect::Software,
            remedy: self.remedy,
        }
    }
}

/// The least that a layer takes of a device, by `docs/mapping.md`, rules 3 and 4.
///
/// # Errors
///
/// The layer does not fit the memory or the units of the device.
pub(super) fn need_of(layer: &Layer, device: &Device) -> Result<Need, Misfit> {
    match &layer.connection().operation {
        Operation::Pass
        | Operation::Quantize(_)
        | Operation::Dequantize
        | Operation::Join
        | Operation::Add
        | Operation::Deviation(_) => Ok(Need::NOTHING),
        Operation::Recurrence(_) => recurrent(layer, device),
        Operation::Windows(_) if layer.spec().is_input() => image(layer, device),
        Operation::Windows(windows) if windows.is_fully_connected() => {
            fully_connected(layer, device)
        }
        Operation::Windows(windows) if windows.frames > 1 => {
            convolution(NpType::TnpB, layer, device)
        }
        Operation::Windows(_) => convolution(NpType::Cnp1, layer, device),
    }
}

/// What a layer takes in the memory of an NP. Of a separable layer only the pointwise weights count, of a temporal layer
/// the whole queue of maps.
fn bytes_of(layer: &Layer) -> Bytes {
    let connection = layer.connection();
    let filters = connection.output.shape.c.max(1) as u64;
    let bits = |weights: &Weights| weights.len() as u64 * u64::from(weights.bits());
    let projections =
        [IN_PROJ, OUT_PROJ].map(|name| layer.variable(name).and_then(Tensor::weights));
    let projected: u64 = projections.into_iter().flatten().map(bits).sum();
    let weights = layer.pointwise_weights().or(layer.weights());
    let Shape { y, c, .. } = connection.input.shape;
    let row_bits = ((y * c) as u64).saturating_mul(bits_of_cell(layer));
    Bytes {
        filter_bits: weights.map_or(projected, bits).div_ceil(filters),
        row: row_bits.div_ceil(8),
    }
}

/// The bits that an NP holds of a channel at one position: one value, or that of all maps in a queue.
fn bits_of_cell(layer: &Layer) -> u64 {
    let connection = layer.connection();
    let frames = connection.operation.windows().map_or(1, |w| w.frames);
    frames as u64 * u64::from(connection.input.format.bits)
}

/// A layer that takes one unit.
fn one(kind: NpType, layer: &Layer) -> Need {
    Need {
        kind: Some(kind),
        rows: layer.connection().input.shape.x,
        filters: layer.connection().output.shape.c,
        bytes: bytes_of(layer),
        ..Need::NOTHING
    }
}

fn image(layer: &Layer, device: &Device) -> Result<Need, Misfit> {
    if device.mesh.hrc {
        return Ok(one(NpType::Hrc, layer));
    }
    Err(Misfit {
        rule: "image convolution unit",
        received: String::from("none"),
        allowed: String::from("present (HRC)"),
        remedy: String::from(
            "take a device with one, or quantize images to 4 bits and begin with InputData",
        ),
    })
}

fn fully_connected(layer: &Layer, device: &Device) -> Result<Need, Misfit> {
    let bytes = bytes_of(layer).filters(layer.connection().output.shape.c);
    // Memory that nobody knows is taken to suffice.
    let most = device
        .mesh
        .sram
        .map_or(usize::MAX, |sram| sram.weight_bytes);
    let reads_own_memory = device.mesh.count(NpType::Fnp3) > 0;
    if reads_own_memory && bytes <= most as u64 {
        return Ok(one(NpType::Fnp3, layer));
    }
    if device.mesh.count(NpType::Fnp2) > 0 {
        return Ok(one(NpType::Fnp2, layer));
    }
    let (allowed, remedy) = if reads_own_memory {
        (
            format!("at most {most}: no NP reads external memory (FNP2)"),
            "use fewer units or inputs",
        )
    } else {
        (
            String::from("for an NP of a type that the device has: none is FNP2 or FNP3"),
            "take a device with such NPs",
        )
    };
    Err(Misfit {
        rule: "weights",
        received: format!("{bytes} bytes"),
        allowed,
        remedy: remedy.to_string(),
    })
}

/// A recurrent layer takes one NP, which holds both projections.
fn recurrent(layer: &Layer, device: &Device) -> Result<Need, Misfit> {
    let need = one(NpType::TnpR, layer);
    if device.mesh.count(NpType::TnpR) == 0 {
        return Err(Misfit {
            rule: "NPs of the layer",
            received: String::from("1"),
            allowed: String::from("at most 0"),
            remedy: String::from("take a device with NPs for convolutions and temporal layers"),
        });
    }
    let bytes = need.bytes.filters(need.filters);
    match device.mesh.sram {
        Some(sram) if bytes > sram.weight_bytes as u64 => Err(Misfit {
            rule: "weights",
            received: format!("{bytes} bytes"),
            allowed: format!("at most {}, the filter memory of an NP", sram.weight_bytes),
            remedy: String::from("use fewer states or channels"),
        }),
        _ => Ok(need),
    }
}

fn convolution(kind: NpType, layer: &Layer, device: &Device) -> Result<Need, Misfit> {
    let input = layer.connection().input.shape;
    let (rows_per_np, filters_per_np) = held_by_one_np(layer, device)?;
    let cut = |most_rows: usize| {
        let row_parts = input.x.div_ceil(most_rows);
        Need {
            kind: Some(kind),
            row_parts,
            rows: input.x.div_ceil(row_parts),
            filters_per_np,
            filters: layer.connection().output.shape.c,
            bytes: bytes_of(layer),
        }
    };
    let available = device.mesh.count(kind);
    let limited = device
        .np_rows()
        .map_or(rows_per_np, |rows| rows.min(rows_per_np));
    // The limit on rows is inferred, and some published maps are higher. The limit refuses nothing that memory can hold.
    for need in [cut(limited), cut(rows_per_np)] {
        if need.nps(usize::MAX) <= available {
            return Ok(need);
        }
    }
    Err(too_few_nps(
        layer,
        cut(rows_per_np),
        rows_per_np,
        (available, device),
    ))
}

/// Input rows and filters that the memory of one NP holds, at least one of each.
fn held_by_one_np(layer: &Layer, device: &Device) -> Result<(usize, usize), Misfit> {
    let input = layer.connection().input;
    let bytes = bytes_of(layer);
    let Some(sram) = device.mesh.sram else {
        return Ok((usize::MAX, usize::MAX));
    };
    let rows = (sram.input_bytes as u64 / bytes.row.max(1)) as usize;
    if rows == 0 {
        let Shape { y, c, .. } = input.shape;
        let column_bits = c as u64 * bits_of_cell(layer);
        let width = (sram.input_bytes as u64).saturating_mul(8) / column_bits.max(1);
        return Err(Misfit {
            rule: "bytes of an input row",
            received: format!("{} for {y} x {c} values", bytes.row),
            allowed: format!("at most {}, the input memory of an NP", sram.input_bytes),
            remedy: format!("use a width of {width} or fewer channels"),
        });
    }
    let filters =
        ((sram.weight_bytes as u64).saturating_mul(8) / bytes.filter_bits.max(1)) as usize;
    if filters == 0 {
        return Err(Misfit {
            rule: "bytes of a filter",
            received: bytes.filters(1).to_string(),
            allowed: format!("at most {}, the filter memory of an NP", sram.weight_bytes),
            remedy: String::from("use a smaller kernel, fewer channels or fewer bits"),
        });
    }
    Ok((rows, filters))
}

/// A convolution that takes more NPs than the device has.
fn too_few_nps(
    layer: &Layer,
    need: Need,
    rows_per_np: usize,
    (available, device): (usize, &Device),
) -> Misfit {
    let most_filters = need
        .filters_per_np
        .saturating_mul(available / need.row_parts);
    let remedy = if available == 0 {
        String::from("take a device with NPs for convolutions")
    } else if most_filters > 0 {
        format!("use at most {most_filters} filters, fewer input channels or fewer bits")
    } else {
        let input = layer.connection().input;
        let rows = rows_per_np.saturating_mul(available);
        let rows_each = input.shape.x.div_ceil(available.max(1)) as u64;
        let channel_bits = rows_each * input.shape.y as u64 * bits_of_cell(layer);
        let input_bytes = device.mesh.sram.map_or(usize::MAX, |sram| sram.input_bytes);
        let channels = (input_bytes as u64).saturating_mul(8) / channel_bits.max(1);
        format!("use at most {channels} input channels, or maps of at most {rows} rows")
    };
    Misfit {
        rule: "NPs of the layer",
        received: format!(
            "{} ({} parts of the rows, {} of the filters)",
            need.nps(usize::MAX),
            need.row_parts,
            need.filter_parts(usize::MAX)
        ),
        allowed: format!("at most {available}"),
        remedy,
    }
}
