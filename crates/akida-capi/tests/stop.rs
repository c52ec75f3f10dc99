//! Runs that another thread stops.

#![allow(unsafe_code, reason = "a C interface")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use akida_capi::{
    Model, Status, Type, akida_error, akida_forward, akida_free, akida_session_free,
    akida_session_new, akida_session_run, akida_stop,
};
use akida_sim::{ConvParams, Convolutional, InputData, ModelBuilder, Pair, Shape};
use std::ffi::{CStr, c_uint};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Height and width of the inputs.
const SIZE: usize = 64;
const CHANNELS: usize = 16;

fn model() -> Box<Model> {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(SIZE, SIZE, CHANNELS), 4);
    builder.add("in", input, &[]).unwrap();
    let conv = ConvParams {
        act_bits: None,
        ..ConvParams::new(Pair::square(15), CHANNELS)
    };
    builder.add("conv", Convolutional { conv }, &[]).unwrap();
    Box::new(Model::new(builder.build().unwrap()).unwrap())
}

/// Repeats a call, and stops it as often, until it says that it was stopped.
fn assert_stopped(model: &Model, mut call: impl FnMut() -> Status + Send) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match call() {
                    Status::Ok => {}
                    status => {
                        // SAFETY: the text is valid until the next call.
                        let text = unsafe { CStr::from_ptr(akida_error()) };
                        is_done.store(true, Ordering::Relaxed);
                        assert_eq!(status, Status::Stopped, "{text:?}");
                        break;
                    }
                }
            }
        });
        while !is_done.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(3));
            // SAFETY: the model was not freed.
            unsafe { akida_stop(model) };
        }
    });
}

#[test]
fn runs_and_sessions_are_stopped_and_later_runs_are_not() {
    let model = model();
    let inputs = vec![1u8; SIZE * SIZE * CHANNELS];
    let mut outputs = vec![0; inputs.len()];
    let mut forward = |threads| {
        let (length, out) = (outputs.len(), outputs.as_mut_ptr());
        // SAFETY: the arrays have the lengths that the model asks for.
        unsafe { akida_forward(&raw const *model, inputs.as_ptr(), 1, out, length, threads) }
    };
    for threads in [1, 2] {
        assert_stopped(&model, || forward(threads));
        assert_eq!(forward(threads), Status::Ok);
    }
    let mut session = null_mut();
    // SAFETY: the model was not freed, and the pointer is writable.
    let status = unsafe { akida_session_new(&raw const *model, 1, &raw mut session) };
    assert_eq!(status, Status::Ok);
    let place = session as usize;
    let mut step = || {
        let (length, out) = (outputs.len(), outputs.as_mut_ptr());
        let (values, bytes) = (inputs.as_ptr().cast(), Type::Uint8 as c_uint);
        // SAFETY: the session was not freed, and the arrays have the lengths that a step asks for.
        unsafe { akida_session_run(place as *mut _, values, bytes, 1, out, length) }
    };
    assert_stopped(&model, &mut step);
    assert_eq!(step(), Status::Ok);
    // SAFETY: both are from this library, and are not used again. Nothing is done with null.
    unsafe {
        akida_session_free(session);
        akida_free(Box::into_raw(model));
        akida_stop(null());
    }
}
