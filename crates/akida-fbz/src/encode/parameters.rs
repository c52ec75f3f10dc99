//! The type and the parameters of a layer.

mod akida1;
mod akida2;

use super::fields::shape;
use crate::error::EncodeError;
use crate::generated as fb;
use akida_sim::LayerSpec;
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

/// Writes the parameters of a layer, and gives its type with their place.
pub(super) fn write_parameters(
    fbb: &mut FlatBufferBuilder<'_>,
    spec: &LayerSpec,
) -> Result<(fb::Parameters, WIPOffset<UnionWIPOffset>), EncodeError> {
    use fb::Parameters as Type;
    Ok(match spec {
        LayerSpec::InputData(l) => {
            let args = fb::InputDataArgs {
                input_shape: Some(&shape(l.input_shape)?),
                input_bits: Some(l.input_bits),
            };
            let table = fb::InputData::create(fbb, &args);
            (Type::InputData, table.as_union_value())
        }
        LayerSpec::InputConvolutional(l) => {
            let table = akida1::input_convolutional(fbb, l)?;
            (Type::InputConvolutional, table)
        }
        LayerSpec::Convolutional(l) => (Type::Convolutional, akida1::convolutional(fbb, l)?),
        LayerSpec::SeparableConvolutional(l) => {
            let table = akida1::separable_convolutional(fbb, l)?;
            (Type::SeparableConvolutional, table)
        }
        LayerSpec::FullyConnected(l) => (Type::FullyConnected, akida1::fully_connected(fbb, l)?),
        LayerSpec::Concat(_) => {
            let table = fb::Concat::create(fbb, &fb::ConcatArgs {});
            (Type::Concat, table.as_union_value())
        }
        LayerSpec::Quantizer(l) => (Type::Quantizer, akida2::quantizer(fbb, l)?),
        LayerSpec::InputConv2D(l) => (Type::InputConv2D, akida2::input_conv2d(fbb, l)?),
        LayerSpec::Conv2D(l) => (Type::Conv2D, akida2::conv2d(fbb, l)?),
        LayerSpec::DepthwiseConv2D(l) => (Type::DepthwiseConv2D, akida2::depthwise(fbb, l)?),
        LayerSpec::Conv2DTranspose(l) => (Type::Conv2DTranspose, akida2::transpose(fbb, l)?),
        LayerSpec::DepthwiseConv2DTranspose(l) => {
            let table = akida2::depthwise_transpose(fbb, l)?;
            (Type::DepthwiseConv2DTranspose, table)
        }
        LayerSpec::Dense1D(l) => (Type::Dense1D, akida2::dense1d(fbb, l)?),
        LayerSpec::Add(l) => (Type::Add, akida2::add(fbb, *l)),
        LayerSpec::Concatenate(_) => {
            let table = fb::Concatenate::create(fbb, &fb::ConcatenateArgs {});
            (Type::Concatenate, table.as_union_value())
        }
        LayerSpec::BufferTempConv(l) => (Type::BufferTempConv, akida2::buffer_temp(fbb, l)?),
        LayerSpec::DepthwiseBufferTempConv(l) => {
            let table = akida2::depthwise_buffer_temp(fbb, l)?;
            (Type::DepthwiseBufferTempConv, table)
        }
        LayerSpec::StatefulRecurrent(l) => (Type::StatefulRecurrent, akida2::recurrent(fbb, l)?),
        LayerSpec::PicoPostProcessing(l) => {
            let buffer_bits = Some(l.buffer_bits);
            let args = fb::PicoPostProcessingArgs { buffer_bits };
            let table = fb::PicoPostProcessing::create(fbb, &args);
            (Type::PicoPostProcessing, table.as_union_value())
        }
        LayerSpec::Dequantizer(_) => {
            let table = fb::Dequantizer::create(fbb, &fb::DequantizerArgs {});
            (Type::Dequantizer, table.as_union_value())
        }
    })
}
