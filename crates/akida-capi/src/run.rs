//! Runs of models on inputs that do not depend on each other.

use crate::arrays::{Type, check_length, elements, input, output};
use crate::model::{Model, model_at, plan};
use crate::status::{Failure, Status, run_failure, status};
use akida_sim::{Inputs, Plan, RunError, RunOptions, Values};
use std::ffi::{c_uint, c_void};

/// Integer outputs for inputs of bytes without a sign.
///
/// # Safety
///
/// As for [`akida_forward_typed`], for inputs of the type `AKIDA_UINT8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_forward(
    model: *const Model,
    inputs: *const u8,
    count: usize,
    outputs: *mut i32,
    length: usize,
    threads: usize,
) -> Status {
    let bytes = Type::Uint8 as c_uint;
    // SAFETY: as the caller promises.
    unsafe { akida_forward_typed(model, inputs.cast(), bytes, count, outputs, length, threads) }
}

/// Integer outputs.
///
/// # Safety
///
/// `model` is null or comes from `akida_load` and was not freed. `inputs` is null or readable for `count` inputs of the type
/// `input_type`. `outputs` is null or writable for `length` elements. The two do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_forward_typed(
    model: *const Model,
    inputs: *const c_void,
    input_type: c_uint,
    count: usize,
    outputs: *mut i32,
    length: usize,
    threads: usize,
) -> Status {
    // SAFETY: as the caller promises.
    let call = unsafe { Call::new(model, (inputs, input_type), count, (outputs, length)) };
    status(call.and_then(|call| {
        let values = call.run(threads, |plan, inputs, options| {
            plan.forward(inputs, options)
        })?;
        widen(&values, call.outputs);
        Ok(())
    }))
}

/// Float outputs for inputs of bytes without a sign.
///
/// # Safety
///
/// As for [`akida_predict_typed`], for inputs of the type `AKIDA_UINT8`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_predict(
    model: *const Model,
    inputs: *const u8,
    count: usize,
    outputs: *mut f32,
    length: usize,
    threads: usize,
) -> Status {
    let bytes = Type::Uint8 as c_uint;
    // SAFETY: as the caller promises.
    unsafe { akida_predict_typed(model, inputs.cast(), bytes, count, outputs, length, threads) }
}

/// Float outputs.
///
/// # Safety
///
/// As for [`akida_forward_typed`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_predict_typed(
    model: *const Model,
    inputs: *const c_void,
    input_type: c_uint,
    count: usize,
    outputs: *mut f32,
    length: usize,
    threads: usize,
) -> Status {
    // SAFETY: as the caller promises.
    let call = unsafe { Call::new(model, (inputs, input_type), count, (outputs, length)) };
    status(call.and_then(|call| {
        let values = call.run(threads, |plan, inputs, options| {
            plan.predict(inputs, options)
        })?;
        call.outputs.copy_from_slice(&values);
        Ok(())
    }))
}

/// The floats that a Dequantizer makes of integer outputs.
///
/// # Safety
///
/// `model` is as for [`akida_forward_typed`]. `integers` is null or readable, `outputs` null or writable, each for `length`
/// elements. The two do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_dequantize(
    model: *const Model,
    integers: *const i32,
    outputs: *mut f32,
    length: usize,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let (plan, integers, outputs) = unsafe {
            let plan = plan(model)?;
            let integers = input("integers", integers, length)?;
            (plan, integers, output("outputs", outputs, length)?)
        };
        let size = plan.model().output_shape().len();
        if !length.is_multiple_of(size) {
            let message = format!("the length must be a multiple of {size}, received {length}");
            return Err((Status::Length, message));
        }
        let floats = plan.dequantize(integers).map_err(|e| run_failure(&e))?;
        outputs.copy_from_slice(&floats);
        Ok(())
    })())
}

/// The classes of inputs.
///
/// # Safety
///
/// As for [`akida_forward_typed`], with `classes` for `outputs` and `count` for `length`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_classes(
    model: *const Model,
    inputs: *const c_void,
    input_type: c_uint,
    count: usize,
    classes: *mut i32,
    num_classes: usize,
    threads: usize,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let (plan, inputs, classes) = unsafe {
            let plan = plan(model)?;
            let values = elements("inputs", &[count, plan.model().input().shape.len()])?;
            let inputs = Type::of_inputs(plan.model()).inputs(input_type, inputs, values)?;
            (plan, inputs, output("classes", classes, count)?)
        };
        let options = RunOptions {
            threads,
            ..RunOptions::default()
        };
        let found = plan.classes(inputs, num_classes, &options);
        write_classes(&found.map_err(|e| run_failure(&e))?, classes);
        Ok(())
    })())
}

/// The classes of integer outputs.
///
/// # Safety
///
/// `model` is as for [`akida_forward_typed`]. `integers` is null or readable for `length` elements, `classes` null or writable for
/// `count` elements. The two do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_classes_of(
    model: *const Model,
    integers: *const i32,
    length: usize,
    classes: *mut i32,
    count: usize,
    num_classes: usize,
) -> Status {
    status((|| {
        // SAFETY: as the caller promises.
        let (plan, integers, classes) = unsafe {
            let plan = plan(model)?;
            let integers = input("integers", integers, length)?;
            (plan, integers, output("classes", classes, count)?)
        };
        let expected = elements("integers", &[count, plan.model().output_shape().len()])?;
        check_length("integers", length, expected)?;
        let found = plan.classes_of(integers, num_classes);
        write_classes(&found.map_err(|e| run_failure(&e))?, classes);
        Ok(())
    })())
}

/// Writes classes, which are fewer than outputs of a model.
fn write_classes(found: &[usize], classes: &mut [i32]) {
    for (class, &index) in classes.iter_mut().zip(found) {
        *class = i32::try_from(index).unwrap_or(i32::MAX);
    }
}

/// Writes values as 32-bit integers. There are as many outputs as values.
pub(crate) fn widen(values: &Values, outputs: &mut [i32]) {
    for (output, value) in outputs.iter_mut().zip(values.as_ref().iter()) {
        *output = value;
    }
}

/// The checked arguments of a run.
struct Call<'a, T> {
    model: &'a Model,
    inputs: Inputs<'a>,
    outputs: &'a mut [T],
}

impl<'a, T> Call<'a, T> {
    /// # Safety
    ///
    /// As for [`akida_forward_typed`].
    unsafe fn new(
        model: *const Model,
        (inputs, input_type): (*const c_void, c_uint),
        count: usize,
        (outputs, length): (*mut T, usize),
    ) -> Result<Self, Failure> {
        // SAFETY: as the caller promises.
        let called = unsafe { model_at(model) }?;
        let model = called.plan.model();
        let expected = elements("outputs", &[count, model.output_shape().len()])?;
        check_length("outputs", length, expected)?;
        let values = elements("inputs", &[count, model.input().shape.len()])?;
        // SAFETY: as the caller promises.
        unsafe {
            Ok(Self {
                model: called,
                inputs: Type::of_inputs(model).inputs(input_type, inputs, values)?,
                outputs: output("outputs", outputs, length)?,
            })
        }
    }

    fn run<R>(
        &self,
        threads: usize,
        run: impl FnOnce(&Plan, Inputs<'_>, &RunOptions<'_>) -> Result<R, RunError>,
    ) -> Result<R, Failure> {
        let options = RunOptions {
            threads,
            interrupt: Some(&self.model.stops.question()),
            ..RunOptions::default()
        };
        run(&self.model.plan, self.inputs, &options).map_err(|e| run_failure(&e))
    }
}
