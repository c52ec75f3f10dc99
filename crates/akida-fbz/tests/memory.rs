//! Decoding takes at most four times the file and its payload, and 1 MiB.

#![allow(unsafe_code, reason = "a counting allocator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;

use akida_fbz::{decode, encode};
use akida_sim::*;
use common::*;
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
    4 * (file.len() + payload_len as usize) + (1 << 20)
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
    let models = [
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

#[test]
fn changed_payloads_stay_within_the_promise() {
    let payload = payload_of(&encode(&every_layer()).unwrap());
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
