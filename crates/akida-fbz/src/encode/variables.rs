//! The variables of a layer.

use crate::error::EncodeError;
use crate::generated as fb;
use crate::tensors::{Element, FIELDS};
use akida_sim::memory;
use akida_sim::{Layer, Tensor, VariableSpec};
use alloc::vec::Vec;
use flatbuffers::{FlatBufferBuilder, Vector, WIPOffset};

/// The variables of a layer: each in the field of its name, or among the tensors. `None` for a layer without variables.
pub(super) fn write_variables<'a>(
    fbb: &mut FlatBufferBuilder<'a>,
    layer: &Layer,
) -> Result<Option<WIPOffset<fb::Variables<'a>>>, EncodeError> {
    if layer.variables().len() == 0 {
        return Ok(None);
    }
    let mut fields = fb::VariablesArgs::default();
    let mut tensors = Vec::with_capacity(layer.variables().len());
    for (variable, tensor) in layer.variables() {
        match (variable.name, tensor) {
            // A model's weights are packed at the width of their layer.
            ("weights", Tensor::Weights(weights)) => {
                fields.weights = Some(fbb.create_vector(weights.packed()));
            }
            ("weights_pw", Tensor::Weights(weights)) => {
                fields.weights_pw = Some(fbb.create_vector(weights.packed()));
            }
            ("threshold", Tensor::Integers(threshold)) => {
                fields.threshold = Some(fbb.create_vector(threshold));
            }
            ("act_step", Tensor::Floats(act_step)) => {
                fields.act_step = Some(fbb.create_vector(act_step));
            }
            (name, _) if FIELDS.contains(&name) => {
                let allowed = "of the type of its field";
                return Err(EncodeError::unsupported(
                    variable.name,
                    allowed,
                    tensor.dtype(),
                ));
            }
            (name, _) => {
                let values = Some(write_values(fbb, variable, tensor)?);
                let name = Some(fbb.create_string(name));
                let args = fb::TensorArgs { name, values };
                tensors.push(fb::Tensor::create(fbb, &args));
            }
        }
    }
    if !tensors.is_empty() {
        fields.tensors = Some(fbb.create_vector(&tensors));
    }
    Ok(Some(fb::Variables::create(fbb, &fields)))
}

/// The values of a tensor, little-endian.
fn write_values<'a>(
    fbb: &mut FlatBufferBuilder<'a>,
    variable: &VariableSpec,
    tensor: &Tensor,
) -> Result<WIPOffset<Vector<'a, u8>>, EncodeError> {
    Ok(match tensor {
        Tensor::Weights(weights) => fbb.create_vector(weights.packed()),
        Tensor::Integers(integers) => {
            let width = Element::of(variable.rule).map_or(4, |element| element.bytes);
            let mut bytes: Vec<u8> = memory::with_capacity(integers.len() * width)?;
            for integer in integers {
                // The bytes left out repeat the sign, or are zero: the values are of the format of the variable.
                bytes.extend(integer.to_le_bytes().iter().take(width));
            }
            fbb.create_vector(&bytes)
        }
        Tensor::Floats(floats) => {
            let mut bytes: Vec<u8> = memory::with_capacity(4 * floats.len())?;
            for float in floats {
                bytes.extend(float.to_le_bytes());
            }
            fbb.create_vector(&bytes)
        }
    })
}
