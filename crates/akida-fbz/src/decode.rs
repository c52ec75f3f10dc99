//! From bytes to a model.
//!
//! Every layer goes through [`ModelBuilder`]. It is connected first: that gives the shapes of its variables, and allocates
//! none. Variables are read only when their lengths in the file agree with the shapes.

mod fields;
mod layer;
mod variables;

use crate::container;
use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::generated as fb;
use crate::limits::{Limits, MAX_NAME_BYTES};
use akida_sim::{
    InputScaling, IpVersion, MAX_INBOUNDS, MAX_LAYERS, Model, ModelBuilder, ModelError,
    ModelErrorKind,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use fields::{check_known, required, unknown};
use flatbuffers::{ErrorTraceDetail, InvalidFlatbuffer, VerifierOptions};
use variables::Budget;

/// The depth of tables: model, layer, parameters, convolution; or model, layer, variables, tensor.
const MAX_DEPTH: usize = 4;
/// The tables of one layer beside its tensors: the layer, its parameters, its convolution, what follows its sums, its
/// variables.
const TABLES_OF_A_LAYER: usize = 5;
/// More tensors than a layer has.
const MAX_TENSORS: usize = 32;

/// The model in the bytes of an `.fbz` file.
///
/// The bytes may come from anywhere. The result is a valid model or an error, whatever they are. [`Limits::DEFAULT`] bounds
/// the memory that is taken.
///
/// # Errors
///
/// The bytes are of another format or of a newer version, are damaged or beyond the limits, or describe no valid model.
/// [`DecodeErrorKind`] tells which.
///
/// # Examples
///
/// ```
/// use akida_fbz::{DecodeErrorKind, decode, encode};
/// use akida_sim::{FullyConnected, InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// builder.add("classes", FullyConnected::new(5), &[])?;
/// let mut bytes = encode(&builder.build()?)?;
/// assert_eq!(decode(&bytes)?.layers().len(), 2);
///
/// *bytes.last_mut().unwrap() ^= 1;
/// assert_eq!(decode(&bytes).unwrap_err().kind(), DecodeErrorKind::Checksum);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode(bytes: &[u8]) -> Result<Model, DecodeError> {
    decode_with(bytes, &Limits::DEFAULT)
}

/// [`decode`] with other limits.
///
/// # Errors
///
/// As for [`decode`].
///
/// # Examples
///
/// ```
/// use akida_fbz::{Limits, decode_with, encode};
/// use akida_sim::{InputData, ModelBuilder, Shape};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(1, 1, 10), 4), &[])?;
/// let bytes = encode(&builder.build()?)?;
/// assert!(decode_with(&bytes, &Limits::default().with_max_payload(16)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_with(bytes: &[u8], limits: &Limits) -> Result<Model, DecodeError> {
    let payload = container::unwrap(bytes, limits)?;
    model(&payload, limits)
}

/// The model in a payload.
pub(crate) fn model(payload: &[u8], limits: &Limits) -> Result<Model, DecodeError> {
    let root = verify(payload)?;
    check_known(&root._tab, fb::Model::VT_INPUT_SCALING, || {
        Location::Field("model".into())
    })?;
    let field = |name: &str| Location::Field(name.into());
    let ip_version = match required(root.ip_version(), || field("ip_version"))? {
        fb::IpVersion::V1 => IpVersion::V1,
        fb::IpVersion::V2 => IpVersion::V2,
        other => return Err(unknown(field("ip_version"), "1 (V1) or 2 (V2)", other.0)),
    };
    let layers = required(root.layers(), || field("layers"))?;
    if layers.len() > MAX_LAYERS {
        return Err(DecodeError::field(
            DecodeErrorKind::Limit,
            field("layers"),
            format!("at most {MAX_LAYERS} layers"),
            layers.len(),
        ));
    }
    let mut builder = ModelBuilder::new();
    let mut budget = Budget::new(payload.len(), limits);
    for (index, layer) in layers.iter().enumerate() {
        add_layer(&mut builder, &mut budget, index, layer)?;
    }
    if let Some(scaling) = root.input_scaling() {
        builder.set_input_scaling(Some(input_scaling(scaling)?));
    }
    let model = builder
        .build()
        .map_err(|error| DecodeError::model(field("layers"), error))?;
    if model.ip_version() == ip_version {
        return Ok(model);
    }
    // The generation of a model is that of its layers. The field may say nothing else.
    let word = |version| match version {
        IpVersion::V1 => "1 (V1)",
        IpVersion::V2 => "2 (V2)",
    };
    Err(DecodeError::field(
        DecodeErrorKind::Payload,
        field("ip_version"),
        format!("{}, as the layers are", word(model.ip_version())),
        word(ip_version),
    ))
}

fn input_scaling(scaling: &fb::InputScaling) -> Result<InputScaling, DecodeError> {
    let at = || Location::Field("input_scaling".into());
    let (scale, shift) = (scaling.scale(), scaling.shift());
    let checked =
        InputScaling::new(scale, shift).map_err(|error| DecodeError::model(at(), error))?;
    if shift.to_bits() == checked.shift().to_bits() {
        return Ok(checked);
    }
    let kind = DecodeErrorKind::Payload;
    Err(DecodeError::field(
        kind,
        at(),
        "with 0 for a shift of -0",
        shift,
    ))
}

/// Checks every offset, length and string of the payload. The accessors rely on that.
fn verify(payload: &[u8]) -> Result<fb::Model<'_>, DecodeError> {
    let identifier = payload.get(4..8).unwrap_or_default();
    if identifier != fb::MODEL_IDENTIFIER.as_bytes() {
        return Err(DecodeError::new(
            DecodeErrorKind::Payload,
            "the identifier of the payload",
            format!("\"{}\"", fb::MODEL_IDENTIFIER),
            format!("\"{}\"", identifier.escape_ascii()),
        )
        .at(Location::Field("model".into())));
    }
    let options = VerifierOptions {
        max_depth: MAX_DEPTH,
        max_tables: 1 + (TABLES_OF_A_LAYER + MAX_TENSORS) * MAX_LAYERS,
        // The verifier counts tables, vectors and descriptions of tables each time that it meets them, shared or not. What
        // writers share counts less than four times its size. A payload that only pretends to be large counts more.
        max_apparent_size: payload.len().saturating_mul(4).saturating_add(1024),
        ignore_missing_null_terminator: false,
    };
    fb::root_as_model_with_opts(&options, payload).map_err(|error| invalid(&error))
}

fn invalid(error: &InvalidFlatbuffer) -> DecodeError {
    use InvalidFlatbuffer as E;
    let (trace, problem) = match error {
        E::MissingRequiredField { error_trace, .. } => (Some(error_trace), "a missing field"),
        E::InconsistentUnion { error_trace, .. } => (
            Some(error_trace),
            "parameters without their type, or a type without parameters",
        ),
        E::Utf8Error { error_trace, .. } => (Some(error_trace), "text that is not UTF-8"),
        E::MissingNullTerminator { error_trace, .. } => (Some(error_trace), "text without end"),
        E::Unaligned { error_trace, .. } => (Some(error_trace), "an unaligned offset"),
        E::RangeOutOfBounds { error_trace, .. }
        | E::SignedOffsetOutOfBounds { error_trace, .. } => {
            (Some(error_trace), "an offset or length beyond the end")
        }
        E::TooManyTables => (None, "more tables than the layers allowed can have"),
        E::ApparentSizeTooLarge => (None, "more shared parts than any writer makes"),
        E::DepthLimitReached => (None, "tables nested too deeply"),
    };
    let subject = "the payload";
    let allowed = "a valid FlatBuffer of its schema";
    let error = DecodeError::new(DecodeErrorKind::Payload, subject, allowed, problem);
    let path = trace.and_then(|trace| path(trace.as_ref()));
    error.at(Location::Field(path.unwrap_or_else(|| "model".into())))
}

/// The path of the field that the verifier was at. The trace goes from the inside to the outside.
fn path(trace: &[ErrorTraceDetail]) -> Option<String> {
    let mut path = String::new();
    for (details_inside, detail) in trace.iter().enumerate().rev() {
        match detail {
            ErrorTraceDetail::VectorElement { index, .. } => path.push_str(&format!("[{index}]")),
            ErrorTraceDetail::TableField { field_name, .. } => {
                let groups = ["parameters", "convolution", "post_ops", "variables"];
                let grouping = groups.contains(&&**field_name);
                if grouping && details_inside > 0 {
                    continue;
                }
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(field_name);
            }
            ErrorTraceDetail::UnionVariant { .. } => {}
        }
    }
    (!path.is_empty()).then_some(path)
}

fn add_layer(
    builder: &mut ModelBuilder,
    budget: &mut Budget,
    index: usize,
    layer: fb::Layer<'_>,
) -> Result<(), DecodeError> {
    let at = |name: &str| Location::layer(index, name);
    check_known(&layer._tab, fb::Layer::VT_VARIABLES, || at(""))?;
    let name = required(layer.name(), || at("name"))?;
    if !(1..=MAX_NAME_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(DecodeError::field(
            DecodeErrorKind::Payload,
            at("name"),
            format!("1 to {MAX_NAME_BYTES} bytes without control characters"),
            format!("{} bytes", name.len()),
        ));
    }
    let spec = layer::spec(index, layer)?;
    let inbounds: Vec<usize> = match layer.inbounds() {
        None => Vec::new(),
        Some(indices) if indices.len() > MAX_INBOUNDS => {
            return Err(DecodeError::field(
                DecodeErrorKind::Limit,
                at("inbounds"),
                format!("at most {MAX_INBOUNDS} indices"),
                indices.len(),
            ));
        }
        Some(indices) => {
            budget.take_bytes(4 * indices.len(), || at("inbounds"))?;
            indices.iter().map(|i| i as usize).collect()
        }
    };
    let refused = |allowed| {
        let received = format!("{} for {}", inbounds.len(), spec.type_name());
        let kind = DecodeErrorKind::Payload;
        Err(DecodeError::field(kind, at("inbounds"), allowed, received))
    };
    match (index, inbounds.is_empty()) {
        (0, false) if spec.is_input() => return refused("absent for the first layer"),
        (_, true) if !spec.is_input() => return refused("at least one index"),
        _ => {}
    }
    let connection = builder
        .connect(name, &spec, &inbounds)
        .map_err(|error| model_error(index, error))?;
    // The builder lets a layer for inputs read the layer before. In a file nothing is left to a default.
    if index > 0 && inbounds.is_empty() {
        return refused("at least one index behind a Quantizer");
    }
    let variables = budget.variables(index, &spec, &connection, layer.variables())?;
    builder
        .add_with_variables(name, spec, &inbounds, variables)
        .map_err(|error| model_error(index, error))?;
    Ok(())
}

/// The error of a rule that layer `index` breaks, with its place as closely as the rule tells it.
fn model_error(index: usize, error: ModelError) -> DecodeError {
    let name = match (error.kind(), error.subject()) {
        (ModelErrorKind::Variable, subject) => subject,
        (ModelErrorKind::Name, _) => "name",
        (ModelErrorKind::Inbounds, _) => "inbounds",
        _ => "",
    };
    DecodeError::model(Location::layer(index, name), error)
}

#[cfg(test)]
mod tests;
