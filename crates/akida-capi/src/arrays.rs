//! Arrays and shapes of C.

use crate::status::{Failure, Status, null};
use akida_sim::{ElementType, Inputs, Model, Shape};
use std::ffi::{c_uint, c_void};
use std::slice;

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

impl CShape {
    pub(crate) fn of(shape: Option<Shape>) -> Self {
        let Shape { x, y, c } = shape.unwrap_or(Shape::new(0, 0, 0));
        Self {
            height: x,
            width: y,
            channels: c,
        }
    }
}

/// The type of values: `akida_type`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// There is no model.
    None = 0,
    /// Bytes without a sign.
    Uint8 = 1,
    /// Bytes with a sign.
    Int8 = 2,
    /// Integers of 16 bits with a sign.
    Int16 = 3,
    /// Integers of 32 bits with a sign.
    Int32 = 4,
    /// Floats of 32 bits.
    Float32 = 5,
}

impl From<ElementType> for Type {
    fn from(element: ElementType) -> Self {
        match element {
            ElementType::U8 => Self::Uint8,
            ElementType::I8 => Self::Int8,
            ElementType::I16 => Self::Int16,
            ElementType::I32 => Self::Int32,
        }
    }
}

impl Type {
    /// The type of a model's inputs.
    pub(crate) fn of_inputs(model: &Model) -> Self {
        match model.takes_floats() {
            true => Self::Float32,
            false => ElementType::of(model.input().format).into(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "AKIDA_NONE",
            Self::Uint8 => "AKIDA_UINT8",
            Self::Int8 => "AKIDA_INT8",
            Self::Int16 => "AKIDA_INT16",
            Self::Int32 => "AKIDA_INT32",
            Self::Float32 => "AKIDA_FLOAT32",
        }
    }

    /// Inputs of a model at a pointer. `received` is the type that the caller says.
    ///
    /// # Safety
    ///
    /// `pointer` is null or readable for `length` elements of the type `received`.
    pub(crate) unsafe fn inputs<'a>(
        self,
        received: c_uint,
        pointer: *const c_void,
        length: usize,
    ) -> Result<Inputs<'a>, Failure> {
        // A number from C may be none of the types, so that it never becomes one.
        if received != self as c_uint {
            let all = [
                Self::Uint8,
                Self::Int8,
                Self::Int16,
                Self::Int32,
                Self::Float32,
            ];
            let received = all.into_iter().find(|t| *t as c_uint == received);
            let received = received.map_or("another number", Self::name);
            let expected = self.name();
            let message = format!("the type of inputs must be {expected}, received {received}");
            return Err((Status::Type, message));
        }
        let name = "inputs";
        // SAFETY: as the caller promises, for the type that was compared.
        unsafe {
            Ok(match self {
                Self::None => return Err(null("model")),
                Self::Uint8 => input::<u8>(name, pointer.cast(), length)?.into(),
                Self::Int8 => input::<i8>(name, pointer.cast(), length)?.into(),
                Self::Int16 => input::<i16>(name, pointer.cast(), length)?.into(),
                Self::Int32 => input::<i32>(name, pointer.cast(), length)?.into(),
                Self::Float32 => input::<f32>(name, pointer.cast(), length)?.into(),
            })
        }
    }
}

/// The elements at a pointer. It may be null when there are no elements.
///
/// # Safety
///
/// `pointer` is null or readable for `length` elements.
pub(crate) unsafe fn input<'a, T>(
    name: &str,
    pointer: *const T,
    length: usize,
) -> Result<&'a [T], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    check(name, pointer, length)?;
    // SAFETY: as the caller promises; pointer and length have been checked.
    Ok(unsafe { slice::from_raw_parts(pointer, length) })
}

/// The elements at a pointer, to be written. It may be null when there are no elements.
///
/// # Safety
///
/// `pointer` is null, or writable for `length` elements, which nothing else uses.
pub(crate) unsafe fn output<'a, T>(
    name: &str,
    pointer: *mut T,
    length: usize,
) -> Result<&'a mut [T], Failure> {
    if length == 0 {
        return Ok(&mut []);
    }
    check(name, pointer, length)?;
    // SAFETY: as the caller promises; pointer and length have been checked.
    Ok(unsafe { slice::from_raw_parts_mut(pointer, length) })
}

/// Refuses what no slice can have: null, an address that does not suit the type, a length beyond the address space.
fn check<T>(name: &str, pointer: *const T, length: usize) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.is_aligned() {
        let bytes = align_of::<T>();
        let message = format!("the address of {name} must be a multiple of {bytes}");
        return Err((Status::Type, message));
    }
    if length > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(too_many(name, length));
    }
    Ok(())
}

/// The product of numbers of elements of `name`.
pub(crate) fn elements(name: &str, factors: &[usize]) -> Result<usize, Failure> {
    let product = factors
        .iter()
        .try_fold(1usize, |product, &factor| product.checked_mul(factor));
    product.ok_or_else(|| too_many(name, factors.first().copied().unwrap_or(0)))
}

fn too_many(name: &str, received: usize) -> Failure {
    let message = format!("the number of {name} must be less, received {received}");
    (Status::Length, message)
}

/// Refuses an array of another length than the shapes ask for.
pub(crate) fn check_length(name: &str, received: usize, expected: usize) -> Result<(), Failure> {
    if received == expected {
        return Ok(());
    }
    let message = format!("the length of {name} must be {expected}, received {received}");
    Err((Status::Length, message))
}
