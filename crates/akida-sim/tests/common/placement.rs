//! What holds of every mapping: each layer in one sequence, each filter and row once, no NP twice, no memory exceeded.

use akida_sim::device::NpType;
use akida_sim::map::{Mapping, NpMapping};
use akida_sim::{Layer, Model, Operation};
use std::collections::BTreeSet;

pub(crate) fn check_mapping(model: &Model, mapping: &Mapping) {
    let layers = model.layers();
    let mesh = &mapping.device().mesh;
    let mut next = 0;
    for (s, sequence) in mapping.sequences().iter().enumerate() {
        for (p, pass) in sequence.passes().iter().enumerate() {
            assert_eq!(pass.layers.start, next, "passes follow each other");
            assert!(!pass.layers.is_empty());
            next = pass.layers.end;
            let mut used = BTreeSet::new();
            for index in pass.layers.clone() {
                let layer = &mapping.layers()[index];
                assert_eq!((layer.sequence, layer.pass), (s, p));
                assert!(sequence.is_hardware() || layer.nps.is_empty());
                for np in &layer.nps {
                    assert_eq!(np.ident.is_none(), np.kind == NpType::Hrc);
                    let Some(ident) = np.ident else { continue };
                    assert!(
                        used.insert((ident.col, ident.row, ident.id)),
                        "an NP is used once in a pass"
                    );
                    let known = mesh.nps.iter().find(|n| n.ident == ident).unwrap();
                    assert!(known.types.contains(&np.kind));
                    let Some(sram) = mesh.sram else { continue };
                    assert!(np.weight_bytes <= sram.weight_bytes as u64);
                    let cut = matches!(np.kind, NpType::Cnp1 | NpType::TnpB);
                    assert!(!cut || np.input_bytes <= sram.input_bytes as u64);
                }
                if sequence.is_hardware() {
                    check_parts(&layers[index], &layer.nps);
                }
            }
            check_channels(mapping, pass.layers.clone());
        }
        if sequence.is_hardware() {
            check_ends(model, sequence.layers());
        }
    }
    assert_eq!(next, layers.len());
}

/// Each filter sees each input row in exactly one part.
fn check_parts(layer: &Layer, nps: &[NpMapping]) {
    let connection = layer.connection();
    match connection.operation {
        Operation::Windows(_) | Operation::Recurrence(_) => {}
        Operation::Pass | Operation::Add | Operation::Join => return assert!(nps.is_empty()),
        Operation::Quantize(_) | Operation::Dequantize | Operation::Deviation(_) => {
            panic!("{} runs on the host", layer.name())
        }
    }
    let (rows, filters) = (connection.input.shape.x, connection.output.shape.c);
    let mut seen = vec![0; rows * filters];
    for np in nps {
        let space = np.spatial_partition;
        assert!(np.filters > 0 && space.shape.0 > 0);
        for row in space.x..space.x + space.shape.0 {
            for filter in np.start_neuron..np.start_neuron + np.filters {
                seen[row * filters + filter] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&n| n == 1), "{}", layer.name());
}

/// Skip connections that lead around or into layers of a pass find a channel each.
fn check_channels(mapping: &Mapping, pass: std::ops::Range<usize>) {
    let Some(channels) = mapping.device().mesh.skip_channels else {
        return;
    };
    let around = |index: usize| {
        let skips = mapping.skip_connections().iter();
        skips
            .filter(|s| s.producer < index && index <= s.consumer)
            .copied()
            .collect::<Vec<_>>()
    };
    let mut taken = Vec::new();
    for skip in pass.flat_map(around) {
        if !taken.contains(&skip) {
            taken.push(skip);
        }
    }
    assert!(taken.len() <= channels, "{taken:?} in {channels} channels");
}

/// A sequence on the chip reads one map of earlier sequences, and later ones read one of its maps.
fn check_ends(model: &Model, sequence: std::ops::Range<usize>) {
    let (mut read, mut given) = (BTreeSet::new(), BTreeSet::new());
    for (index, layer) in model.layers().iter().enumerate() {
        for &inbound in layer.inbounds() {
            if sequence.contains(&index) && inbound < sequence.start {
                read.insert(inbound);
            }
            if sequence.contains(&inbound) && index >= sequence.end {
                given.insert(inbound);
            }
        }
    }
    assert!(read.len() <= 1, "{read:?} go into {sequence:?}");
    assert!(given.len() <= 1, "{given:?} come out of {sequence:?}");
}
