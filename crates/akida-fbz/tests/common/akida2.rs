//! Random models of Akida 2.0.

use super::Source;
use akida_sim::*;

impl Source<'_> {
    /// Mostly small; of large models sometimes hundreds.
    fn channels(&mut self) -> usize {
        match self.is_large(8) {
            true => self.size(300),
            false => self.size(7),
        }
    }

    fn weights_bits(&mut self) -> u8 {
        self.pick(&[2, 4, 8])
    }

    fn post_ops(&mut self, activations: &[Activation], accumulators: bool) -> PostOps {
        let activation = self.pick(activations);
        let output_bits = match accumulators {
            true => self.pick(&[17, 28, 32]),
            false => self.pick(&[2, 3, 4, 7, 8, 8, 16]),
        };
        let unsigned = output_bits <= 8;
        PostOps {
            output_bits,
            output_signed: match self.below(3) {
                0 => Some(!unsigned || self.below(2) == 0),
                _ => None,
            },
            buffer_bits: self.pick(&[16, 20, 28, 32]),
            post_op_buffer_bits: self.pick(&[16, 27, 32]),
            ..PostOps::new(activation)
        }
    }

    fn any_post_ops(&mut self) -> PostOps {
        // Tables are long.
        const ALL: [Activation; 9] = {
            use Activation::{Lut, NoActivation as None, ReLU};
            [None, None, None, None, ReLU, ReLU, ReLU, ReLU, Lut]
        };
        self.post_ops(&ALL, false)
    }

    fn plain_post_ops(&mut self, accumulators: bool) -> PostOps {
        self.post_ops(&[Activation::NoActivation, Activation::ReLU], accumulators)
    }

    fn square_conv(&mut self) -> Conv2DParams {
        let paddings = [Padding::Same, Padding::Valid, Padding::SameUpper];
        let pooling = match self.below(5) {
            0 => Pooling::GlobalAverage,
            1 | 2 => Pooling::Max {
                size: Pair::square(self.size(3)),
                stride: Pair::square(self.wide(3)),
            },
            _ => Pooling::None,
        };
        Conv2DParams {
            kernel_size: self.size(4),
            padding: match pooling {
                Pooling::Max { .. } => self.pick(&paddings[..2]),
                Pooling::None | Pooling::GlobalAverage => self.pick(&paddings),
            },
            kernel_stride: self.wide(3),
            pooling,
            post_ops: self.any_post_ops(),
            weights_bits: self.weights_bits(),
        }
    }

    fn transposed(&mut self) -> TransposedParams {
        TransposedParams {
            kernel_size: 2 + self.below(3),
            post_ops: self.any_post_ops(),
            weights_bits: self.weights_bits(),
        }
    }

    fn temporal(&mut self) -> TemporalParams {
        TemporalParams {
            fifo_size: self.size(5),
            post_ops: self.plain_post_ops(false),
            weights_bits: self.weights_bits(),
        }
    }

    fn dense(&mut self, units: usize, accumulators: bool) -> Dense1D {
        Dense1D {
            units,
            post_ops: self.plain_post_ops(accumulators),
            weights_bits: self.weights_bits(),
        }
    }

    fn sum(&mut self) -> Add {
        let post_ops = self.plain_post_ops(false);
        Add {
            output_bits: post_ops.output_bits,
            output_signed: post_ops.is_signed() || post_ops.output_bits > 8,
            buffer_bits: post_ops.buffer_bits,
            post_op_buffer_bits: post_ops.post_op_buffer_bits,
        }
    }

    /// The layers that take the model's inputs.
    fn entry(&mut self, builder: &mut ModelBuilder) {
        let shape = match self.below(4) {
            0 => Shape::new(1, self.wide(12), self.size(5)),
            _ => Shape::new(self.wide(9), self.wide(7), self.size(5)),
        };
        let bits = self.pick(&[8, 16]);
        let mut quantizer = Quantizer {
            input_shape: shape,
            output_bits: bits,
            output_signed: true,
            channels_first: self.below(2) == 0,
        };
        match self.below(4) {
            0 => {
                let bits = self.pick(&[1, 2, 4, bits]);
                self.add(builder, InputData::new(shape, bits), &[]);
            }
            1 => {
                self.add(builder, quantizer, &[]);
                let shape = builder.layers()[0].connection().output.shape;
                if self.below(2) == 0 {
                    self.add(builder, InputData::new(shape, bits), &[0]);
                }
            }
            kind => {
                let image = Shape {
                    c: self.pick(&[1, 3]),
                    ..shape
                };
                let with_quantizer = kind == 2;
                if with_quantizer {
                    quantizer.input_shape = match quantizer.channels_first {
                        true => Shape::new(image.c, image.x, image.y),
                        false => image,
                    };
                    (quantizer.output_bits, quantizer.output_signed) = (8, false);
                    self.add(builder, quantizer, &[]);
                }
                let layer = InputConv2D {
                    input_shape: image,
                    filters: self.channels(),
                    conv: self.square_conv(),
                };
                let inbounds: &[usize] = if with_quantizer { &[0] } else { &[] };
                if self.add(builder, layer, inbounds).is_none() && !with_quantizer {
                    self.add(builder, InputData::new(shape, bits), &[]);
                }
            }
        }
    }

    /// Two layers that read `last`, and the layer that reads both.
    fn branches(&mut self, builder: &mut ModelBuilder, last: usize) -> Option<usize> {
        let mut conv = self.square_conv();
        (conv.padding, conv.pooling) = (Padding::Same, Pooling::None);
        conv.kernel_stride = 1;
        let filters = self.channels();
        let left = self.add(builder, Conv2D { filters, conv }, &[last])?;
        let (kernel_size, post_ops) = (self.size(3), self.any_post_ops());
        let same_format = self.below(2) == 0;
        let right = Conv2DParams {
            kernel_size,
            post_ops: if same_format { conv.post_ops } else { post_ops },
            ..conv
        };
        let right = self.add(
            builder,
            Conv2D {
                filters,
                conv: right,
            },
            &[last],
        )?;
        if self.below(2) == 0 {
            let sum = self.sum();
            return self.add(builder, sum, &[right, left]);
        }
        let mut inbounds = vec![right, left];
        for _ in 0..self.below(4) {
            inbounds.push(self.pick(&[right, left]));
        }
        let joined = self.add(builder, Concatenate, &inbounds);
        match joined {
            Some(joined) => Some(joined),
            // Formats that cannot be joined can be added.
            None => {
                let sum = self.sum();
                self.add(builder, sum, &[left, right])
            }
        }
    }

    /// The last layers, of which not every model has some.
    fn end(&mut self, builder: &mut ModelBuilder) {
        let last = builder.layers().len() - 1;
        match self.below(4) {
            0 => {
                let dense = self.dense(1, true);
                let units = self.channels();
                self.add(builder, Dense1D { units, ..dense }, &[last]);
            }
            1 => {
                let units = self.channels();
                let (prediction, target) = (self.dense(units, true), self.dense(units, false));
                let prediction = self.add(builder, prediction, &[last]);
                let target = self.add(builder, target, &[last]);
                if let (Some(prediction), Some(target)) = (prediction, target) {
                    let buffer_bits = self.pick(&[33, 44, 63]);
                    let pico = PicoPostProcessing { buffer_bits };
                    self.add(builder, pico, &[prediction, target]);
                }
            }
            2 => {
                let conv = Conv2DParams {
                    pooling: Pooling::GlobalAverage,
                    padding: Padding::Same,
                    post_ops: self.plain_post_ops(true),
                    ..self.square_conv()
                };
                let filters = self.channels();
                self.add(builder, Conv2D { filters, conv }, &[last]);
            }
            _ => {}
        }
        if self.below(3) == 0 {
            let last = builder.layers().len() - 1;
            self.add(builder, Dequantizer, &[last]);
        }
    }
}

/// A model of Akida 2.0, of layers of all types, graphs and options.
pub(super) fn model_from(mut source: Source<'_>) -> Model {
    let mut builder = ModelBuilder::new();
    source.entry(&mut builder);
    let layers = match source.is_large(8) {
        true => 20,
        false => source.below(5),
    };
    for _ in 0..layers {
        let last = builder.layers().len() - 1;
        let filters = source.channels();
        match source.below(10) {
            0 | 1 => {
                source.branches(&mut builder, last);
            }
            2 => {
                let conv = source.square_conv();
                source.add(&mut builder, Conv2D { filters, conv }, &[last]);
            }
            3 => {
                let conv = source.square_conv();
                source.add(&mut builder, DepthwiseConv2D { conv }, &[last]);
            }
            4 => {
                let conv = source.transposed();
                source.add(&mut builder, Conv2DTranspose { filters, conv }, &[last]);
            }
            5 => {
                let conv = source.transposed();
                source.add(&mut builder, DepthwiseConv2DTranspose { conv }, &[last]);
            }
            6 => {
                let temporal = source.temporal();
                let layer = BufferTempConv { filters, temporal };
                source.add(&mut builder, layer, &[last]);
            }
            7 => {
                let temporal = source.temporal();
                let layer = DepthwiseBufferTempConv { temporal };
                source.add(&mut builder, layer, &[last]);
            }
            8 => {
                let layer = StatefulRecurrent {
                    stateful_channels: source.size(9),
                    output_channels: filters,
                    subsample: source.size(2),
                    post_ops: source.plain_post_ops(false),
                };
                source.add(&mut builder, layer, &[last]);
            }
            _ => {
                let dense = source.dense(filters, false);
                source.add(&mut builder, dense, &[last]);
            }
        }
    }
    source.end(&mut builder);
    builder.set_input_scaling(source.scaling());
    // The sum over a map may leave 32 bits, and a branch may have found no reader.
    loop {
        if let Ok(model) = builder.build() {
            return model;
        }
        builder.pop().expect("the first layer alone is a model");
    }
}
