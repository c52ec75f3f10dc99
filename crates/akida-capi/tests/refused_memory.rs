//! Memory that the system refuses is `AKIDA_ERROR_MEMORY`, at each large request of each call.

#![allow(unsafe_code, reason = "a C interface, and an allocator that refuses")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../akida-sim/tests/common/refusing.rs"]
mod refusing;

use akida_capi::{
    Model, Status, Type, akida_dequantize, akida_forward, akida_forward_typed, akida_free,
    akida_load, akida_predict, akida_predict_typed, akida_session_free, akida_session_new,
    akida_session_restore, akida_session_run, akida_session_save, akida_session_size,
};
use akida_sim::{
    ConvParams, Convolutional, Dense1D, DepthwiseBufferTempConv, Dequantizer, FullyConnected,
    InputData, ModelBuilder, Pair, Pooling, Quantizer, Shape, TemporalParams,
};
use std::ffi::c_uint;
use std::ptr::null_mut;

#[global_allocator]
static ALLOCATOR: refusing::Refusing = refusing::Refusing;

const SAMPLES: usize = 5;
const INPUTS: usize = SAMPLES * 32 * 32 * 8;
const CLASSES: usize = 1500;
/// The channels of models of Akida 2.0.
const CHANNELS: usize = 1100;

/// The file of a model whose weights and maps are large.
fn file() -> Vec<u8> {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(32, 32, 8), 4);
    builder.add("events", input, &[]).unwrap();
    let conv = ConvParams {
        pooling: Pooling::Max {
            size: Pair::square(2),
            stride: Pair::square(2),
        },
        ..ConvParams::new(Pair::square(3), 64)
    };
    builder.add("conv", Convolutional { conv }, &[]).unwrap();
    let classes = FullyConnected {
        act_bits: None,
        ..FullyConnected::new(CLASSES)
    };
    builder.add("classes", classes, &[]).unwrap();
    akida_fbz::encode(&builder.build().unwrap()).unwrap()
}

/// Loads a model, and runs it where that works.
fn call(file: &[u8], run: impl Fn(*const Model) -> Status) -> Status {
    let mut model: *mut Model = null_mut();
    // SAFETY: the bytes are readable, and the pointer is writable.
    let status = unsafe { akida_load(file.as_ptr(), file.len(), &raw mut model) };
    if status != Status::Ok {
        assert!(model.is_null());
        return status;
    }
    let status = run(model);
    // SAFETY: the model is from `akida_load`, and is not used again.
    unsafe { akida_free(model) };
    status
}

/// A model with state, whose queue is large. Inputs have 16 bits.
fn queue() -> Vec<u8> {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, CHANNELS), 16);
    builder.add("in", input, &[]).unwrap();
    let temporal = TemporalParams::new(3);
    builder
        .add("queue", DepthwiseBufferTempConv { temporal }, &[])
        .unwrap();
    akida_fbz::encode(&builder.build().unwrap()).unwrap()
}

/// Floats become integers, and floats again.
fn floats() -> Vec<u8> {
    let mut builder = ModelBuilder::new();
    let quantizer = Quantizer {
        input_shape: Shape::new(1, 1, CHANNELS),
        output_bits: 8,
        output_signed: true,
        channels_first: false,
    };
    builder.add("quantizer", quantizer, &[]).unwrap();
    builder.add("dense", Dense1D::new(CHANNELS), &[]).unwrap();
    builder.add("floats", Dequantizer, &[]).unwrap();
    akida_fbz::encode(&builder.build().unwrap()).unwrap()
}

/// Checks that each refused request of a call is a status.
fn check(file: &[u8], run: impl Fn(*const Model) -> Status) {
    let mut statuses = refusing::refuse(4 << 10, || call(file, &run));
    assert_eq!(statuses.pop(), Some(Status::Ok));
    let refused = statuses.iter().filter(|s| **s == Status::Memory).count();
    assert!(refused > 0);
    // A call that could do with less memory is right too.
    let allowed = [Status::Memory, Status::Ok];
    assert!(
        statuses.iter().all(|status| allowed.contains(status)),
        "{statuses:?}"
    );
}

/// A session is saved, restored and run, where that works.
///
/// # Safety
///
/// The model was not freed, and takes [`CHANNELS`] inputs of 16 bits.
unsafe fn saved_and_restored(model: *const Model) -> Status {
    let inputs = [7i16; SAMPLES * CHANNELS];
    let mut outputs = [0; SAMPLES * CHANNELS];
    let (mut session, mut restored) = (null_mut(), null_mut());
    // SAFETY: arrays have as many elements as the calls are told, and each session is freed once.
    unsafe {
        let status = akida_session_new(model, SAMPLES, &raw mut session);
        if status != Status::Ok {
            return status;
        }
        let mut memory = [0; 1 << 16];
        let saved = &mut memory[..akida_session_size(session)];
        let mut status = akida_session_save(session, saved.as_mut_ptr(), saved.len());
        akida_session_free(session);
        if status == Status::Ok {
            status = akida_session_restore(model, saved.as_ptr(), saved.len(), &raw mut restored);
        }
        if status == Status::Ok {
            let (at, words) = (inputs.as_ptr().cast(), Type::Int16 as c_uint);
            let (out, length) = (outputs.as_mut_ptr(), outputs.len());
            status = akida_session_run(restored, at, words, 1, out, length);
            akida_session_free(restored);
        }
        status
    }
}

// One test, as the allocator counts the requests of all threads.
#[test]
fn each_refused_request_is_a_status() {
    let file = file();
    let inputs = vec![1; INPUTS];
    for threads in 1..=3 {
        let forward = |model: *const Model| {
            let mut outputs = [0; SAMPLES * CLASSES];
            let (inputs, outputs) = (inputs.as_ptr(), outputs.as_mut_ptr());
            // SAFETY: both arrays have as many elements as the call is told.
            unsafe { akida_forward(model, inputs, SAMPLES, outputs, SAMPLES * CLASSES, threads) }
        };
        let predict = |model: *const Model| {
            let mut outputs = [0.0; SAMPLES * CLASSES];
            let (inputs, outputs) = (inputs.as_ptr(), outputs.as_mut_ptr());
            // SAFETY: both arrays have as many elements as the call is told.
            unsafe { akida_predict(model, inputs, SAMPLES, outputs, SAMPLES * CLASSES, threads) }
        };
        let step = |model: *const Model| {
            let mut outputs = [0; SAMPLES * CLASSES];
            let mut session = null_mut();
            // SAFETY: both arrays have as many elements as the calls are told, and the session is freed once.
            unsafe {
                let status = akida_session_new(model, SAMPLES, &raw mut session);
                if status != Status::Ok {
                    return status;
                }
                let (at, bytes) = (inputs.as_ptr().cast(), Type::Uint8 as c_uint);
                let (out, length) = (outputs.as_mut_ptr(), outputs.len());
                let status = akida_session_run(session, at, bytes, 1, out, length);
                akida_session_free(session);
                status
            }
        };
        let runs: [&dyn Fn(*const Model) -> Status; 3] = [&forward, &predict, &step];
        for run in runs {
            check(&file, run);
        }
    }
    let queue = queue();
    check(&queue, |model| {
        // SAFETY: the model is at hand for the call, and takes inputs of this kind.
        unsafe { saved_and_restored(model) }
    });

    let inputs = vec![0.5f32; SAMPLES * CHANNELS];
    let floats = floats();
    for threads in 1..=3 {
        check(&floats, |model| {
            let mut integers = [0i32; SAMPLES * CHANNELS];
            let mut outputs = [0f32; SAMPLES * CHANNELS];
            let (at, kind) = (inputs.as_ptr().cast(), Type::Float32 as c_uint);
            let length = outputs.len();
            let (out, all) = (outputs.as_mut_ptr(), integers.as_mut_ptr());
            // SAFETY: arrays have as many elements as the calls are told.
            unsafe {
                let mut status =
                    akida_forward_typed(model, at, kind, SAMPLES, all, length, threads);
                if status == Status::Ok {
                    status = akida_dequantize(model, all, out, length);
                }
                if status == Status::Ok {
                    status = akida_predict_typed(model, at, kind, SAMPLES, out, length, threads);
                }
                status
            }
        });
    }
}
