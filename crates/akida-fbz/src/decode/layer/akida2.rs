//! The parameters of layers of Akida 2.0.

use super::Parameters;
use crate::decode::fields::{NO_FIELDS, check_known, unknown};
use crate::error::DecodeError;
use crate::generated as fb;
use akida_sim::{
    Activation, Add, BufferTempConv, Concatenate, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D,
    LayerSpec, Pair, PicoPostProcessing, PostOps, Quantizer, StatefulRecurrent, TemporalParams,
    TransposedParams,
};
use flatbuffers::{Table, VOffsetT};

type Spec = Result<LayerSpec, DecodeError>;

impl Parameters {
    /// Refuses parameters with fields after `last`.
    fn check(&self, table: &Table<'_>, last: VOffsetT) -> Result<(), DecodeError> {
        check_known(table, last, || self.at(""))
    }

    pub(super) fn quantizer(&self, table: Option<fb::Quantizer<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::Quantizer::VT_CHANNELS_FIRST)?;
        Ok(LayerSpec::Quantizer(Quantizer {
            input_shape: self.shape(table.input_shape())?,
            output_bits: self.required("output_bits", table.output_bits())?,
            output_signed: self.flag("output_signed", table.output_signed())?,
            channels_first: self.flag("channels_first", table.channels_first())?,
        }))
    }

    pub(super) fn input_conv2d(&self, table: Option<fb::InputConv2D<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::InputConv2D::VT_POST_OPS)?;
        Ok(LayerSpec::InputConv2D(InputConv2D {
            input_shape: self.shape(table.input_shape())?,
            filters: self.size("filters", table.filters())?,
            conv: self.square_convolution(table.convolution(), table.post_ops())?,
        }))
    }

    pub(super) fn conv2d(&self, table: Option<fb::Conv2D<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::Conv2D::VT_POST_OPS)?;
        Ok(LayerSpec::Conv2D(Conv2D {
            filters: self.size("filters", table.filters())?,
            conv: self.square_convolution(table.convolution(), table.post_ops())?,
        }))
    }

    pub(super) fn depthwise_conv2d(&self, table: Option<fb::DepthwiseConv2D<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::DepthwiseConv2D::VT_POST_OPS)?;
        Ok(LayerSpec::DepthwiseConv2D(DepthwiseConv2D {
            conv: self.square_convolution(table.convolution(), table.post_ops())?,
        }))
    }

    pub(super) fn conv2d_transpose(&self, table: Option<fb::Conv2DTranspose<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::Conv2DTranspose::VT_POST_OPS)?;
        Ok(LayerSpec::Conv2DTranspose(Conv2DTranspose {
            filters: self.size("filters", table.filters())?,
            conv: TransposedParams {
                kernel_size: self.size("kernel_size", table.kernel_size())?,
                post_ops: self.post_ops(table.post_ops())?,
                weights_bits: self.required("weights_bits", table.weights_bits())?,
            },
        }))
    }

    pub(super) fn depthwise_conv2d_transpose(
        &self,
        table: Option<fb::DepthwiseConv2DTranspose<'_>>,
    ) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::DepthwiseConv2DTranspose::VT_POST_OPS)?;
        let conv = TransposedParams {
            kernel_size: self.size("kernel_size", table.kernel_size())?,
            post_ops: self.post_ops(table.post_ops())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
        };
        let layer = DepthwiseConv2DTranspose { conv };
        Ok(LayerSpec::DepthwiseConv2DTranspose(layer))
    }

    pub(super) fn dense1d(&self, table: Option<fb::Dense1D<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::Dense1D::VT_POST_OPS)?;
        Ok(LayerSpec::Dense1D(Dense1D {
            units: self.size("units", table.units())?,
            post_ops: self.post_ops(table.post_ops())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
        }))
    }

    pub(super) fn add(&self, table: Option<fb::Add<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::Add::VT_POST_OP_BUFFER_BITS)?;
        Ok(LayerSpec::Add(Add {
            output_bits: self.required("output_bits", table.output_bits())?,
            buffer_bits: self.required("buffer_bits", table.buffer_bits())?,
            post_op_buffer_bits: self
                .required("post_op_buffer_bits", table.post_op_buffer_bits())?,
            output_signed: self.flag("output_signed", table.output_signed())?,
        }))
    }

    pub(super) fn concatenate(&self, table: Option<fb::Concatenate<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, NO_FIELDS)?;
        Ok(LayerSpec::Concatenate(Concatenate))
    }

    pub(super) fn buffer_temp_conv(&self, table: Option<fb::BufferTempConv<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::BufferTempConv::VT_POST_OPS)?;
        Ok(LayerSpec::BufferTempConv(BufferTempConv {
            filters: self.size("filters", table.filters())?,
            temporal: TemporalParams {
                fifo_size: self.size("fifo_size", table.fifo_size())?,
                post_ops: self.post_ops(table.post_ops())?,
                weights_bits: self.required("weights_bits", table.weights_bits())?,
            },
        }))
    }

    pub(super) fn depthwise_buffer_temp_conv(
        &self,
        table: Option<fb::DepthwiseBufferTempConv<'_>>,
    ) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::DepthwiseBufferTempConv::VT_POST_OPS)?;
        let temporal = TemporalParams {
            fifo_size: self.size("fifo_size", table.fifo_size())?,
            post_ops: self.post_ops(table.post_ops())?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
        };
        let layer = DepthwiseBufferTempConv { temporal };
        Ok(LayerSpec::DepthwiseBufferTempConv(layer))
    }

    pub(super) fn stateful_recurrent(&self, table: Option<fb::StatefulRecurrent<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::StatefulRecurrent::VT_POST_OPS)?;
        Ok(LayerSpec::StatefulRecurrent(StatefulRecurrent {
            stateful_channels: self.size("stateful_channels", table.stateful_channels())?,
            output_channels: self.size("output_channels", table.output_channels())?,
            subsample: self.size("subsample", table.subsample())?,
            post_ops: self.post_ops(table.post_ops())?,
        }))
    }

    pub(super) fn pico_post_processing(&self, table: Option<fb::PicoPostProcessing<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, fb::PicoPostProcessing::VT_BUFFER_BITS)?;
        let buffer_bits = self.required("buffer_bits", table.buffer_bits())?;
        let layer = PicoPostProcessing { buffer_bits };
        Ok(LayerSpec::PicoPostProcessing(layer))
    }

    pub(super) fn dequantizer(&self, table: Option<fb::Dequantizer<'_>>) -> Spec {
        let table = table.ok_or_else(|| self.missing())?;
        self.check(&table._tab, NO_FIELDS)?;
        Ok(LayerSpec::Dequantizer(Dequantizer))
    }

    fn square_convolution(
        &self,
        table: Option<fb::SquareConvolution<'_>>,
        post_ops: Option<fb::PostOps<'_>>,
    ) -> Result<Conv2DParams, DecodeError> {
        let table = self.required("convolution", table)?;
        check_known(&table._tab, fb::SquareConvolution::VT_POOL_STRIDE, || {
            self.at("convolution")
        })?;
        let window = |name, side: Option<u32>| match side {
            None => Ok(None),
            side => self.size(name, side).map(|side| Some(Pair::square(side))),
        };
        let pool_size = window("pool_size", table.pool_size())?;
        let pool_stride = window("pool_stride", table.pool_stride())?;
        Ok(Conv2DParams {
            kernel_size: self.size("kernel_size", table.kernel_size())?,
            padding: self.padding(table.padding())?,
            kernel_stride: self.size("kernel_stride", table.kernel_stride())?,
            pooling: self.pooling(table.pool_type(), pool_size, pool_stride)?,
            post_ops: self.post_ops(post_ops)?,
            weights_bits: self.required("weights_bits", table.weights_bits())?,
        })
    }

    fn post_ops(&self, table: Option<fb::PostOps<'_>>) -> Result<PostOps, DecodeError> {
        let table = self.required("post_ops", table)?;
        check_known(&table._tab, fb::PostOps::VT_POST_OP_BUFFER_BITS, || {
            self.at("post_ops")
        })?;
        let activation = match self.required("activation", table.activation())? {
            fb::Activation::NoActivation => Activation::NoActivation,
            fb::Activation::ReLU => Activation::ReLU,
            fb::Activation::LUT => Activation::Lut,
            other => {
                let allowed = "0 (NoActivation), 1 (ReLU) or 2 (LUT)";
                return Err(unknown(self.at("activation"), allowed, other.0));
            }
        };
        Ok(PostOps {
            activation,
            output_bits: self.required("output_bits", table.output_bits())?,
            output_signed: Some(self.flag("output_signed", table.output_signed())?),
            buffer_bits: self.required("buffer_bits", table.buffer_bits())?,
            post_op_buffer_bits: self
                .required("post_op_buffer_bits", table.post_op_buffer_bits())?,
        })
    }
}
