//! The C interface of `include/akida_sim.h`: a model is loaded from memory, asked for shapes, and run; errors have texts.
//!
//! This crate turns pointers into slices and errors into codes. Everything else is in `akida-sim` and `akida-fbz`.
#![allow(
    unsafe_code,
    reason = "a C interface: what callers promise is in the header"
)]

use akida_fbz::DecodeErrorKind;
use akida_sim::{Plan, PlanOptions, RunError, RunOptions, Shape, Values};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::slice;

/// The outcome of a call: `akida_status`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// A pointer is null that must not be null.
    Null = 1,
    /// The bytes are no model.
    Format = 2,
    /// The length of an array does not fit the shapes.
    Length = 3,
    /// An input value is beyond the width of inputs.
    Value = 4,
    /// Float outputs were asked for, but the last layer has an activation.
    Output = 5,
    /// The memory does not suffice.
    Memory = 6,
}

/// Height, width, channels: `akida_shape`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CShape {
    /// The first axis.
    pub height: usize,
    /// The second axis.
    pub width: usize,
    /// The last axis. It runs fastest.
    pub channels: usize,
}

/// A model made ready to run: `akida_model`.
#[derive(Debug)]
pub struct Model {
    plan: Plan,
}

/// A status that is not `Ok`, and the text of the error.
type Failure = (Status, String);

thread_local! {
    static ERROR: RefCell<CString> = RefCell::new(CString::default());
}

/// The status of a call. The text of an error is kept for `akida_error`.
fn status(result: Result<(), Failure>) -> Status {
    let Err((status, message)) = result else {
        return Status::Ok;
    };
    let text = message.replace('\0', " ");
    ERROR.with_borrow_mut(|error| *error = CString::new(text).unwrap_or_default());
    status
}

fn null(name: &str) -> Failure {
    let message = format!("{name} must be a valid pointer, received null");
    (Status::Null, message)
}

/// The version of the library.
#[unsafe(no_mangle)]
pub extern "C" fn akida_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Why the last call of this thread failed.
#[unsafe(no_mangle)]
pub extern "C" fn akida_error() -> *const c_char {
    ERROR.with_borrow(|error| CStr::as_ptr(error))
}

/// Loads a model.
///
/// # Safety
///
/// `bytes` is null or readable for `length` bytes, `model` null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_load(
    bytes: *const u8,
    length: usize,
    model: *mut *mut Model,
) -> Status {
    status((|| {
        if model.is_null() {
            return Err(null("model"));
        }
        // SAFETY: the caller promises that `length` bytes can be read.
        let bytes = unsafe { input("bytes", bytes, length) }?;
        let decoded = akida_fbz::decode(bytes).map_err(|e| {
            let status = match e.kind() {
                DecodeErrorKind::Memory => Status::Memory,
                _ => Status::Format,
            };
            (status, e.to_string())
        })?;
        let plan = Plan::with_options(decoded, &PlanOptions::default())
            .map_err(|e| (Status::Memory, e.to_string()))?;
        // SAFETY: the caller promises that the pointer can be written to.
        unsafe { model.write(Box::into_raw(Box::new(Model { plan }))) };
        Ok(())
    })())
}

/// Frees a model.
///
/// # Safety
///
/// `model` is null or comes from [`akida_load`], is freed once, and no call is using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_free(model: *mut Model) {
    if !model.is_null() {
        // SAFETY: `Box::into_raw` has made the pointer in `akida_load`, and it is not used again.
        drop(unsafe { Box::from_raw(model) });
    }
}

/// The shape of one input.
///
/// # Safety
///
/// `model` is null or comes from [`akida_load`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_input_shape(model: *const Model) -> CShape {
    // SAFETY: as the caller promises.
    shape(unsafe { model.as_ref() }.map(|m| m.plan.model().input().shape))
}

/// The width of input values.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_input_bits(model: *const Model) -> u8 {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.map_or(0, |m| m.plan.model().input().format.bits)
}

/// The shape of one output.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_output_shape(model: *const Model) -> CShape {
    // SAFETY: as the caller promises.
    shape(unsafe { model.as_ref() }.map(|m| m.plan.model().output_shape()))
}

/// The width of output levels; 0 for potentials.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_output_bits(model: *const Model) -> u8 {
    // SAFETY: as the caller promises.
    let model = unsafe { model.as_ref() }.map(|m| m.plan.model());
    let Some(last) = model.and_then(|model| model.layers().last()) else {
        return 0;
    };
    match last.connection().gives_potentials() {
        true => 0,
        false => last.connection().output.format.bits,
    }
}

/// Integer outputs.
///
/// # Safety
///
/// `model` is as for [`akida_input_shape`]. `inputs` is null or readable for `count` inputs. `outputs` is null or writable
/// for
/// `length` elements. The two do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_forward(
    model: *const Model,
    inputs: *const u8,
    count: usize,
    outputs: *mut i32,
    length: usize,
    threads: usize,
) -> Status {
    // SAFETY: as the caller promises.
    let call = unsafe { Call::new(model, inputs, count, outputs, length) };
    status(call.and_then(|call| {
        fn widen<T: Copy + Into<i32>>(outputs: &mut [i32], values: &[T]) {
            for (output, &value) in outputs.iter_mut().zip(values) {
                *output = value.into();
            }
        }
        match call.run(threads, |plan, inputs, options| {
            plan.forward(inputs, options)
        })? {
            Values::U8(values) => widen(call.outputs, &values),
            Values::I8(values) => widen(call.outputs, &values),
            Values::I16(values) => widen(call.outputs, &values),
            Values::I32(values) => call.outputs.copy_from_slice(&values),
        }
        Ok(())
    }))
}

/// Float outputs.
///
/// # Safety
///
/// As for [`akida_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_predict(
    model: *const Model,
    inputs: *const u8,
    count: usize,
    outputs: *mut f32,
    length: usize,
    threads: usize,
) -> Status {
    // SAFETY: as the caller promises.
    let call = unsafe { Call::new(model, inputs, count, outputs, length) };
    status(call.and_then(|call| {
        let values = call.run(threads, |plan, inputs, options| {
            plan.predict(inputs, options)
        })?;
        call.outputs.copy_from_slice(&values);
        Ok(())
    }))
}

fn shape(shape: Option<Shape>) -> CShape {
    shape.map_or(
        CShape {
            height: 0,
            width: 0,
            channels: 0,
        },
        |shape| CShape {
            height: shape.x,
            width: shape.y,
            channels: shape.c,
        },
    )
}

/// The elements at a pointer. It may be null when there are no elements.
///
/// # Safety
///
/// `pointer` is null or readable for `length` elements.
unsafe fn input<'a, T>(name: &str, pointer: *const T, length: usize) -> Result<&'a [T], Failure> {
    match (pointer.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        // SAFETY: as the caller promises.
        (false, _) => Ok(unsafe { slice::from_raw_parts(pointer, length) }),
    }
}

/// The checked arguments of a run.
struct Call<'a, T> {
    plan: &'a Plan,
    inputs: &'a [u8],
    outputs: &'a mut [T],
}

impl<'a, T> Call<'a, T> {
    /// # Safety
    ///
    /// As for [`akida_forward`].
    unsafe fn new(
        model: *const Model,
        inputs: *const u8,
        count: usize,
        outputs: *mut T,
        length: usize,
    ) -> Result<Self, Failure> {
        // SAFETY: as the caller promises.
        let plan = &unsafe { model.as_ref() }.ok_or_else(|| null("model"))?.plan;
        let model = plan.model();
        let elements = |shape: Shape, what: &str| {
            count.checked_mul(shape.len()).ok_or_else(|| {
                let message = format!("the number of {what} must be less, received {count}");
                (Status::Length, message)
            })
        };
        let expected = elements(model.output_shape(), "outputs")?;
        if length != expected {
            let message = format!("the length of outputs must be {expected}, received {length}");
            return Err((Status::Length, message));
        }
        let values = elements(model.input().shape, "inputs")?;
        // SAFETY: as the caller promises.
        let inputs = unsafe { input("inputs", inputs, values) }?;
        let outputs = match (outputs.is_null(), length) {
            (_, 0) => &mut [],
            (true, _) => return Err(null("outputs")),
            // SAFETY: as the caller promises.
            (false, _) => unsafe { slice::from_raw_parts_mut(outputs, length) },
        };
        Ok(Self {
            plan,
            inputs,
            outputs,
        })
    }

    fn run<R>(
        &self,
        threads: usize,
        run: impl FnOnce(&Plan, &[u8], &RunOptions<'_>) -> Result<R, RunError>,
    ) -> Result<R, Failure> {
        let options = RunOptions {
            threads,
            ..RunOptions::default()
        };
        run(self.plan, self.inputs, &options).map_err(|error| {
            let status = match error {
                RunError::Value { .. } => Status::Value,
                RunError::NotPredictable { .. } => Status::Output,
                RunError::Memory => Status::Memory,
                _ => Status::Length,
            };
            (status, error.to_string())
        })
    }
}
