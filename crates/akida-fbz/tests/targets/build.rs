//! A builder that is told anything.

use akida_fbz::{decode, encode};
use akida_sim::{
    Activation, Add, BufferTempConv, Concat, Concatenate, Conv2D, Conv2DParams, Conv2DTranspose,
    ConvParams, Convolutional, Dense1D, DepthwiseBufferTempConv, DepthwiseConv2D,
    DepthwiseConv2DTranspose, Dequantizer, FullyConnected, InputConv2D, InputConvolutional,
    InputData, LayerSpec, ModelBuilder, Padding, Pair, PicoPostProcessing, Pooling, PostOps,
    Quantizer, SeparableConvolutional, Shape, StatefulRecurrent, TemporalParams, Tensor,
    TransposedParams, VariableRule, Weights,
};

/// Variables of more elements are not asked for: the builder would make them.
const MAX_ELEMENTS: usize = 1 << 16;

/// Bytes as orders to a [`ModelBuilder`], most of them possible, some absurd. Whatever the builder makes is written and
/// read; what it refuses leaves it unchanged.
pub fn build_model(data: &[u8]) {
    let mut source = Source(data);
    let mut builder = ModelBuilder::new();
    while let Some(order) = source.byte() {
        let before = builder.layers().len();
        match order % 8 {
            0 => {
                builder.pop();
            }
            1 | 2 => {
                let index = source.number(before + 1);
                let variable = match order & 8 {
                    0 => source.variable(&builder, index),
                    _ => source.tensor(&builder, index),
                };
                if let Some((name, values)) = variable {
                    let old = builder.layers().get(index).cloned();
                    if builder.set_variable(index, name, values).is_err() {
                        assert_eq!(builder.layers().get(index), old.as_ref());
                    }
                }
            }
            _ => {
                let spec = source.spec();
                let name = source.name();
                let inbounds: Vec<usize> = (0..source.number(4))
                    .map(|_| source.number(before + 2))
                    .collect();
                match builder.connect(&name, &spec, &inbounds) {
                    Ok(connection) => {
                        let mut variables = connection.variables.iter();
                        if variables.all(|variable| variable.count() <= MAX_ELEMENTS) {
                            builder
                                .add(&name, spec, &inbounds)
                                .expect("what connects can be added");
                        }
                    }
                    Err(error) => {
                        let message = error.to_string();
                        assert!(!message.contains(char::is_control), "{message:?}");
                        let added = builder.add(&name, spec, &inbounds);
                        assert_eq!(added, Err(error));
                        assert_eq!(builder.layers().len(), before);
                    }
                }
            }
        }
    }
    if let Ok(model) = builder.build() {
        let file = encode(&model).expect("a small model can be written");
        assert_eq!(decode(&file).as_ref(), Ok(&model));
    }
}

struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self, end: usize) -> usize {
        usize::from(self.byte().unwrap_or(0)) % end.max(1)
    }

    /// Mostly small, sometimes at an end of what fits.
    fn size(&mut self) -> usize {
        match self.byte().unwrap_or(1) {
            small @ 0..=0xE0 => usize::from(small % 12),
            0xE1..=0xF0 => 1 << self.number(usize::BITS as usize),
            0xF1..=0xF8 => (1 << 16) - 1 + self.number(3),
            0xF9..=0xFC => (1 << 31) - 2 + self.number(4),
            _ => usize::MAX - self.number(2),
        }
    }

    fn bits(&mut self) -> u8 {
        match self.byte().unwrap_or(0) {
            any @ 0xF0.. => any,
            some => [1, 2, 4, 8][usize::from(some % 4)],
        }
    }

    fn shape(&mut self) -> Shape {
        Shape::new(self.size(), self.size(), self.size())
    }

    fn pair(&mut self) -> Pair {
        Pair::new(self.size(), self.size())
    }

    fn name(&mut self) -> String {
        let length = self.number(6);
        let bytes = self.0.get(..length).unwrap_or_default();
        self.0 = &self.0[bytes.len()..];
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn activation(&mut self) -> Option<u8> {
        match self.byte().unwrap_or(0) % 4 {
            0 => None,
            _ => Some(self.bits()),
        }
    }

    fn conv(&mut self) -> ConvParams {
        ConvParams {
            kernel_size: self.pair(),
            filters: self.size(),
            padding: [Padding::Same, Padding::Valid][self.number(2)],
            kernel_stride: self.pair(),
            weights_bits: self.bits(),
            pooling: match self.number(4) {
                0 => Pooling::GlobalAverage,
                1 => Pooling::Max {
                    size: self.pair(),
                    stride: self.pair(),
                },
                _ => Pooling::None,
            },
            act_bits: self.activation(),
        }
    }

    fn spec(&mut self) -> LayerSpec {
        match self.number(22) {
            0 | 1 => InputData {
                input_bits: self.pick(&[1, 2, 4, 8, 16]),
                ..InputData::new(self.shape(), 1)
            }
            .into(),
            2 => InputConvolutional {
                padding_value: self.byte().unwrap_or(0),
                ..InputConvolutional::new(self.shape(), self.conv())
            }
            .into(),
            3 => Convolutional { conv: self.conv() }.into(),
            4 => SeparableConvolutional { conv: self.conv() }.into(),
            5 => FullyConnected {
                units: self.size(),
                weights_bits: self.bits(),
                act_bits: self.activation(),
            }
            .into(),
            6 => Concat.into(),
            kind => self.akida2(kind),
        }
    }

    /// A layer of Akida 2.0.
    fn akida2(&mut self, kind: usize) -> LayerSpec {
        match kind {
            7 | 8 => Quantizer {
                input_shape: self.shape(),
                output_bits: self.bits(),
                output_signed: self.number(2) == 1,
                channels_first: self.number(2) == 1,
            }
            .into(),
            9 => InputConv2D {
                input_shape: self.shape(),
                filters: self.size(),
                conv: self.square_conv(),
            }
            .into(),
            10 => Conv2D {
                filters: self.size(),
                conv: self.square_conv(),
            }
            .into(),
            11 => DepthwiseConv2D {
                conv: self.square_conv(),
            }
            .into(),
            12 => Conv2DTranspose {
                filters: self.size(),
                conv: self.transposed(),
            }
            .into(),
            13 => DepthwiseConv2DTranspose {
                conv: self.transposed(),
            }
            .into(),
            14 => Dense1D {
                units: self.size(),
                post_ops: self.post_ops(),
                weights_bits: self.bits(),
            }
            .into(),
            15 => {
                let post_ops = self.post_ops();
                let widths = Add {
                    output_bits: post_ops.output_bits,
                    buffer_bits: post_ops.buffer_bits,
                    post_op_buffer_bits: post_ops.post_op_buffer_bits,
                    output_signed: post_ops.is_signed(),
                };
                widths.into()
            }
            16 => Concatenate.into(),
            17 => BufferTempConv {
                filters: self.size(),
                temporal: self.temporal(),
            }
            .into(),
            18 => DepthwiseBufferTempConv {
                temporal: self.temporal(),
            }
            .into(),
            19 => StatefulRecurrent {
                stateful_channels: self.size(),
                output_channels: self.size(),
                subsample: self.size(),
                post_ops: self.post_ops(),
            }
            .into(),
            20 => PicoPostProcessing {
                buffer_bits: self.pick(&[33, 44, 63, 64]),
            }
            .into(),
            _ => Dequantizer.into(),
        }
    }

    fn square_conv(&mut self) -> Conv2DParams {
        Conv2DParams {
            kernel_size: self.size(),
            padding: self.pick(&[Padding::Same, Padding::Valid, Padding::SameUpper]),
            kernel_stride: self.size(),
            pooling: match self.number(6) {
                0 => Pooling::GlobalAverage,
                1 => Pooling::Max {
                    size: Pair::square(self.size()),
                    stride: Pair::square(self.size()),
                },
                2 => Pooling::Max {
                    size: self.pair(),
                    stride: self.pair(),
                },
                _ => Pooling::None,
            },
            post_ops: self.post_ops(),
            weights_bits: self.bits(),
        }
    }

    fn transposed(&mut self) -> TransposedParams {
        TransposedParams {
            kernel_size: self.size(),
            post_ops: self.post_ops(),
            weights_bits: self.bits(),
        }
    }

    fn temporal(&mut self) -> TemporalParams {
        TemporalParams {
            fifo_size: self.size(),
            post_ops: self.post_ops(),
            weights_bits: self.bits(),
        }
    }

    fn post_ops(&mut self) -> PostOps {
        let all = [Activation::NoActivation, Activation::ReLU, Activation::Lut];
        PostOps {
            output_bits: self.pick(&[8, 8, 4, 16, 32, 1, 0, 33]),
            output_signed: self.pick(&[None, None, Some(false), Some(true)]),
            buffer_bits: self.pick(&[28, 32, 16, 33]),
            post_op_buffer_bits: self.pick(&[32, 27, 16, 15]),
            ..PostOps::new(self.pick(&all))
        }
    }

    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.number(values.len())].clone()
    }

    /// A variable of Akida 2.0 for the layer at `index`, with values that its rule may refuse.
    fn tensor(&mut self, builder: &ModelBuilder, index: usize) -> Option<(&'static str, Tensor)> {
        let layer = builder.layers().get(index)?;
        let variables = &layer.connection().variables;
        let variable = variables.get(self.number(variables.len()))?;
        let count = variable.count().saturating_sub(self.number(16) / 15);
        let pattern: Vec<u8> = (0..1 + self.number(8))
            .map(|_| self.byte().unwrap_or(0))
            .collect();
        let bytes = pattern.into_iter().cycle().take(count);
        let tensor = match variable.rule {
            VariableRule::Weights { .. } => {
                let shape = variable.weight_shape()?;
                let weights = Weights::new(shape, bytes.map(|byte| byte as i8).collect());
                weights.ok()?.into()
            }
            VariableRule::Integers { .. } | VariableRule::Bounds => {
                // The bytes 0 to 0xFF, −1 to −0x7F, and numbers of up to 31 bits.
                let integer = |byte: u8| match byte % 4 {
                    0 => i32::from(byte as i8),
                    1 => i32::from(byte) << (byte >> 3),
                    _ => i32::from(byte),
                };
                Tensor::Integers(bytes.map(integer).collect())
            }
            VariableRule::Positive => {
                let float = |byte| f32::from_bits(u32::from(byte) << 23);
                Tensor::Floats(bytes.map(float).collect())
            }
        };
        Some((variable.name, tensor))
    }

    /// A variable for the layer at `index`: of its shape, or of another.
    fn variable(&mut self, builder: &ModelBuilder, index: usize) -> Option<(&'static str, Tensor)> {
        let choice = self.byte()?;
        let layer = builder.layers().get(index);
        let layer = layer.filter(|layer| layer.weights().is_some() && choice & 0x10 == 0);
        let shape = match layer {
            Some(layer) if choice % 4 == 1 => layer
                .pointwise_weights()
                .map_or([1, 1, 1, 1], Weights::shape),
            Some(layer) => layer.weights().map_or([1, 1, 1, 1], Weights::shape),
            None => [
                self.number(4),
                self.number(4),
                self.number(4),
                self.number(4),
            ],
        };
        let count = shape.iter().product();
        let filters = match layer.and_then(|layer| layer.thresholds()) {
            Some(thresholds) => thresholds.filters().len(),
            None => shape[3],
        };
        let values = |source: &mut Self| {
            let pattern: Vec<u8> = (0..1 + source.number(8))
                .map(|_| source.byte().unwrap_or(0))
                .collect();
            pattern.into_iter().cycle()
        };
        Some(match choice % 4 {
            kind @ (0 | 1) => {
                let bits = self.bits();
                let weights = match choice & 0x20 {
                    0 => {
                        let bytes = values(self).map(|byte| byte as i8);
                        Weights::new(shape, bytes.take(count).collect()).ok()?
                    }
                    _ => {
                        let per_byte = usize::from(8u8.checked_div(bits).unwrap_or(0).max(1));
                        let bytes: Vec<u8> = values(self).take(count.div_ceil(per_byte)).collect();
                        Weights::from_packed(shape, bits, &bytes).ok()?
                    }
                };
                match kind {
                    0 => ("weights", weights.into()),
                    _ => ("weights_pw", weights.into()),
                }
            }
            2 => {
                let numbers = values(self).map(|byte| (i32::from(byte) << 24) + 1);
                (
                    "threshold",
                    Tensor::Integers(numbers.take(filters).collect()),
                )
            }
            _ => {
                let steps = values(self).map(|byte| f32::from_bits(u32::from(byte) << 23));
                ("act_step", Tensor::Floats(steps.take(filters).collect()))
            }
        })
    }
}
