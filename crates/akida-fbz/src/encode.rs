//! From a model to bytes.

mod fields;
mod parameters;
mod variables;

use crate::container;
use crate::error::{EncodeError, EncodeErrorKind};
use crate::generated as fb;
use crate::limits::{Limits, MAX_NAME_BYTES, MAX_PAYLOAD};
use crate::tensors;
use akida_sim::memory;
use akida_sim::{IpVersion, Layer, MAX_LAYERS, Model, Weights};
use alloc::format;
use alloc::vec::Vec;
use fields::size;
use flatbuffers::{FlatBufferBuilder, WIPOffset};
use parameters::write_parameters;
use variables::write_variables;

/// More bytes than the tables of one layer take, without its vectors, its tensors and its name.
const TABLES_OF_A_LAYER: u64 = 512;
/// More bytes than the table of a tensor takes, without its values and its name.
const TABLE_OF_A_TENSOR: u64 = 64;

const RAISE_PAYLOAD: &str = "raise Limits::with_max_payload (at most 1 GiB)";

/// The `.fbz` file of a model, as bytes.
///
/// Equal models give equal bytes, and [`decode`](crate::decode) gives back an equal model.
///
/// # Errors
///
/// The model is beyond [`Limits::DEFAULT`]. [`encode_with`] can write it nevertheless. Or the memory does not suffice.
///
/// # Examples
///
/// ```
/// use akida_fbz::{decode, encode};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// builder.add("classes", FullyConnected::new(5), &[])?;
/// let model = builder.build()?;
/// assert_eq!(decode(&encode(&model)?)?, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(model: &Model) -> Result<Vec<u8>, EncodeError> {
    encode_with(model, &Limits::DEFAULT)
}

/// [`encode`] with other limits. Limits do not change the bytes. To decode the bytes takes the same limits.
///
/// # Errors
///
/// The model is beyond `limits`, or has something that this version of the format cannot express. Or the memory does not
/// suffice.
///
/// # Examples
///
/// ```
/// use akida_fbz::{Limits, encode, encode_with};
/// use akida_sim::{InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// let model = builder.build()?;
/// let limits = Limits::default().with_max_payload(1 << 30);
/// assert_eq!(encode_with(&model, &limits)?, encode(&model)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode_with(model: &Model, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
    let capacity = check_size(model, limits)?;
    let compressor = container::compressor(capacity)?;
    let payload = payload(model, limits, capacity)?;
    Ok(container::wrap(&payload, compressor)?)
}

/// The FlatBuffer of a model, of at most `capacity` bytes.
fn payload(model: &Model, limits: &Limits, capacity: usize) -> Result<Vec<u8>, EncodeError> {
    let ip_version = match model.ip_version() {
        IpVersion::V1 => fb::IpVersion::V1,
        IpVersion::V2 => fb::IpVersion::V2,
    };
    // The builder never grows: the bytes are no more than `capacity`.
    let mut fbb = FlatBufferBuilder::from_vec(memory::filled(0, capacity)?);
    let mut layers = memory::with_capacity(model.layers().len())?;
    for layer in model.layers() {
        layers.push(write_layer(&mut fbb, layer).map_err(|e| e.at(layer.name()))?);
    }
    let layers = fbb.create_vector(&layers);
    let scaling = model.input_scaling();
    let scaling = scaling.map(|s| fb::InputScaling::new(s.scale(), s.shift()));
    let root = fb::Model::create(
        &mut fbb,
        &fb::ModelArgs {
            ip_version: Some(ip_version),
            layers: Some(layers),
            input_scaling: scaling.as_ref(),
        },
    );
    fb::finish_model_buffer(&mut fbb, root);
    let payload = fbb.finished_data();
    if payload.len() as u64 > limits.max_payload() {
        return Err(too_large("the payload", limits, payload.len() as u64));
    }
    let (mut bytes, begin) = fbb.collapse();
    bytes.drain(..begin);
    Ok(bytes)
}

/// Checks the size of a model before anything is written, and gives an upper bound of the payload's length.
///
/// The FlatBuffers writer panics where offsets would be too large.
fn check_size(model: &Model, limits: &Limits) -> Result<usize, EncodeError> {
    let mut weights: u64 = 0;
    let mut variables: u64 = 0;
    let mut rest: u64 = TABLES_OF_A_LAYER;
    if model.layers().len() > MAX_LAYERS {
        let allowed = format!("at most {MAX_LAYERS}");
        let received = model.layers().len();
        return Err(EncodeError::unsupported(
            "the number of layers",
            allowed,
            received,
        ));
    }
    for layer in model.layers() {
        let name = layer.name();
        if name.len() > MAX_NAME_BYTES {
            let allowed = format!("at most {MAX_NAME_BYTES} bytes");
            return Err(EncodeError::unsupported("the layer's name", allowed, name.len()).at(name));
        }
        rest += TABLES_OF_A_LAYER + name.len() as u64 + 4 * layer.inbounds().len() as u64;
        for (variable, tensor) in layer.variables() {
            weights += tensor.weights().map_or(0, Weights::len) as u64;
            variables += tensors::stored_bytes(variable);
            rest += TABLE_OF_A_TENSOR + variable.name.len() as u64;
        }
        if weights > limits.max_weights() {
            return Err(EncodeError::new(
                EncodeErrorKind::Limit,
                "the number of weights up to here",
                format!("at most {}", limits.max_weights()),
                weights,
            )
            .at(name)
            .with_remedy("raise Limits::with_max_weights"));
        }
        if variables > limits.max_payload() {
            return Err(too_large("the variables up to here", limits, variables).at(name));
        }
    }
    match usize::try_from(variables + rest) {
        Ok(capacity) if variables + rest <= 2 * MAX_PAYLOAD => Ok(capacity),
        _ => Err(too_large("the payload", limits, variables + rest)),
    }
}

fn too_large(subject: &'static str, limits: &Limits, received: u64) -> EncodeError {
    EncodeError::new(
        EncodeErrorKind::Limit,
        subject,
        format!("at most {} bytes", limits.max_payload()),
        received,
    )
    .with_remedy(RAISE_PAYLOAD)
}

fn write_layer<'a>(
    fbb: &mut FlatBufferBuilder<'a>,
    layer: &Layer,
) -> Result<WIPOffset<fb::Layer<'a>>, EncodeError> {
    let variables = write_variables(fbb, layer)?;
    let (parameters_type, parameters) = write_parameters(fbb, layer.spec())?;
    let inbounds = match layer.inbounds() {
        [] => None,
        indices => {
            let indices: Result<Vec<u32>, _> = indices
                .iter()
                .map(|&index| size("an inbound", index))
                .collect();
            Some(fbb.create_vector(&indices?))
        }
    };
    let name = fbb.create_string(layer.name());
    Ok(fb::Layer::create(
        fbb,
        &fb::LayerArgs {
            name: Some(name),
            inbounds,
            parameters_type,
            parameters: Some(parameters),
            variables,
        },
    ))
}
