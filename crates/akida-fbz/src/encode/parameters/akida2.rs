//! The parameters of layers of Akida 2.0.

use crate::encode::fields::{padding, pool, shape, size};
use crate::error::EncodeError;
use crate::generated as fb;
use akida_sim::{
    Activation, Add, BufferTempConv, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, InputConv2D, Pair, PostOps,
    Quantizer, StatefulRecurrent,
};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

type Fbb<'a> = FlatBufferBuilder<'a>;
type Written = Result<WIPOffset<UnionWIPOffset>, EncodeError>;

pub(super) fn quantizer(fbb: &mut Fbb<'_>, layer: &Quantizer) -> Written {
    let args = fb::QuantizerArgs {
        input_shape: Some(&shape(layer.input_shape)?),
        output_bits: Some(layer.output_bits),
        output_signed: Some(layer.output_signed.into()),
        channels_first: Some(layer.channels_first.into()),
    };
    Ok(fb::Quantizer::create(fbb, &args).as_union_value())
}

pub(super) fn input_conv2d(fbb: &mut Fbb<'_>, layer: &InputConv2D) -> Written {
    let args = fb::InputConv2DArgs {
        input_shape: Some(&shape(layer.input_shape)?),
        filters: Some(size("filters", layer.filters)?),
        convolution: Some(write_convolution(fbb, &layer.conv)?),
        post_ops: Some(write_post_ops(fbb, layer.conv.post_ops)),
    };
    Ok(fb::InputConv2D::create(fbb, &args).as_union_value())
}

pub(super) fn conv2d(fbb: &mut Fbb<'_>, layer: &Conv2D) -> Written {
    let args = fb::Conv2DArgs {
        filters: Some(size("filters", layer.filters)?),
        convolution: Some(write_convolution(fbb, &layer.conv)?),
        post_ops: Some(write_post_ops(fbb, layer.conv.post_ops)),
    };
    Ok(fb::Conv2D::create(fbb, &args).as_union_value())
}

pub(super) fn depthwise(fbb: &mut Fbb<'_>, layer: &DepthwiseConv2D) -> Written {
    let args = fb::DepthwiseConv2DArgs {
        convolution: Some(write_convolution(fbb, &layer.conv)?),
        post_ops: Some(write_post_ops(fbb, layer.conv.post_ops)),
    };
    Ok(fb::DepthwiseConv2D::create(fbb, &args).as_union_value())
}

pub(super) fn transpose(fbb: &mut Fbb<'_>, layer: &Conv2DTranspose) -> Written {
    let args = fb::Conv2DTransposeArgs {
        filters: Some(size("filters", layer.filters)?),
        kernel_size: Some(size("kernel_size", layer.conv.kernel_size)?),
        weights_bits: Some(layer.conv.weights_bits),
        post_ops: Some(write_post_ops(fbb, layer.conv.post_ops)),
    };
    Ok(fb::Conv2DTranspose::create(fbb, &args).as_union_value())
}

pub(super) fn depthwise_transpose(fbb: &mut Fbb<'_>, layer: &DepthwiseConv2DTranspose) -> Written {
    let args = fb::DepthwiseConv2DTransposeArgs {
        kernel_size: Some(size("kernel_size", layer.conv.kernel_size)?),
        weights_bits: Some(layer.conv.weights_bits),
        post_ops: Some(write_post_ops(fbb, layer.conv.post_ops)),
    };
    Ok(fb::DepthwiseConv2DTranspose::create(fbb, &args).as_union_value())
}

pub(super) fn dense1d(fbb: &mut Fbb<'_>, layer: &Dense1D) -> Written {
    let args = fb::Dense1DArgs {
        units: Some(size("units", layer.units)?),
        weights_bits: Some(layer.weights_bits),
        post_ops: Some(write_post_ops(fbb, layer.post_ops)),
    };
    Ok(fb::Dense1D::create(fbb, &args).as_union_value())
}

pub(super) fn add(fbb: &mut Fbb<'_>, layer: Add) -> WIPOffset<UnionWIPOffset> {
    let args = fb::AddArgs {
        output_bits: Some(layer.output_bits),
        output_signed: Some(layer.output_signed.into()),
        buffer_bits: Some(layer.buffer_bits),
        post_op_buffer_bits: Some(layer.post_op_buffer_bits),
    };
    fb::Add::create(fbb, &args).as_union_value()
}

pub(super) fn buffer_temp(fbb: &mut Fbb<'_>, layer: &BufferTempConv) -> Written {
    let args = fb::BufferTempConvArgs {
        filters: Some(size("filters", layer.filters)?),
        fifo_size: Some(size("fifo_size", layer.temporal.fifo_size)?),
        weights_bits: Some(layer.temporal.weights_bits),
        post_ops: Some(write_post_ops(fbb, layer.temporal.post_ops)),
    };
    Ok(fb::BufferTempConv::create(fbb, &args).as_union_value())
}

pub(super) fn depthwise_buffer_temp(fbb: &mut Fbb<'_>, layer: &DepthwiseBufferTempConv) -> Written {
    let args = fb::DepthwiseBufferTempConvArgs {
        fifo_size: Some(size("fifo_size", layer.temporal.fifo_size)?),
        weights_bits: Some(layer.temporal.weights_bits),
        post_ops: Some(write_post_ops(fbb, layer.temporal.post_ops)),
    };
    Ok(fb::DepthwiseBufferTempConv::create(fbb, &args).as_union_value())
}

pub(super) fn recurrent(fbb: &mut Fbb<'_>, layer: &StatefulRecurrent) -> Written {
    let args = fb::StatefulRecurrentArgs {
        stateful_channels: Some(size("stateful_channels", layer.stateful_channels)?),
        output_channels: Some(size("output_channels", layer.output_channels)?),
        subsample: Some(size("subsample", layer.subsample)?),
        post_ops: Some(write_post_ops(fbb, layer.post_ops)),
    };
    Ok(fb::StatefulRecurrent::create(fbb, &args).as_union_value())
}

fn write_convolution<'a>(
    fbb: &mut Fbb<'a>,
    conv: &Conv2DParams,
) -> Result<WIPOffset<fb::SquareConvolution<'a>>, EncodeError> {
    let (pool_type, window) = pool(conv.pooling);
    let window = match window {
        None => None,
        Some((size, stride)) => Some((side("pool_size", size)?, side("pool_stride", stride)?)),
    };
    let args = fb::SquareConvolutionArgs {
        kernel_size: Some(size("kernel_size", conv.kernel_size)?),
        padding: Some(padding(conv.padding)),
        kernel_stride: Some(size("kernel_stride", conv.kernel_stride)?),
        weights_bits: Some(conv.weights_bits),
        pool_type: Some(pool_type),
        pool_size: window.map(|(size, _)| size),
        pool_stride: window.map(|(_, stride)| stride),
    };
    Ok(fb::SquareConvolution::create(fbb, &args))
}

fn write_post_ops<'a>(fbb: &mut Fbb<'a>, post_ops: PostOps) -> WIPOffset<fb::PostOps<'a>> {
    let args = fb::PostOpsArgs {
        activation: Some(match post_ops.activation {
            Activation::NoActivation => fb::Activation::NoActivation,
            Activation::ReLU => fb::Activation::ReLU,
            Activation::Lut => fb::Activation::LUT,
        }),
        output_bits: Some(post_ops.output_bits),
        // A sign that follows from the other parameters is no placeholder in a file.
        output_signed: Some(post_ops.is_signed().into()),
        buffer_bits: Some(post_ops.buffer_bits),
        post_op_buffer_bits: Some(post_ops.post_op_buffer_bits),
    };
    fb::PostOps::create(fbb, &args)
}

/// The side of a square. The builder refuses windows that are none.
fn side(subject: &'static str, pair: Pair) -> Result<u32, EncodeError> {
    match pair.x == pair.y {
        true => size(subject, pair.x),
        false => Err(EncodeError::unsupported(
            subject,
            "the same along both axes",
            pair,
        )),
    }
}
