//! The variables of a layer, within the limits.

use super::fields::{check_known, required};
use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::generated as fb;
use crate::limits::Limits;
use crate::tensors::{Element, FIELDS, has_field};
use akida_sim::memory;
use akida_sim::{Connection, LayerSpec, Tensor, VariableRule, VariableSpec, Weights};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use flatbuffers::{ForwardsUOffset, Vector};

/// The bytes that a tensor takes of a payload beside its name and its values: an offset, a table with two fields, a length.
const BYTES_OF_A_TENSOR: usize = 20;
/// The longest name in bytes that an error repeats.
const MAX_SHOWN: usize = 64;

type Tensors<'a> = Vector<'a, ForwardsUOffset<fb::Tensor<'a>>>;

/// What the layers that are not yet read may still take.
pub(super) struct Budget {
    /// The bytes of vectors. In FlatBuffers many layers could share one vector. A small payload would then take much memory.
    bytes: usize,
    weights: u64,
    max_weights: u64,
}

impl Budget {
    pub(super) fn new(payload_len: usize, limits: &Limits) -> Self {
        Self {
            bytes: payload_len,
            weights: limits.max_weights(),
            max_weights: limits.max_weights(),
        }
    }

    pub(super) fn take_bytes(
        &mut self,
        count: usize,
        at: impl FnOnce() -> Location,
    ) -> Result<(), DecodeError> {
        match self.bytes.checked_sub(count) {
            Some(rest) => {
                self.bytes = rest;
                Ok(())
            }
            None => Err(DecodeError::field(
                DecodeErrorKind::Payload,
                at(),
                "stored apart from the values of other layers",
                "values shared with them",
            )),
        }
    }

    /// The variables of the layer at `index`. `connection` has the table of what they must be.
    pub(super) fn variables(
        &mut self,
        index: usize,
        spec: &LayerSpec,
        connection: &Connection,
        table: Option<fb::Variables<'_>>,
    ) -> Result<Vec<Tensor>, DecodeError> {
        let at = |name: &str| Location::layer(index, name);
        if connection.variables.is_empty() {
            return match table {
                None => Ok(Vec::new()),
                Some(_) => Err(surplus(at("variables"), spec)),
            };
        }
        let table = required(table, || at("variables"))?;
        check_known(&table._tab, fb::Variables::VT_TENSORS, || at("variables"))?;
        let fields = fields(table);
        let mut tensors = Unread::new(index, table.tensors());
        let mut variables = Vec::with_capacity(connection.variables.len());
        for variable in &connection.variables {
            let at = || at(variable.name);
            variables.push(if has_field(variable) {
                let field = fields.iter().find(|(name, _)| *name == variable.name);
                let field = required(field.and_then(|(_, field)| *field), at)?;
                self.variable(at, variable, field)?
            } else {
                let values = tensors.next(variable, spec)?;
                self.take_bytes(values.len().saturating_add(BYTES_OF_A_TENSOR), at)?;
                self.tensor(at, variable, values)?
            });
        }
        for (name, field) in fields {
            if field.is_some() && connection.variable(name).is_none() {
                return Err(surplus(at(name), spec));
            }
        }
        tensors.end(spec)?;
        Ok(variables)
    }

    /// The values of a variable that has no field of its own.
    fn tensor(
        &mut self,
        at: impl Fn() -> Location,
        variable: &VariableSpec,
        values: Vector<'_, u8>,
    ) -> Result<Tensor, DecodeError> {
        let bytes = values.bytes();
        let check = |width: usize| match variable.count().checked_mul(width) {
            Some(length) if length == bytes.len() => Ok(()),
            _ => {
                let (count, dtype) = (variable.count(), variable.dtype());
                let allowed = format!("{count} values of {width} bytes ({dtype})");
                let received = format!("{} bytes", bytes.len());
                Err(wrong_length(at(), allowed, received))
            }
        };
        match (variable.rule, Element::of(variable.rule)) {
            (VariableRule::Weights { bits }, _) => {
                let weights = self.weights(at, bytes, bits, variable)?;
                Ok(Tensor::Weights(weights))
            }
            (_, Some(element)) => {
                check(element.bytes)?;
                let integers = bytes.chunks_exact(element.bytes);
                let integers = memory::collected(integers.map(|bytes| element.read(bytes)))?;
                Ok(Tensor::Integers(integers))
            }
            (_, None) => {
                check(4)?;
                let floats = bytes.as_chunks().0.iter();
                let floats = memory::collected(floats.map(|&bytes| f32::from_le_bytes(bytes)))?;
                Ok(Tensor::Floats(floats))
            }
        }
    }

    fn variable(
        &mut self,
        at: impl Fn() -> Location,
        variable: &VariableSpec,
        field: Field<'_>,
    ) -> Result<Tensor, DecodeError> {
        match (variable.rule, field) {
            (VariableRule::Weights { bits }, Field::Bytes(packed)) => {
                self.take_bytes(packed.len(), &at)?;
                let weights = self.weights(at, packed.bytes(), bits, variable)?;
                Ok(Tensor::Weights(weights))
            }
            (VariableRule::Integers { .. }, Field::Integers(integers)) => {
                self.per_filter(at, variable, integers.len())?;
                Ok(Tensor::Integers(memory::collected(integers.iter())?))
            }
            (VariableRule::Positive, Field::Floats(floats)) => {
                self.per_filter(at, variable, floats.len())?;
                Ok(Tensor::Floats(memory::collected(floats.iter())?))
            }
            (_, field) => Err(DecodeError::field(
                DecodeErrorKind::Payload,
                at(),
                format!("of type {}", variable.dtype()),
                field.dtype(),
            )),
        }
    }

    fn per_filter(
        &mut self,
        at: impl Fn() -> Location,
        variable: &VariableSpec,
        received: usize,
    ) -> Result<(), DecodeError> {
        let filters = variable.count();
        if received != filters {
            let allowed = format!("{filters} values, one per filter");
            return Err(wrong_length(at(), allowed, format!("{received}")));
        }
        self.take_bytes(received.saturating_mul(4), at)
    }

    fn weights(
        &mut self,
        at: impl Fn() -> Location,
        packed: &[u8],
        bits: u8,
        variable: &VariableSpec,
    ) -> Result<Weights, DecodeError> {
        // The builder has checked that the product is below 2^31.
        let count = variable.count();
        let length = count.div_ceil(usize::from(8 / bits));
        if packed.len() != length {
            let allowed = format!("{length} bytes, {count} weights at weights_bits {bits}");
            let received = format!("{}", packed.len());
            return Err(wrong_length(at(), allowed, received));
        }
        self.weights = self.weights.checked_sub(count as u64).ok_or_else(|| {
            let max = self.max_weights;
            DecodeError::field(
                DecodeErrorKind::Limit,
                at(),
                format!("within {max} weights of all layers together"),
                format!("{count} after {}", max - self.weights),
            )
            .with_remedy("if you trust the file, raise Limits::with_max_weights")
        })?;
        let shape = variable.weight_shape().unwrap_or_default();
        Weights::from_packed(shape, bits, packed).map_err(|error| DecodeError::model(at(), error))
    }
}

/// The tensors of a layer, which are read in the order of the layer's table of variables.
struct Unread<'a> {
    layer: usize,
    tensors: Option<Tensors<'a>>,
    read: usize,
}

impl<'a> Unread<'a> {
    fn new(layer: usize, tensors: Option<Tensors<'a>>) -> Self {
        Self {
            layer,
            tensors,
            read: 0,
        }
    }

    /// The place of the next tensor.
    fn at(&self) -> Location {
        Location::layer(self.layer, &format!("tensors[{}]", self.read))
    }

    /// The next tensor, if there is one, and its name.
    fn peek(&self) -> Result<Option<(fb::Tensor<'a>, &'a str)>, DecodeError> {
        let tensors = self.tensors.filter(|tensors| self.read < tensors.len());
        let Some(tensor) = tensors.map(|tensors| tensors.get(self.read)) else {
            return Ok(None);
        };
        check_known(&tensor._tab, fb::Tensor::VT_VALUES, || self.at())?;
        let name = required(tensor.name(), || {
            Location::layer(self.layer, &format!("tensors[{}].name", self.read))
        })?;
        Ok(Some((tensor, name)))
    }

    /// The values of the next tensor, which has to be the one of a variable.
    fn next(
        &mut self,
        variable: &VariableSpec,
        spec: &LayerSpec,
    ) -> Result<Vector<'a, u8>, DecodeError> {
        let at = || Location::layer(self.layer, variable.name);
        let (tensor, name) = required(self.peek()?, at)?;
        if name != variable.name {
            let allowed = format!(
                "{}, as {} has it at this place",
                variable.name,
                spec.type_name()
            );
            return Err(DecodeError::field(
                DecodeErrorKind::Payload,
                self.at(),
                allowed,
                shown(name),
            ));
        }
        let values = required(tensor.values(), at)?;
        self.read += 1;
        Ok(values)
    }

    /// Refuses tensors that are left.
    fn end(&self, spec: &LayerSpec) -> Result<(), DecodeError> {
        let kind = DecodeErrorKind::Payload;
        let allowed = format!("absent for {}", spec.type_name());
        match self.peek()? {
            Some((_, name)) => Err(DecodeError::field(kind, self.at(), allowed, shown(name))),
            None if self.tensors.is_some() && self.read == 0 => {
                let at = Location::layer(self.layer, "tensors");
                Err(DecodeError::field(kind, at, allowed, "an empty list"))
            }
            None => Ok(()),
        }
    }
}

/// A name from the file, if it is short and printable.
fn shown(name: &str) -> String {
    match name.len() <= MAX_SHOWN && !name.chars().any(char::is_control) {
        true => format!("\"{name}\""),
        false => format!("a name of {} bytes", name.len()),
    }
}

/// What a field of the file's table of variables holds.
#[derive(Clone, Copy)]
enum Field<'a> {
    Bytes(Vector<'a, u8>),
    Integers(Vector<'a, i32>),
    Floats(Vector<'a, f32>),
}

impl Field<'_> {
    fn dtype(self) -> &'static str {
        match self {
            Self::Bytes(_) => "int8",
            Self::Integers(_) => "int32",
            Self::Floats(_) => "float32",
        }
    }
}

/// The fields of the file's table, by the names of the variables that they hold: all names of [`FIELDS`].
fn fields(table: fb::Variables<'_>) -> [(&'static str, Option<Field<'_>>); FIELDS.len()] {
    [
        ("weights", table.weights().map(Field::Bytes)),
        ("weights_pw", table.weights_pw().map(Field::Bytes)),
        ("threshold", table.threshold().map(Field::Integers)),
        ("act_step", table.act_step().map(Field::Floats)),
    ]
}

fn surplus(at: Location, spec: &LayerSpec) -> DecodeError {
    let allowed = format!("absent for {}", spec.type_name());
    DecodeError::field(DecodeErrorKind::Payload, at, allowed, "values")
}

fn wrong_length(at: Location, allowed: String, received: String) -> DecodeError {
    DecodeError::field(DecodeErrorKind::Payload, at, allowed, received)
}
