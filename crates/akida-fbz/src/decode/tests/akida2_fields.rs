//! The fields of layers of Akida 2.0, one after the other left out or broken.

use crate::decode::*;
use crate::encode;
use akida_sim::{
    Activation, Add, BufferTempConv, Concatenate, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D,
    InputData, LayerSpec, Padding, Pair, PicoPostProcessing, Pooling, PostOps, Quantizer, Shape,
    StatefulRecurrent, TemporalParams, TransposedParams,
};
use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec;
use flatbuffers::Table;

/// Layers of every type of Akida 2.0 with every field that they can have.
fn every_layer() -> Vec<(LayerSpec, Vec<usize>)> {
    let conv = Conv2DParams {
        padding: Padding::Valid,
        pooling: Pooling::Max {
            size: Pair::square(1),
            stride: Pair::square(1),
        },
        ..Conv2DParams::new(1)
    };
    let transposed = TransposedParams::new(3);
    let temporal = TemporalParams::new(2);
    let accumulators = PostOps {
        output_bits: 32,
        ..PostOps::new(Activation::NoActivation)
    };
    let input_shape = Shape::new(1, 1, 3);
    let quantizer = Quantizer {
        input_shape,
        output_bits: 8,
        output_signed: false,
        channels_first: false,
    };
    let image = InputConv2D {
        input_shape,
        filters: 2,
        conv,
    };
    let states = StatefulRecurrent {
        post_ops: accumulators,
        ..StatefulRecurrent::new(2, 2)
    };
    vec![
        (quantizer.into(), vec![]),
        (image.into(), vec![0]),
        (Conv2D { filters: 2, conv }.into(), vec![1]),
        (DepthwiseConv2D { conv }.into(), vec![2]),
        (Add::default().into(), vec![2, 3]),
        (Concatenate.into(), vec![4, 3]),
        (
            Conv2DTranspose {
                filters: 2,
                conv: transposed,
            }
            .into(),
            vec![5],
        ),
        (
            DepthwiseConv2DTranspose { conv: transposed }.into(),
            vec![6],
        ),
        (
            BufferTempConv {
                filters: 2,
                temporal,
            }
            .into(),
            vec![7],
        ),
        (DepthwiseBufferTempConv { temporal }.into(), vec![8]),
        (Dense1D::new(2).into(), vec![9]),
        (states.into(), vec![10]),
        (PicoPostProcessing::default().into(), vec![11, 10]),
        (Dequantizer.into(), vec![12]),
    ]
}

/// The offsets in the payload of all fields that a table has, as its description lists them.
fn slots(table: &Table<'_>, into: &mut BTreeSet<usize>) {
    let vtable = table.vtable();
    let places = (4..vtable.num_bytes()).step_by(2);
    let is_field = |&place: &usize| vtable.get(place as u16) != 0;
    into.extend(
        places
            .filter(is_field)
            .map(|place| vtable_offset(table) + place),
    );
}

/// Where the description of a table is.
fn vtable_offset(table: &Table<'_>) -> usize {
    let bytes = table.buf()[table.loc()..].first_chunk::<4>().unwrap();
    let back = i64::from(i32::from_le_bytes(*bytes));
    usize::try_from(table.loc() as i64 - back).unwrap()
}

#[test]
fn no_field_of_a_layer_may_be_left_out() {
    let mut builder = ModelBuilder::new();
    for (index, (spec, inbounds)) in every_layer().into_iter().enumerate() {
        builder.add(&format!("{index}"), spec, &inbounds).unwrap();
    }
    let types: BTreeSet<_> = builder
        .layers()
        .iter()
        .map(|l| l.spec().type_name())
        .collect();
    let akida2 = LayerSpec::TYPES
        .iter()
        .skip_while(|name| **name != "Quantizer");
    assert_eq!(types, akida2.copied().collect());
    let good = builder.build().unwrap();
    let limits = Limits::DEFAULT;
    let file = encode::encode(&good).unwrap();
    let payload = container::unwrap(&file, &limits).unwrap().to_vec();
    assert_eq!(model(&payload, &limits).as_ref(), Ok(&good));

    let mut found = BTreeSet::new();
    let root = fb::root_as_model(&payload).unwrap();
    slots(&root._tab, &mut found);
    for layer in root.layers().unwrap() {
        slots(&layer._tab, &mut found);
        slots(&layer.parameters().unwrap(), &mut found);
        let conv = layer.parameters_as_conv_2_d();
        if let Some(conv) = conv {
            slots(&conv.convolution().unwrap()._tab, &mut found);
            slots(&conv.post_ops().unwrap()._tab, &mut found);
        }
        if let Some(variables) = layer.variables() {
            slots(&variables._tab, &mut found);
            for tensor in variables.tensors().unwrap() {
                slots(&tensor._tab, &mut found);
            }
        }
    }
    // Tables with the same fields share their description.
    assert!(found.len() > 50, "{}", found.len());
    for slot in found {
        let mut changed = payload.clone();
        changed[slot..slot + 2].copy_from_slice(&[0, 0]);
        let error = model(&changed, &limits).expect_err("a field is needed");
        assert_eq!(error.kind(), DecodeErrorKind::Payload, "{error}");
        let words = [
            "received nothing",
            "parameters without their type",
            "at least one index",
        ];
        let message = error.to_string();
        assert!(words.iter().any(|word| message.contains(word)), "{error}");
    }
}

#[test]
fn the_verifier_says_which_tensor_is_broken() {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 2), 8);
    builder.add("in", input, &[]).unwrap();
    builder.add("dense", Dense1D::new(1), &[]).unwrap();
    let limits = Limits::DEFAULT;
    let file = encode::encode(&builder.build().unwrap()).unwrap();
    let good = container::unwrap(&file, &limits).unwrap().to_vec();
    let paths: Vec<String> = (0..good.len())
        .filter_map(|at| {
            let mut bytes = good.clone();
            bytes[at] = 0xFF;
            let error = model(&bytes, &limits).err()?;
            Some(error.location().to_string())
        })
        .collect();
    for path in ["layers[1].tensors[0].name", "layers[1].tensors[4].values"] {
        assert!(paths.iter().any(|p| p == path), "{path} in {paths:?}");
    }
    for group in ["variables.", "post_ops.", "parameters."] {
        assert!(!paths.iter().any(|p| p.contains(group)), "{paths:?}");
    }
}
