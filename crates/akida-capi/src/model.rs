//! Models: loading, and questions to them.

use crate::arrays::{CShape, Type, input};
use crate::status::{Failure, Status, null, status};
use akida_fbz::DecodeErrorKind;
use akida_sim::{ElementType, Plan, PlanError, PlanOptions};
use std::ffi::{c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A model made ready to run: `akida_model`.
#[derive(Debug)]
pub struct Model {
    /// Sessions share it, so that they may outlive the model.
    pub(crate) plan: Arc<Plan>,
    pub(crate) stops: Stops,
}

/// How often runs were stopped: of a model and of its sessions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stops(Arc<AtomicUsize>);

impl Stops {
    /// The question of a run that begins now, whether it shall stop.
    pub(crate) fn question(&self) -> impl Fn() -> bool {
        let begin = self.0.load(Ordering::Relaxed);
        move || self.0.load(Ordering::Relaxed) != begin
    }
}

impl Model {
    /// Makes a model ready to run, as [`akida_load`] does with the model of a file.
    ///
    /// # Errors
    ///
    /// The memory does not suffice.
    pub fn new(model: akida_sim::Model) -> Result<Self, PlanError> {
        let plan = Plan::with_options(model, &PlanOptions::default())?;
        Ok(Self {
            plan: Arc::new(plan),
            stops: Stops::default(),
        })
    }
}

/// The model at a pointer.
///
/// # Safety
///
/// `model` is null or comes from [`akida_load`] and was not freed.
pub(crate) unsafe fn model_at<'a>(model: *const Model) -> Result<&'a Model, Failure> {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.ok_or_else(|| null("model"))
}

/// The plan of the model at a pointer.
///
/// # Safety
///
/// As for [`model_at`].
pub(crate) unsafe fn plan<'a>(model: *const Model) -> Result<&'a Arc<Plan>, Failure> {
    // SAFETY: as the caller promises.
    Ok(&unsafe { model_at(model) }?.plan)
}

/// Stops the runs of a model and of its sessions that are under way.
///
/// # Safety
///
/// `model` is null or comes from [`akida_load`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_stop(model: *const Model) {
    // SAFETY: as the caller promises. A signal handler may do this: nothing is locked or allocated.
    if let Some(model) = unsafe { model.as_ref() } {
        model.stops.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The version of the library.
#[unsafe(no_mangle)]
pub extern "C" fn akida_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
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
        let loaded = Model::new(decoded).map_err(|e| (Status::Memory, e.to_string()))?;
        // SAFETY: the caller promises that the pointer can be written to.
        unsafe { model.write(Box::into_raw(Box::new(loaded))) };
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
    CShape::of(unsafe { model.as_ref() }.map(|m| m.plan.model().input().shape))
}

/// The width of input values; 32 for floats.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_input_bits(model: *const Model) -> u8 {
    // SAFETY: as the caller promises.
    match unsafe { model.as_ref() }.map(|m| m.plan.model()) {
        None => 0,
        Some(model) if model.takes_floats() => 32,
        Some(model) => model.input().format.bits,
    }
}

/// The type of input values.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_input_type(model: *const Model) -> Type {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.map_or(Type::None, |m| Type::of_inputs(m.plan.model()))
}

/// The shape of one output.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_output_shape(model: *const Model) -> CShape {
    // SAFETY: as the caller promises.
    CShape::of(unsafe { model.as_ref() }.map(|m| m.plan.model().output_shape()))
}

/// The width of integer outputs; 0 for potentials.
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

/// The smallest type that holds the integer outputs.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_output_type(model: *const Model) -> Type {
    // SAFETY: as the caller promises.
    let model = unsafe { model.as_ref() }.map(|m| m.plan.model());
    model.map_or(Type::None, |m| ElementType::of(m.output().format).into())
}

/// Whether outputs depend on earlier inputs of a stream: 0 or 1.
///
/// # Safety
///
/// As for [`akida_input_shape`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn akida_has_state(model: *const Model) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { model.as_ref() }.map_or(0, |m| m.plan.model().has_state().into())
}
