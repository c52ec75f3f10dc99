//! The type and the parameters of a layer.

use super::fields::{check_known, required, unknown};
use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::generated as fb;
use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, LayerSpec,
    Padding, Pair, Pooling, SeparableConvolutional, Shape,
};

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
        fb::Parameters::NONE => Err(parameters.missing()),
        other => Err(unknown(
            parameters.at("parameters_type"),
            "a layer type from 1 (InputData) to 6 (Concat)",
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

    fn input_convolutional(
        &self,
        table: Option<fb::InputConvolutional<'_>>,
    ) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(&table._tab, fb::InputConvolutional::VT_CONVOLUTION, || {
            self.at("")
        })?;
        Ok(LayerSpec::InputConvolutional(InputConvolutional {
            input_shape: self.shape(table.input_shape())?,
            padding_value: self.required("padding_value", table.padding_value())?,
            conv: self.convolution(table.convolution())?,
        }))
    }

    fn convolutional(
        &self,
        table: Option<fb::Convolutional<'_>>,
    ) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(&table._tab, fb::Convolutional::VT_CONVOLUTION, || {
            self.at("")
        })?;
        Ok(LayerSpec::Convolutional(Convolutional {
            conv: self.convolution(table.convolution())?,
        }))
    }

    fn separable_convolutional(
        &self,
        table: Option<fb::SeparableConvolutional<'_>>,
    ) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(
            &table._tab,
            fb::SeparableConvolutional::VT_CONVOLUTION,
            || self.at(""),
        )?;
        Ok(LayerSpec::SeparableConvolutional(SeparableConvolutional {
            conv: self.convolution(table.convolution())?,
        }))
    }

    fn fully_connected(
        &self,
        table: Option<fb::FullyConnected<'_>>,
    ) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        check_known(&table._tab, fb::FullyConnected::VT_ACT_BITS, || self.at(""))?;
        Ok(LayerSpec::FullyConnected(FullyConnected {
            units: self.size("units", table.units())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
            act_bits: table.act_bits(),
        }))
    }

    fn concat(&self, table: Option<fb::Concat<'_>>) -> Result<LayerSpec, DecodeError> {
        let table = table.ok_or_else(|| self.missing())?;
        // The table has no fields: everything from offset 4 on is unknown.
        check_known(&table._tab, 2, || self.at(""))?;
        Ok(LayerSpec::Concat(Concat))
    }

    fn convolution(&self, table: Option<fb::Convolution<'_>>) -> Result<ConvParams, DecodeError> {
        let table = self.required("convolution", table)?;
        check_known(&table._tab, fb::Convolution::VT_ACT_BITS, || {
            self.at("convolution")
        })?;
        let padding = match self.required("padding", table.padding())? {
            fb::Padding::Valid => Padding::Valid,
            fb::Padding::Same => Padding::Same,
            other => {
                let allowed = "0 (Valid) or 1 (Same)";
                return Err(unknown(self.at("padding"), allowed, other.0));
            }
        };
        Ok(ConvParams {
            kernel_size: self.pair("kernel_size", table.kernel_size())?,
            filters: self.size("filters", table.filters())?,
            padding,
            kernel_stride: self.pair("kernel_stride", table.kernel_stride())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
            pooling: self.pooling(table)?,
            act_bits: table.act_bits(),
        })
    }

    fn pooling(&self, table: fb::Convolution<'_>) -> Result<Pooling, DecodeError> {
        let pooling = match self.required("pool_type", table.pool_type())? {
            fb::PoolType::NoPooling => Pooling::None,
            fb::PoolType::Average => Pooling::GlobalAverage,
            fb::PoolType::Max => {
                return Ok(Pooling::Max {
                    size: self.pair("pool_size", table.pool_size())?,
                    stride: self.pair("pool_stride", table.pool_stride())?,
                });
            }
            other => {
                let allowed = "0 (NoPooling), 1 (Max) or 2 (Average)";
                return Err(unknown(self.at("pool_type"), allowed, other.0));
            }
        };
        let windows = [
            ("pool_size", table.pool_size()),
            ("pool_stride", table.pool_stride()),
        ];
        for (name, window) in windows {
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

    fn pair(&self, name: &str, pair: Option<&fb::Size>) -> Result<Pair, DecodeError> {
        let pair = self.required(name, pair)?;
        Ok(Pair::new(
            self.size(name, Some(pair.height()))?,
            self.size(name, Some(pair.width()))?,
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
}
