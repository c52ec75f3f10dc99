//! Decoding takes no more memory than the payload justifies.

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

/// Room for the decompressor's tables, names, messages and the layers themselves.
const FIXED: usize = 64 << 10;

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

#[test]
fn decoding_takes_the_payload_one_byte_per_weight_and_eight_per_filter() {
    for (inputs, units, bits) in [(1000, 1000, 1), (500, 2000, 8), (1, 100_000, 4)] {
        let file = encode(&dense(inputs, units, bits)).unwrap();
        assert_eq!(file[10], 1, "compressed, so that the payload is allocated");
        let justified = payload_of(&file).len() + inputs * units + 8 * units;
        let (taken, model) = peak(|| decode(&file));
        assert!(model.is_ok());
        assert!(
            taken <= justified + FIXED,
            "{taken} bytes, {justified} justified"
        );
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
            assert!(taken <= FIXED, "{taken} bytes for {payload_len} declared");
        }
    }
}

#[test]
fn changed_payloads_take_no_more_than_a_multiple_of_their_length() {
    let payload = payload_of(&encode(&every_layer()).unwrap());
    for at in 0..payload.len() {
        for value in [0x7F, 0x80, 0xFF] {
            let mut changed = payload.clone();
            changed[at] = value;
            let file = Container::plain(&changed).bytes();
            let (taken, _) = peak(|| decode(&file));
            assert!(
                taken <= 8 * payload.len() + FIXED,
                "{taken} bytes, byte {at}"
            );
        }
    }
}
