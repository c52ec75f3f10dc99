//! The parameters of layers of Akida 1.0.

use super::Parameters;
use crate::decode::fields::check_known;
use crate::error::DecodeError;
use crate::generated as fb;
use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, LayerSpec, Pair,
    SeparableConvolutional,
};

impl Parameters {
    pub(super) fn input_convolutional(
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

    pub(super) fn convolutional(
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

    pub(super) fn separable_convolutional(
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

    pub(super) fn fully_connected(
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

    fn convolution(&self, table: Option<fb::Convolution<'_>>) -> Result<ConvParams, DecodeError> {
        let table = self.required("convolution", table)?;
        check_known(&table._tab, fb::Convolution::VT_ACT_BITS, || {
            self.at("convolution")
        })?;
        let window = |name, size: Option<&fb::Size>| match size {
            None => Ok(None),
            size => self.pair(name, size).map(Some),
        };
        let pool_size = window("pool_size", table.pool_size())?;
        let pool_stride = window("pool_stride", table.pool_stride())?;
        Ok(ConvParams {
            kernel_size: self.pair("kernel_size", table.kernel_size())?,
            filters: self.size("filters", table.filters())?,
            padding: self.padding(table.padding())?,
            kernel_stride: self.pair("kernel_stride", table.kernel_stride())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
            pooling: self.pooling(table.pool_type(), pool_size, pool_stride)?,
            act_bits: table.act_bits(),
        })
    }

    fn pair(&self, name: &str, pair: Option<&fb::Size>) -> Result<Pair, DecodeError> {
        let pair = self.required(name, pair)?;
        Ok(Pair::new(
            self.size(name, Some(pair.height()))?,
            self.size(name, Some(pair.width()))?,
        ))
    }
}
