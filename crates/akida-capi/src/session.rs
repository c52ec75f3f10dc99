//! Streams of inputs through models with state.

use crate::arrays::{Type, check_length, elements, input, output};
use crate::model::{Model, Stops, model_at};
use crate::run::widen;
use crate::status::{Failure, Status, null, run_failure, status};
use akida_sim::{Plan, RunOptions};
use std::ffi::{c_uint, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Streams through a model: `akida_session`.
#[derive(Debug)]
pub struct Session {
    plan: Arc<Plan>,
    stops: Stops,
    session: Mutex<akida_sim::Session>,
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, akida_sim::Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session at a pointer.
///
/// # Safety
///
/// `session` is null or comes from [`akida_session_new`] or [`akida_session_restore`], and was not freed.
unsafe fn session_at<'a>(session: *const Session) -> Result<&'a Session, Failure> {
    // SAFETY: as the caller promises.
    unsafe { session.as_ref() }.ok_or_else(|| null("session"))
}

/// Hands a session over.
///
/// # Safety
///
/// `session` is writable.
unsafe fn give(session: *mut *mut Session, model: &Model, made: akida_sim::Session) {
    let made = Box::new(Session {
        plan: Arc::clone(&model.plan),
        stops: model.stops.clone(),
        session: Mutex::new(made),
    });
    // SAFETY: as the caller promises.
    unsafe { session.write(Box::into_raw(made)) };
}

/// Begins streams through a model.
///
/// # Safety
///
/// `model` is null or comes from `akida_load` and was not freed. `session` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_new(
    model: *const Model,
    streams: usize,
    session: *mut *mut Session,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let model = unsafe { model_at(model) }?;
        if session.is_null() {
            return Err(null("session"));
        }
        if streams == 0 {
            let message = "the number of streams must be at least 1, received 0";
            return Err((Status::Length, message.into()));
        }
        let made = akida_sim::Session::new(&model.plan, streams);
        let made = made.map_err(|e| run_failure(&e))?;
        // SAFETY: the caller promises that the pointer can be written to.
        unsafe { give(session, model, made) };
        Ok(())
    })())
}

/// Frees a session.
///
/// # Safety
///
/// `session` is null or comes from [`akida_session_new`] or [`akida_session_restore`], is freed once, and no call is using
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_free(session: *mut Session) {
    if !session.is_null() {
        // SAFETY: `Box::into_raw` has made the pointer in `give`, and it is not used again.
        drop(unsafe { Box::from_raw(session) });
    }
}

/// The number of streams.
///
/// # Safety
///
/// `session` is null or comes from [`akida_session_new`] or [`akida_session_restore`], and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_streams(session: *const Session) -> usize {
    // SAFETY: as the caller promises.
    unsafe { session.as_ref() }.map_or(0, |session| session.lock().streams())
}

/// Integer outputs of the next steps of every stream.
///
/// # Safety
///
/// `session` is as for [`akida_session_streams`]. `inputs` is null or readable for as many inputs of the type `input_type` as
/// there are steps times streams. `outputs` is null or writable for `length` elements. The two do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_run(
    session: *mut Session,
    inputs: *const c_void,
    input_type: c_uint,
    steps: usize,
    outputs: *mut i32,
    length: usize,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let session = unsafe { session_at(session) }?;
        let model = session.plan.model();
        let question = session.stops.question();
        let mut streams = session.lock();
        let count = streams.streams();
        let expected = elements("outputs", &[steps, count, model.output_shape().len()])?;
        check_length("outputs", length, expected)?;
        let values = elements("inputs", &[steps, count, model.input().shape.len()])?;
        // SAFETY: as the caller promises.
        let (inputs, outputs) = unsafe {
            let inputs = Type::of_inputs(model).inputs(input_type, inputs, values)?;
            (inputs, output("outputs", outputs, length)?)
        };
        let options = RunOptions {
            interrupt: Some(&question),
            ..RunOptions::default()
        };
        let result = streams.run_clip(&session.plan, inputs, &options);
        widen(&result.map_err(|e| run_failure(&e))?, outputs);
        Ok(())
    })())
}

/// Puts every stream before its first input.
///
/// # Safety
///
/// As for [`akida_session_streams`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_reset(session: *mut Session) -> Status {
    // SAFETY: as the caller promises.
    let session = unsafe { session_at(session) };
    status(session.map(|session| session.lock().reset()))
}

/// The number of bytes that [`akida_session_save`] writes; 0 for null.
///
/// # Safety
///
/// As for [`akida_session_streams`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_size(session: *const Session) -> usize {
    // SAFETY: as the caller promises.
    let session = unsafe { session.as_ref() };
    session.map_or(0, |session| session.lock().saved_size())
}

/// Writes what the streams keep.
///
/// # Safety
///
/// `session` is as for [`akida_session_streams`]. `bytes` is null or writable for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_save(
    session: *const Session,
    bytes: *mut u8,
    length: usize,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let session = unsafe { session_at(session) }?;
        let saved = session.lock().save().map_err(|e| run_failure(&e))?;
        check_length("bytes", length, saved.len())?;
        // SAFETY: as the caller promises.
        let bytes = unsafe { output("bytes", bytes, length) }?;
        bytes.copy_from_slice(&saved);
        Ok(())
    })())
}

/// Goes on with streams that were saved.
///
/// # Safety
///
/// `model` is null or comes from `akida_load` and was not freed. `bytes` is null or readable for `length` bytes, `session` null
/// or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_session_restore(
    model: *const Model,
    bytes: *const u8,
    length: usize,
    session: *mut *mut Session,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let (model, bytes) = unsafe { (model_at(model)?, input("bytes", bytes, length)?) };
        if session.is_null() {
            return Err(null("session"));
        }
        let restored = akida_sim::Session::restore(&model.plan, bytes);
        let restored = restored.map_err(|e| run_failure(&e))?;
        // SAFETY: the caller promises that the pointer can be written to.
        unsafe { give(session, model, restored) };
        Ok(())
    })())
}
