//! The parameters of layers of Akida 1.0.

use crate::encode::fields::{padding, pool, shape, size};
use crate::error::EncodeError;
use crate::generated as fb;
use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, Pair, SeparableConvolutional,
};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

type Written = Result<WIPOffset<UnionWIPOffset>, EncodeError>;

pub(super) fn input_convolutional(
    fbb: &mut FlatBufferBuilder<'_>,
    layer: &InputConvolutional,
) -> Written {
    let args = fb::InputConvolutionalArgs {
        input_shape: Some(&shape(layer.input_shape)?),
        padding_value: Some(layer.padding_value),
        convolution: Some(write_convolution(fbb, &layer.conv)?),
    };
    Ok(fb::InputConvolutional::create(fbb, &args).as_union_value())
}

pub(super) fn convolutional(fbb: &mut FlatBufferBuilder<'_>, layer: &Convolutional) -> Written {
    let convolution = Some(write_convolution(fbb, &layer.conv)?);
    let args = fb::ConvolutionalArgs { convolution };
    Ok(fb::Convolutional::create(fbb, &args).as_union_value())
}

pub(super) fn separable_convolutional(
    fbb: &mut FlatBufferBuilder<'_>,
    layer: &SeparableConvolutional,
) -> Written {
    let convolution = Some(write_convolution(fbb, &layer.conv)?);
    let args = fb::SeparableConvolutionalArgs { convolution };
    Ok(fb::SeparableConvolutional::create(fbb, &args).as_union_value())
}

pub(super) fn fully_connected(fbb: &mut FlatBufferBuilder<'_>, layer: &FullyConnected) -> Written {
    let args = fb::FullyConnectedArgs {
        units: Some(size("units", layer.units)?),
        weights_bits: Some(layer.weights_bits),
        act_bits: layer.act_bits,
    };
    Ok(fb::FullyConnected::create(fbb, &args).as_union_value())
}

fn write_convolution<'a>(
    fbb: &mut FlatBufferBuilder<'a>,
    conv: &ConvParams,
) -> Result<WIPOffset<fb::Convolution<'a>>, EncodeError> {
    let (pool_type, window) = pool(conv.pooling);
    let window = match window {
        None => None,
        Some((size, stride)) => Some((pair("pool_size", size)?, pair("pool_stride", stride)?)),
    };
    let args = fb::ConvolutionArgs {
        kernel_size: Some(&pair("kernel_size", conv.kernel_size)?),
        filters: Some(size("filters", conv.filters)?),
        padding: Some(padding(conv.padding)),
        kernel_stride: Some(&pair("kernel_stride", conv.kernel_stride)?),
        weights_bits: Some(conv.weights_bits),
        pool_type: Some(pool_type),
        pool_size: window.as_ref().map(|(size, _)| size),
        pool_stride: window.as_ref().map(|(_, stride)| stride),
        act_bits: conv.act_bits,
    };
    Ok(fb::Convolution::create(fbb, &args))
}

fn pair(subject: &'static str, pair: Pair) -> Result<fb::Size, EncodeError> {
    let (height, width) = (size(subject, pair.x)?, size(subject, pair.y)?);
    Ok(fb::Size::new(height, width))
}
