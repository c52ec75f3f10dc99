//! Decoding takes at most six times the file and its payload, and 1 MiB.

#![allow(unsafe_code, reason = "a counting allocator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "../src/generated/mod.rs"]
mod generated;

use akida_fbz::{decode, encode};
use akida_sim::*;
use common::*;
use flatbuffers::FlatBufferBuilder;
use generated as fb;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        NOW.with(|now| now.set(now.get().saturating_add(layout.size())));
        PEAK.with(|peak| peak.set(peak.get().max(NOW.with(Cell::get))));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.with(|now| now.set(now.get().saturating_sub(layout.size())));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory, in bytes, that was in use at one time during a call, beyond what was in use before it.
fn peak<T>(call: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = call();
    (PEAK.with(Cell::get) - before, result)
}

/// What decoding may take, the result included: the promise of SECURITY.md.
fn allowed(file: &[u8], payload_len: u64) -> usize {
    6 * (file.len() + payload_len as usize) + (1 << 20)
}

fn dense(inputs: usize, units: usize, weights_bits: u8) -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, inputs), 1);
    builder.add("in", input, &[]).unwrap();
    let spec = FullyConnected {
        weights_bits,
        ..FullyConnected::new(units)
    };
    builder.add("out", spec, &[]).unwrap();
    builder.build().unwrap()
}

/// A model of one layer of Akida 2.0 behind an input of 8 bits.
fn single(shape: Shape, layer: impl Into<LayerSpec>, inbounds: &[usize]) -> Model {
    let mut builder = ModelBuilder::new();
    builder.add("in", InputData::new(shape, 8), &[]).unwrap();
    builder.add("out", layer, inbounds).unwrap();
    builder.build().unwrap()
}

/// As many layers as the format allows, each as small as its type can be.
fn many_layers(add: impl Fn(&mut ModelBuilder, usize)) -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1), 1);
    builder.add("in", input, &[]).unwrap();
    for index in 1..MAX_LAYERS {
        add(&mut builder, index);
    }
    builder.build().unwrap()
}

#[test]
fn decoding_valid_files_stays_within_the_promise() {
    let concat = |builder: &mut ModelBuilder, index: usize| {
        let inbounds = [index - 1, 0];
        builder.add(&format!("{index}"), Concat, &inbounds).unwrap();
    };
    let unit = |builder: &mut ModelBuilder, index: usize| {
        let spec = FullyConnected::new(1);
        builder.add(&format!("{index}"), spec, &[]).unwrap();
    };
    // Joins that read the input as often as is allowed, and the join before.
    let repeated = |builder: &mut ModelBuilder, index: usize| {
        let mut inbounds = [0; MAX_INBOUNDS];
        inbounds[0] = index - 1;
        builder.add(&format!("{index}"), Concat, &inbounds).unwrap();
    };
    // As many branches as a join may have, the join, and as many branches again.
    let wide = |builder: &mut ModelBuilder, index: usize| {
        let name = format!("{index}");
        let source = (index / MAX_INBOUNDS * MAX_INBOUNDS).saturating_sub(1);
        if index % MAX_INBOUNDS == MAX_INBOUNDS - 1 {
            let branches: Vec<usize> = (source + 1..index).collect();
            builder.add(&name, Concat, &branches).unwrap();
        } else {
            let conv = ConvParams::new(Pair::square(1), 1);
            let conv = Convolutional { conv };
            builder.add(&name, conv, &[source]).unwrap();
        }
    };
    // Layers of Akida 2.0 with many variables, and a byte or two for each.
    let sum = |builder: &mut ModelBuilder, index: usize| {
        let inbounds = [index - 1, 0];
        let name = format!("{index}");
        builder.add(&name, Add::default(), &inbounds).unwrap();
    };
    let states = |builder: &mut ModelBuilder, index: usize| {
        let layer = StatefulRecurrent::new(1, 1);
        builder.add(&format!("{index}"), layer, &[]).unwrap();
    };
    let post_ops = |output_bits| PostOps {
        output_bits,
        ..PostOps::new(Activation::NoActivation)
    };
    // Accumulators that a global average adds up are bounded by weights and biases.
    let averaged = Conv2D {
        filters: 300_000,
        conv: Conv2DParams {
            pooling: Pooling::GlobalAverage,
            post_ops: post_ops(32),
            weights_bits: 4,
            ..Conv2DParams::new(1)
        },
    };
    let units = Dense1D {
        post_ops: post_ops(8),
        weights_bits: 4,
        ..Dense1D::new(500_000)
    };
    let channels = Shape::new(1, 1, 500_000);
    let pico = PicoPostProcessing::default();
    let models = [
        single(channels, Add::default(), &[0, 0]),
        single(channels, pico, &[0, 0]),
        single(channels, Dequantizer, &[0]),
        single(Shape::new(1, 1, 1), units, &[0]),
        single(Shape::new(1, 2, 1), averaged, &[0]),
        many_layers(sum),
        many_layers(states),
        every_layer_akida2(),
        tiny_akida2(),
        many_layers(repeated),
        many_layers(wide),
        dense(1000, 1000, 1),
        dense(10_000, 1000, 1),
        dense(10_000, 1000, 2),
        dense(500, 2000, 8),
        dense(1, 100_000, 4),
        many_layers(concat),
        many_layers(unit),
        tiny(),
        every_layer(),
    ];
    for model in models {
        let compressed = encode(&model).unwrap();
        let payload = payload_of(&compressed);
        for file in [compressed, Container::plain(&payload).bytes()] {
            let (taken, decoded) = peak(|| decode(&file));
            assert_eq!(decoded.as_ref(), Ok(&model));
            let allowed = allowed(&file, payload.len() as u64);
            assert!(taken <= allowed, "{taken} bytes, {allowed} allowed");
        }
    }
}

#[test]
fn a_length_that_is_only_declared_takes_no_memory() {
    let payload = payload_of(&encode(&tiny()).unwrap());
    for payload_len in [1 << 20, 200 << 20, u64::MAX] {
        for compression in [0, 1] {
            let container = Container {
                payload_len,
                compression,
                ..Container::plain(&payload)
            };
            let file = container.bytes();
            let (taken, result) = peak(|| decode(&file));
            assert!(result.is_err());
            assert!(
                taken <= 64 << 10,
                "{taken} bytes for {payload_len} declared"
            );
        }
    }
}

/// A payload of `count` layers that share one table of parameters and one of variables: those of a `StatefulRecurrent`, which
/// has more variables than any other layer.
fn with_shared_tables(count: u32) -> Vec<u8> {
    let model = single(Shape::new(1, 1, 1), StatefulRecurrent::new(1, 1), &[]);
    let mut fbb = FlatBufferBuilder::new();
    let args = fb::PostOpsArgs {
        activation: Some(fb::Activation::ReLU),
        output_bits: Some(8),
        output_signed: Some(1),
        buffer_bits: Some(28),
        post_op_buffer_bits: Some(32),
    };
    let args = fb::StatefulRecurrentArgs {
        stateful_channels: Some(1),
        output_channels: Some(1),
        subsample: Some(1),
        post_ops: Some(fb::PostOps::create(&mut fbb, &args)),
    };
    let parameters = fb::StatefulRecurrent::create(&mut fbb, &args).as_union_value();
    let tensors: Vec<_> = model.layers()[1]
        .variables()
        .map(|(variable, _)| {
            let bytes = match variable.dtype() {
                "int8" | "uint8" => 1,
                _ => 2,
            };
            let args = fb::TensorArgs {
                name: Some(fbb.create_shared_string(variable.name)),
                values: Some(fbb.create_vector(&[0u8; 2][..bytes])),
            };
            fb::Tensor::create(&mut fbb, &args)
        })
        .collect();
    let args = fb::VariablesArgs {
        tensors: Some(fbb.create_vector(&tensors)),
        ..fb::VariablesArgs::default()
    };
    let variables = Some(fb::Variables::create(&mut fbb, &args));
    let args = fb::InputDataArgs {
        input_shape: Some(&fb::Shape::new(1, 1, 1)),
        input_bits: Some(8),
    };
    let input = fb::InputData::create(&mut fbb, &args).as_union_value();
    let args = fb::LayerArgs {
        name: Some(fbb.create_string("in")),
        inbounds: None,
        parameters_type: fb::Parameters::InputData,
        parameters: Some(input),
        variables: None,
    };
    let mut layers = vec![fb::Layer::create(&mut fbb, &args)];
    for index in 0..count {
        let args = fb::LayerArgs {
            name: Some(fbb.create_string(&format!("{index}"))),
            inbounds: Some(fbb.create_vector(&[index])),
            parameters_type: fb::Parameters::StatefulRecurrent,
            parameters: Some(parameters),
            variables,
        };
        layers.push(fb::Layer::create(&mut fbb, &args));
    }
    let args = fb::ModelArgs {
        ip_version: Some(fb::IpVersion::V2),
        layers: Some(fbb.create_vector(&layers)),
        input_scaling: None,
    };
    let root = fb::Model::create(&mut fbb, &args);
    fb::finish_model_buffer(&mut fbb, root);
    fbb.finished_data().to_vec()
}

#[test]
fn tables_that_layers_share_do_not_multiply_memory() {
    let mut read = 0;
    for count in (1..20).chain([100, 300, MAX_LAYERS as u32 - 1]) {
        let payload = with_shared_tables(count);
        let deflated = miniz_oxide::deflate::compress_to_vec(&payload, 9);
        let file = Container::deflate(deflated, payload.len() as u64).bytes();
        let (taken, model) = peak(|| decode(&file));
        let allowed = allowed(&file, payload.len() as u64);
        assert!(
            taken <= allowed,
            "{count}: {taken} bytes, {allowed} allowed"
        );
        read += u32::from(model.is_ok());
    }
    assert!((1..10).contains(&read), "{read}");
}

#[test]
fn changed_payloads_stay_within_the_promise() {
    for model in [every_layer(), every_layer_akida2()] {
        let payload = payload_of(&encode(&model).unwrap());
        for at in 0..payload.len() {
            for value in [0x7F, 0x80, 0xFF] {
                let mut changed = payload.clone();
                changed[at] = value;
                let file = Container::plain(&changed).bytes();
                let (taken, _) = peak(|| decode(&file));
                let allowed = allowed(&file, changed.len() as u64);
                assert!(taken <= allowed, "{taken} bytes, byte {at}");
            }
        }
    }
}
