//! The type and the parameters of a layer.

mod akida1;
mod akida2;

use super::fields::{NO_FIELDS, check_known, required, unknown};
use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::generated as fb;
use akida_sim::{Concat, InputData, LayerSpec, Padding, Pair, Pooling, Shape};

/// Type and parameters of the layer at `index`, as they are in the file. The builder judges them later.
pub(super) fn spec(index: usize, layer: fb::Layer<'_>) -> Result<LayerSpec, DecodeError> {
    let parameters = Parameters { index };
    let kind = layer.parameters_type();
    match kind {
        fb::Parameters::InputData => parameters.input_data(layer.parameters_as_input_data()),
        fb::Parameters::InputConvolutional => {
            parameters.input_convolutional(layer.parameters_as_input_convolutional())
        }
        fb::Parameters::Convolutional => {
            parameters.convolutional(layer.parameters_as_convolutional())
        }
        fb::Parameters::SeparableConvolutional => {
            parameters.separable_convolutional(layer.parameters_as_separable_convolutional())
        }
        fb::Parameters::FullyConnected => {
            parameters.fully_connected(layer.parameters_as_fully_connected())
        }
        fb::Parameters::Concat => parameters.concat(layer.parameters_as_concat()),
        fb::Parameters::Quantizer => parameters.quantizer(layer.parameters_as_quantizer()),
        fb::Parameters::InputConv2D => {
            parameters.input_conv2d(layer.parameters_as_input_conv_2_d())
        }
        fb::Parameters::Conv2D => parameters.conv2d(layer.parameters_as_conv_2_d()),
        fb::Parameters::DepthwiseConv2D => {
            parameters.depthwise_conv2d(layer.parameters_as_depthwise_conv_2_d())
        }
        fb::Parameters::Conv2DTranspose => {
            parameters.conv2d_transpose(layer.parameters_as_conv_2_dtranspose())
        }
        fb::Parameters::DepthwiseConv2DTranspose => {
            parameters.depthwise_conv2d_transpose(layer.parameters_as_depthwise_conv_2_dtranspose())
        }
        fb::Parameters::Dense1D => parameters.dense1d(layer.parameters_as_dense_1_d()),
        fb::Parameters::Add => parameters.add(layer.parameters_as_add()),
        fb::Parameters::Concatenate => parameters.concatenate(layer.parameters_as_concatenate()),
        fb::Parameters::BufferTempConv => {
            parameters.buffer_temp_conv(layer.parameters_as_buffer_temp_conv())
        }
        fb::Parameters::DepthwiseBufferTempConv => {
            parameters.depthwise_buffer_temp_conv(layer.parameters_as_depthwise_buffer_temp_conv())
        }
        fb::Parameters::StatefulRecurrent => {
            parameters.stateful_recurrent(layer.parameters_as_stateful_recurrent())
        }
        fb::Parameters::PicoPostProcessing => {
            parameters.pico_post_processing(layer.parameters_as_pico_post_processing())
        }
        fb::Parameters::Dequantizer => parameters.dequantizer(layer.parameters_as_dequantizer()),
        fb::Parameters::NONE => Err(parameters.missing()),
        other => Err(unknown(
            parameters.at("parameters_type"),
            "a layer type from 1 (InputData) to 20 (Dequantizer)",
            other.0,
        )),
    }
}

/// A reader of the parameters of one layer.
struct Parameters {
    index: usize,
}

impl Parameters {
    fn at(&self, name: &str) -> Location {
        Location::layer(self.index, name)
    }

    fn missing(&self) -> DecodeError {
        let at = self.at("parameters");
        DecodeError::field(DecodeErrorKind::Payload, at, "present", "nothing")
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, DecodeError> {
        required(value, || self.at(name))
    }

    fn input_data(&self, table: Option<fb::InputData<'_>>) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(&table._tab, fb::InputData::VT_INPUT_BITS, || self.at(""))?;
        Ok(LayerSpec::InputData(InputData {
            input_shape: self.shape(table.input_shape())?,
            input_bits: self.required("input_bits", table.input_bits())?,
        }))
    }

    fn concat(&self, table: Option<fb::Concat<'_>>) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(&table._tab, NO_FIELDS, || self.at(""))?;
        Ok(LayerSpec::Concat(Concat))
    }

    fn padding(&self, padding: Option<fb::Padding>) -> Result<Padding, DecodeError> {
        match self.required("padding", padding)? {
            fb::Padding::Valid => Ok(Padding::Valid),
            fb::Padding::Same => Ok(Padding::Same),
            fb::Padding::SameUpper => Ok(Padding::SameUpper),
            other => {
                let allowed = "0 (Valid), 1 (Same) or 2 (SameUpper)";
                Err(unknown(self.at("padding"), allowed, other.0))
            }
        }
    }

    /// A pooling, whose windows have a size and a stride where it is of the largest value.
    fn pooling(
        &self,
        pool_type: Option<fb::PoolType>,
        size: Option<Pair>,
        stride: Option<Pair>,
    ) -> Result<Pooling, DecodeError> {
        let pooling = match self.required("pool_type", pool_type)? {
            fb::PoolType::NoPooling => Pooling::None,
            fb::PoolType::Average => Pooling::GlobalAverage,
            fb::PoolType::Max => {
                return Ok(Pooling::Max {
                    size: self.required("pool_size", size)?,
                    stride: self.required("pool_stride", stride)?,
                });
            }
            other => {
                let allowed = "0 (NoPooling), 1 (Max) or 2 (Average)";
                return Err(unknown(self.at("pool_type"), allowed, other.0));
            }
        };
        for (name, window) in [("pool_size", size), ("pool_stride", stride)] {
            if window.is_some() {
                return Err(DecodeError::field(
                    DecodeErrorKind::Payload,
                    self.at(name),
                    "absent unless pool_type is Max",
                    "a size",
                ));
            }
        }
        Ok(pooling)
    }

    fn shape(&self, shape: Option<&fb::Shape>) -> Result<Shape, DecodeError> {
        let name = "input_shape";
        let shape = self.required(name, shape)?;
        Ok(Shape::new(
            self.size(name, Some(shape.height()))?,
            self.size(name, Some(shape.width()))?,
            self.size(name, Some(shape.channels()))?,
        ))
    }

    /// A size as `usize`. Hosts with 16-bit addresses cannot hold every size.
    fn size(&self, name: &str, size: Option<u32>) -> Result<usize, DecodeError> {
        let size = self.required(name, size)?;
        usize::try_from(size).map_err(|_| {
            let allowed = "within the address space of this machine";
            DecodeError::field(DecodeErrorKind::Limit, self.at(name), allowed, size)
        })
    }
    /// A byte that says yes or no.
    fn flag(&self, name: &str, flag: Option<u8>) -> Result<bool, DecodeError> {
        match self.required(name, flag)? {
            0 => Ok(false),
            1 => Ok(true),
            other => {
                let kind = DecodeErrorKind::Payload;
                Err(DecodeError::field(kind, self.at(name), "0 or 1", other))
            }
        }
    }
}
