//! What a layer takes of a chip: the units, and into how many parts its rows and filters must be cut.

use crate::device::{Device, NpType, Standing};
use crate::{Layer, Operation, Weights};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The least that a layer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// The type of its units; `None` for a layer that takes none.
    pub(super) kind: Option<NpType>,
    /// Parts of its input rows.
    pub(super) row_parts: usize,
    /// Input rows of a part, the last of which may be smaller.
    pub(super) rows: usize,
    /// Filters that the memory of an NP holds, at most.
    pub(super) filters_per_np: usize,
    /// The filters.
    pub(super) filters: usize,
}

/// Why a layer does not fit on a device.
pub(super) struct Misfit {
    pub(super) rule: &'static str,
    pub(super) received: String,
    pub(super) allowed: String,
    pub(super) remedy: String,
    pub(super) standing: Standing,
    pub(super) source: &'static str,
}

/// Bytes of a filter and of an input row, in the memory of an NP.
pub(super) struct Bytes {
    bits: u64,
    pub(super) row: u64,
}

impl Bytes {
    /// The values of a filter that count against the memory: of a separable layer those of the pointwise part.
    pub(super) fn of(layer: &Layer) -> Self {
        let connection = layer.connection();
        let weights = layer.pointwise_weights().or(layer.weights());
        let [kx, ky, channels, _] = weights.map(Weights::shape).unwrap_or_default();
        let bits = weights.map(Weights::bits).unwrap_or_default();
        let input = connection.input.shape;
        let row = (input.y * input.c) as u64 * u64::from(connection.input.format.bits);
        Self {
            bits: (kx * ky * channels) as u64 * u64::from(bits),
            row: row.div_ceil(8),
        }
    }

    /// Bytes of `filters` filters.
    pub(super) fn filters(&self, filters: usize) -> u64 {
        (self.bits * filters as u64).div_ceil(8)
    }
}

impl Need {
    const NOTHING: Self = Self {
        kind: None,
        row_parts: 1,
        rows: 0,
        filters_per_np: usize::MAX,
        filters: 0,
    };

    /// The need of a layer on a device.
    pub(super) fn of(layer: &Layer, device: &Device) -> Result<Self, Misfit> {
        match &layer.connection().operation {
            Operation::Pass | Operation::Join => Ok(Self::NOTHING),
            Operation::Windows(_) if layer.spec().is_input() => Self::image(layer, device),
            Operation::Windows(windows) if windows.is_fully_connected() => {
                Self::fully(layer, device)
            }
            Operation::Windows(_) => Self::conv(layer, device),
        }
    }

    /// A layer that takes one unit.
    fn one(kind: NpType, layer: &Layer) -> Self {
        Self {
            kind: Some(kind),
            rows: layer.connection().input.shape.x,
            filters: layer.connection().output.shape.c,
            ..Self::NOTHING
        }
    }

    fn image(layer: &Layer, device: &Device) -> Result<Self, Misfit> {
        if device.mesh.hrc {
            return Ok(Self::one(NpType::Hrc, layer));
        }
        Err(misfit(
            device,
            "image convolution unit",
            String::from("none"),
            String::from("present (HRC)"),
            String::from(
                "take a device with one, or quantize images to 4 bits and begin with InputData",
            ),
        ))
    }

    fn fully(layer: &Layer, device: &Device) -> Result<Self, Misfit> {
        let bytes = Bytes::of(layer).filters(layer.connection().output.shape.c);
        let inside = bytes <= device.mesh.sram.weight_bytes as u64;
        if inside && device.mesh.count(NpType::Fnp3) > 0 {
            return Ok(Self::one(NpType::Fnp3, layer));
        }
        if device.mesh.count(NpType::Fnp2) > 0 {
            return Ok(Self::one(NpType::Fnp2, layer));
        }
        let most = device.mesh.sram.weight_bytes;
        let (allowed, remedy) = if device.mesh.count(NpType::Fnp3) > 0 {
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
        let received = format!("{bytes} bytes");
        Err(misfit(device, "weights", received, allowed, remedy.into()))
    }

    fn conv(layer: &Layer, device: &Device) -> Result<Self, Misfit> {
        let connection = layer.connection();
        let (input, filters) = (connection.input.shape, connection.output.shape.c);
        let (bytes, sram) = (Bytes::of(layer), device.mesh.sram);
        let held = (sram.input_bytes as u64 / bytes.row.max(1)) as usize;
        if held == 0 {
            return Err(misfit(
                device,
                "bytes of an input row",
                format!("{} for {} x {} values", bytes.row, input.y, input.c),
                format!("at most {}, the input memory of an NP", sram.input_bytes),
                format!(
                    "use a width of {} or fewer channels",
                    sram.input_bytes as u64 * 8
                        / (input.c as u64 * u64::from(connection.input.format.bits)).max(1)
                ),
            ));
        }
        let filters_per_np = (sram.weight_bytes as u64 * 8 / bytes.bits.max(1)) as usize;
        if filters_per_np == 0 {
            return Err(misfit(
                device,
                "bytes of a filter",
                format!("{}", bytes.filters(1)),
                format!("at most {}, the filter memory of an NP", sram.weight_bytes),
                String::from("use a smaller kernel, fewer channels or fewer bits"),
            ));
        }
        let cut = |most_rows: usize| {
            let row_parts = input.x.div_ceil(most_rows);
            Self {
                kind: Some(NpType::Cnp1),
                row_parts,
                rows: input.x.div_ceil(row_parts),
                filters_per_np,
                filters,
            }
        };
        let available = device.mesh.count(NpType::Cnp1);
        // The limit on rows is inferred, and some published maps are higher: it does not refuse what memory can hold.
        for need in [cut(held.min(device.np_rows())), cut(held)] {
            if need.nps(usize::MAX) <= available {
                return Ok(need);
            }
        }
        let need = cut(held);
        let row_parts = need.row_parts;
        let most_filters = filters_per_np.saturating_mul(available / row_parts);
        let remedy = if most_filters > 0 {
            format!("use at most {most_filters} filters, fewer input channels or fewer bits")
        } else {
            let rows = held.saturating_mul(available);
            let rows_each = input.x.div_ceil(available.max(1)) as u64;
            let column_bits = rows_each * input.y as u64 * u64::from(connection.input.format.bits);
            let channels = sram.input_bytes as u64 * 8 / column_bits.max(1);
            format!("use at most {channels} input channels, or maps of at most {rows} rows")
        };
        Err(misfit(
            device,
            "NPs of the layer",
            format!(
                "{} ({row_parts} parts of the rows, {} of the filters)",
                need.nps(usize::MAX),
                need.filter_parts(usize::MAX)
            ),
            format!("at most {available}"),
            remedy,
        ))
    }

    /// Parts of the filters, with at most `cap` in each.
    pub(super) fn filter_parts(&self, cap: usize) -> usize {
        match self.kind {
            Some(NpType::Cnp1) => self.filters.div_ceil(self.filters_per_np.min(cap).max(1)),
            _ => 1,
        }
    }

    /// NPs with at most `cap` filters in each; the image convolution unit is none.
    pub(super) fn nps(&self, cap: usize) -> usize {
        match self.kind {
            None | Some(NpType::Hrc) => 0,
            Some(_) => self.row_parts.saturating_mul(self.filter_parts(cap)),
        }
    }

    /// The caps on filters that change the number of NPs, up to `nps` of them.
    pub(super) fn caps(&self, nps: usize) -> Vec<usize> {
        if self.kind != Some(NpType::Cnp1) {
            return Vec::new();
        }
        let parts = 1..=(nps / self.row_parts).min(self.filters);
        parts.map(|n| self.filters.div_ceil(n)).collect()
    }
}

/// The standing of a device's memory and number of NPs is that of its chip; an imagined device is as it is said to be.
fn misfit(
    device: &Device,
    rule: &'static str,
    received: String,
    allowed: String,
    remedy: String,
) -> Misfit {
    let (standing, source) = match device.chip {
        Some(chip) => (chip.weight_bytes.standing, chip.weight_bytes.source),
        None => (
            Standing::Assumed,
            "the memory and the NPs given to the device",
        ),
    };
    Misfit {
        rule,
        received,
        allowed,
        remedy,
        standing,
        source,
    }
}
