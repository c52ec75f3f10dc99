//! Places a model on a device: judges the layers, shares out the NPs, and writes down who takes what.

use super::judgement::judge;
use super::mapping::{LayerMapping, MapError, Mapping, NpMapping, NpSpace, Pass, Sequence};
use super::need::Need;
use super::place::{Choice, MapMode, assign, choose};
use super::runs::Run;
use super::skips::{Channels, SkipConnection, on_chip};
use super::verdict::Verdict;
use super::violation::Effect;
use crate::device::{Device, NpIdent, NpType};
use crate::{Layer, Model};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Places a model on a device.
///
/// Layers that the device cannot run are left to software, unless `hw_only` asks for a single sequence on the chip.
/// `Quantizer` and `Dequantizer` run on the host, in sequences of their own.
///
/// # Errors
///
/// Every violation that stands in the way. A layer of another generation and a value that does not fit its register always
/// do; with `hw_only` whatever would leave a layer to software does too. Or the memory does not suffice for the reach of a layer.
pub fn map(
    model: &Model,
    device: &Device,
    mode: MapMode,
    hw_only: bool,
) -> Result<Mapping, MapError> {
    let judgement = judge(model, device)?;
    let stops = |effect: Effect| match effect {
        Effect::Refused => true,
        Effect::Software => hw_only,
        Effect::Possible => false,
    };
    let mut violations = judgement.verdicts.iter().flat_map(|v| &v.violations);
    if violations.any(|violation| stops(violation.effect)) {
        let mut violations = judgement.into_violations();
        violations.retain(|v| v.effect != Effect::Possible);
        return Err(MapError::Refused(violations));
    }
    let mut mapping = Mapping {
        device: device.clone(),
        mode,
        layers: Vec::with_capacity(model.layers().len()),
        sequences: Vec::new(),
        skip_connections: on_chip(model, &judgement.verdicts),
        violations: Vec::new(),
    };
    let mut skips = mapping.skip_connections.clone().into_iter().peekable();
    for run in &judgement.runs {
        let inside = |skip: &SkipConnection| skip.consumer < run.layers.end;
        let within: Vec<_> = core::iter::from_fn(|| skips.next_if(inside)).collect();
        if run.hardware {
            place(&mut mapping, model, run, (&judgement.verdicts, &within));
        } else {
            leave_to_software(&mut mapping, model, run);
        }
    }
    mapping.violations = judgement.into_violations();
    Ok(mapping)
}

/// Adds a run on the chip as a sequence.
fn place(
    mapping: &mut Mapping,
    model: &Model,
    run: &Run,
    (verdicts, skips): (&[Verdict], &[SkipConnection]),
) {
    let verdicts = &verdicts[run.layers.clone()];
    let needs: Vec<Need> = verdicts.iter().filter_map(|v| v.need).collect();
    let device = &mapping.device;
    let channels = Channels::of(skips, run.layers.clone());
    let choice = choose(&needs, &channels, &device.mesh, mapping.mode);
    let mut passes = Vec::with_capacity(choice.passes.len());
    let mut placed = Vec::with_capacity(needs.len());
    for (pass, range) in choice.passes.iter().enumerate() {
        let layers = run.layers.start + range.start..run.layers.start + range.end;
        let needs = &needs[range.clone()];
        let assigned = assign(needs, &device.mesh, choice.cap);
        for ((need, nps), index) in needs.iter().zip(assigned).zip(layers.clone()) {
            placed.push(LayerMapping {
                sequence: mapping.sequences.len(),
                pass,
                nps: parts(&model.layers()[index], need, &choice, &nps, device),
            });
        }
        passes.push(Pass { layers });
    }
    let program_bytes = program_bytes(device, &placed);
    mapping.layers.extend(placed);
    mapping.sequences.push(Sequence {
        name: name(model, run),
        hardware: true,
        passes,
        program_bytes,
    });
}

/// Adds a run in software as a sequence.
fn leave_to_software(mapping: &mut Mapping, model: &Model, run: &Run) {
    let layer = LayerMapping {
        sequence: mapping.sequences.len(),
        pass: 0,
        nps: Vec::new(),
    };
    let layers = run.layers.clone();
    mapping.layers.extend(layers.clone().map(|_| layer.clone()));
    mapping.sequences.push(Sequence {
        name: name(model, run),
        hardware: false,
        passes: vec![Pass { layers }],
        program_bytes: None,
    });
}

/// The name of the sequence that a run becomes.
fn name(model: &Model, run: &Run) -> String {
    let layer = |index: usize| model.layers()[index].name();
    let backend = if run.hardware { "HW" } else { "SW" };
    let (first, last) = (layer(run.layers.start), layer(run.layers.end - 1));
    format!("{backend}/{first}-{last}")
}

/// The size of the program for some layers, where the device has public sizes.
fn program_bytes(device: &Device, layers: &[LayerMapping]) -> Option<u64> {
    let units = || layers.iter().flat_map(|layer| &layer.nps);
    let weights = units().map(|np| np.weight_bytes + np.external_bytes).sum();
    let nps = units().filter(|np| np.kind != NpType::Hrc).count();
    device.program.map(|program| program.bytes(weights, nps))
}

/// What each unit of a layer takes: for each part of the rows, the parts of the filters in turn.
fn parts(
    layer: &Layer,
    need: &Need,
    choice: &Choice,
    nps: &[usize],
    device: &Device,
) -> Vec<NpMapping> {
    let Some(kind) = need.kind else {
        return Vec::new();
    };
    let input = layer.connection().input.shape;
    let filter_parts = need.filter_parts(choice.cap);
    let filters_per_part = need.filters.div_ceil(filter_parts);
    let units: Vec<Option<NpIdent>> = match kind {
        NpType::Hrc => vec![None],
        NpType::Cnp1 | NpType::Fnp2 | NpType::Fnp3 | NpType::TnpB | NpType::TnpR => {
            let ident = |&np: &usize| Some(device.mesh.nps[np].ident);
            nps.iter().map(ident).collect()
        }
    };
    let part = |(number, ident): (usize, Option<NpIdent>)| {
        let x = number / filter_parts * need.rows;
        let start = number % filter_parts * filters_per_part;
        let rows = need.rows.min(input.x - x);
        let filters = filters_per_part.min(need.filters - start);
        let weights = need.bytes.filters(filters);
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
            input_bytes: need.bytes.row * rows as u64,
            weight_bytes: if external { 0 } else { weights },
            external_bytes: if external { weights } else { 0 },
        }
    };
    units.into_iter().enumerate().map(part).collect()
}
