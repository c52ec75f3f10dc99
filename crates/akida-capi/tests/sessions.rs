//! Types of inputs and outputs, and sessions, with models that were never files.

#![allow(unsafe_code, reason = "a C interface")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use akida_capi::{
    Model, Session, Status, Type, akida_dequantize, akida_error, akida_forward,
    akida_forward_typed, akida_free, akida_has_state, akida_input_bits, akida_input_type,
    akida_output_bits, akida_output_type, akida_predict_typed, akida_session_free,
    akida_session_new, akida_session_reset, akida_session_restore, akida_session_run,
    akida_session_save, akida_session_size, akida_session_streams,
};
use common::{floats, queue};
use std::ffi::{CStr, c_uint};
use std::ptr::{null, null_mut};

#[path = "common/models.rs"]
mod common;

const INT16: c_uint = Type::Int16 as c_uint;
const FLOAT32: c_uint = Type::Float32 as c_uint;

/// A model behind a pointer, as C has it.
struct Handle(*mut Model);

impl Handle {
    fn new(model: akida_sim::Model) -> Self {
        Self(Box::into_raw(Box::new(Model::new(model).unwrap())))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the pointer is from `Box::into_raw`, and is not used again.
        unsafe { akida_free(self.0) }
    }
}

fn error() -> String {
    // SAFETY: the text is valid until the next call.
    let text = unsafe { CStr::from_ptr(akida_error()) };
    text.to_str().unwrap().into()
}

fn session_of(model: &Handle, streams: usize) -> *mut Session {
    let mut session = null_mut();
    // SAFETY: the model was not freed, and the pointer is writable.
    let status = unsafe { akida_session_new(model.0, streams, &raw mut session) };
    assert_eq!(status, Status::Ok);
    session
}

fn run(session: *mut Session, inputs: &[i16], steps: usize) -> Result<Vec<i32>, Status> {
    let mut outputs = vec![0; inputs.len()];
    let (length, out) = (outputs.len(), outputs.as_mut_ptr());
    // SAFETY: inputs are as many as the streams take in these steps, or the call is refused before it reads them.
    let status =
        unsafe { akida_session_run(session, inputs.as_ptr().cast(), INT16, steps, out, length) };
    match status {
        Status::Ok => Ok(outputs),
        refused => Err(refused),
    }
}

#[test]
fn formats_are_told() {
    let (queue, floats) = (Handle::new(queue()), Handle::new(floats()));
    // SAFETY: the models were not freed.
    unsafe {
        assert_eq!(
            (akida_input_type(queue.0), akida_input_bits(queue.0)),
            (Type::Int16, 16)
        );
        assert_eq!(
            (akida_output_type(queue.0), akida_output_bits(queue.0)),
            (Type::Int16, 16)
        );
        assert_eq!(
            (akida_input_type(floats.0), akida_input_bits(floats.0)),
            (Type::Float32, 32)
        );
        assert_eq!(
            (akida_output_type(floats.0), akida_output_bits(floats.0)),
            (Type::Int8, 8)
        );
        assert_eq!(
            (akida_has_state(queue.0), akida_has_state(floats.0)),
            (1, 0)
        );
        assert_eq!(
            (akida_input_type(null()), akida_output_type(null())),
            (Type::None, Type::None)
        );
        assert_eq!(akida_has_state(null()), 0);
    }
}

#[test]
fn floats_go_in_and_out() {
    let model = Handle::new(floats());
    let inputs = [0.75f32, -2.0, 1.0, f32::INFINITY];
    let (mut integers, mut values) = ([0i32; 4], [0f32; 4]);
    // SAFETY: the arrays have as many elements as the calls are told.
    unsafe {
        let at = inputs.as_ptr().cast();
        let out = integers.as_mut_ptr();
        let status = akida_forward_typed(model.0, at, FLOAT32, 2, out, 4, 1);
        assert_eq!((status, integers), (Status::Ok, [8, -128, 10, 127]));
        let status = akida_predict_typed(model.0, at, FLOAT32, 2, values.as_mut_ptr(), 4, 1);
        assert_eq!((status, values), (Status::Ok, [4.0, -64.0, 5.0, 63.5]));
        let mut again = [0f32; 4];
        let status = akida_dequantize(model.0, integers.as_ptr(), again.as_mut_ptr(), 4);
        assert_eq!((status, again), (Status::Ok, values));
        let status = akida_dequantize(model.0, integers.as_ptr(), again.as_mut_ptr(), 3);
        assert_eq!(status, Status::Length);
        let status = akida_dequantize(model.0, null(), again.as_mut_ptr(), 4);
        assert_eq!(status, Status::Null);
    }
}

#[test]
fn other_types_and_values_are_refused() {
    let model = Handle::new(floats());
    let mut outputs = [0i32; 2];
    let mut call = |input_type: c_uint, inputs: &[f32; 3], offset: usize| {
        let at = inputs.as_ptr().cast::<u8>().wrapping_add(offset);
        // SAFETY: the bytes are inside the array, and the outputs are as many as the call is told.
        unsafe {
            akida_forward_typed(
                model.0,
                at.cast(),
                input_type,
                1,
                outputs.as_mut_ptr(),
                2,
                1,
            )
        }
    };
    assert_eq!(call(FLOAT32, &[1.0, 2.0, 0.0], 0), Status::Ok);
    assert_eq!(call(INT16, &[0.0; 3], 0), Status::Type);
    assert_eq!(
        error(),
        "the type of inputs must be AKIDA_FLOAT32, received AKIDA_INT16"
    );
    for unknown in [0, 6, c_uint::MAX] {
        assert_eq!(call(unknown, &[0.0; 3], 0), Status::Type);
        assert_eq!(
            error(),
            "the type of inputs must be AKIDA_FLOAT32, received another number"
        );
    }
    assert_eq!(call(FLOAT32, &[0.0; 3], 1), Status::Type);
    assert_eq!(error(), "the address of inputs must be a multiple of 4");
    assert_eq!(call(FLOAT32, &[0.0, f32::NAN, 0.0], 0), Status::Value);
    assert_eq!(
        error(),
        "input values must be numbers, received NaN at index 1"
    );
    // SAFETY: the call is refused before it reads.
    let status =
        unsafe { akida_forward(model.0, [0u8; 2].as_ptr(), 1, outputs.as_mut_ptr(), 2, 1) };
    assert_eq!(status, Status::Type);
}

#[test]
fn models_with_state_need_a_session() {
    let model = Handle::new(queue());
    let mut outputs = [0i32; 2];
    let inputs = [1i16, 2];
    // SAFETY: the arrays have as many elements as the call is told.
    let status = unsafe {
        let at = inputs.as_ptr().cast();
        akida_forward_typed(model.0, at, INT16, 2, outputs.as_mut_ptr(), 2, 1)
    };
    assert_eq!(status, Status::State);
    assert!(error().contains("akida_session_new"));
}

#[test]
fn streams_go_on_from_step_to_step() {
    let model = Handle::new(queue());
    let session = session_of(&model, 2);
    drop(model); // sessions outlive their models
    assert_eq!(run(session, &[1, 5], 1), Ok(vec![1, 5]));
    assert_eq!(run(session, &[2, 0, -3, 1], 2), Ok(vec![12, 50, 17, 1]));
    assert_eq!(run(session, &[], 0), Ok(vec![]));
    // Three samples are no step of two streams.
    assert_eq!(run(session, &[1, 2, 3], 1), Err(Status::Length));
    assert_eq!(error(), "the length of outputs must be 2, received 3");
    assert_eq!(run(session, &[0, 0], 1), Ok(vec![-30, 10]));
    // SAFETY: the session is freed once, and not used again.
    unsafe {
        assert_eq!(akida_session_reset(session), Status::Ok);
        assert_eq!(run(session, &[0, 4], 1), Ok(vec![0, 4]));
        akida_session_free(session);
        akida_session_free(null_mut());
    }
}

#[test]
fn streams_are_saved_and_restored() {
    let model = Handle::new(queue());
    let session = session_of(&model, 3);
    run(session, &[1, 2, 3], 1).unwrap();
    // SAFETY: the arrays have as many elements as the calls are told; sessions are freed once.
    unsafe {
        let mut saved = vec![0u8; akida_session_size(session)];
        let at = saved.as_mut_ptr();
        assert_eq!(
            akida_session_save(session, at, saved.len() - 1),
            Status::Length
        );
        assert_eq!(
            akida_session_save(session, null_mut(), saved.len()),
            Status::Null
        );
        assert_eq!(akida_session_save(session, at, saved.len()), Status::Ok);
        akida_session_free(session);
        let mut again = null_mut();
        let restore = |bytes: &[u8], session| {
            akida_session_restore(model.0, bytes.as_ptr(), bytes.len(), session)
        };
        assert_eq!(restore(&saved[1..], &raw mut again), Status::Format);
        assert_eq!(restore(&[], &raw mut again), Status::Format);
        assert_eq!(restore(&saved, null_mut()), Status::Null);
        assert!(again.is_null());
        assert_eq!(restore(&saved, &raw mut again), Status::Ok);
        assert_eq!(akida_session_streams(again), 3);
        assert_eq!(run(again, &[0, 0, 0], 1), Ok(vec![10, 20, 30]));
        akida_session_free(again);
    }
}

#[test]
fn pointers_and_numbers_are_checked() {
    let model = Handle::new(queue());
    let mut session = null_mut();
    let mut outputs = [0i32; 1];
    // SAFETY: what is null or too long is refused before it is used.
    unsafe {
        let new = |model, streams, session| akida_session_new(model, streams, session);
        assert_eq!(new(null(), 1, &raw mut session), Status::Null);
        assert_eq!(new(model.0, 1, null_mut()), Status::Null);
        assert_eq!(new(model.0, 0, &raw mut session), Status::Length);
        assert_eq!(new(model.0, usize::MAX, &raw mut session), Status::Memory);
        assert!(session.is_null());
        let session = session_of(&model, 1);
        let out = outputs.as_mut_ptr();
        let run = |session, inputs: *const i16, steps, out, length| {
            akida_session_run(session, inputs.cast(), INT16, steps, out, length)
        };
        let inputs = [1i16];
        assert_eq!(run(null_mut(), inputs.as_ptr(), 1, out, 1), Status::Null);
        assert_eq!(run(session, null(), 1, out, 1), Status::Null);
        assert_eq!(
            run(session, inputs.as_ptr(), 1, null_mut(), 1),
            Status::Null
        );
        let most = usize::MAX;
        assert_eq!(
            run(session, inputs.as_ptr(), most, out, most),
            Status::Length
        );
        assert_eq!(akida_session_streams(null()), 0);
        assert_eq!(akida_session_size(null()), 0);
        assert_eq!(akida_session_reset(null_mut()), Status::Null);
        assert_eq!(akida_session_save(null(), null_mut(), 0), Status::Null);
        akida_session_free(session);
    }
}

#[test]
fn threads_take_turns_with_a_session() {
    let model = Handle::new(queue());
    let session = session_of(&model, 1);
    let shared = session as usize;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..100 {
                    run(shared as *mut Session, &[7], 1).unwrap();
                }
            });
        }
    });
    assert_eq!(run(session, &[0], 1), Ok(vec![70]));
    // SAFETY: no thread uses the session any more.
    unsafe { akida_session_free(session) };
}
