//! A builder that is told anything.

use akida_fbz::{decode, encode};
use akida_sim::{
    Concat, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, LayerSpec,
    ModelBuilder, Padding, Pair, Pooling, SeparableConvolutional, Shape, Tensor, Weights,
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
                if let Some((name, values)) = source.variable(&builder, index) {
                    let old = builder.layers().get(index).cloned();
                    if builder.set_variable(index, name, values).is_err() {
                        assert_eq!(builder.layers().get(index), old.as_ref());
                    }
                }
            }
            _ => {
                let spec = source.spec(order);
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

    fn spec(&mut self, order: u8) -> LayerSpec {
        match order / 8 % 8 {
            0 | 1 => InputData::new(self.shape(), self.bits()).into(),
            2 => InputConvolutional {
                padding_value: self.byte().unwrap_or(0),
                ..InputConvolutional::new(self.shape(), self.conv())
            }
            .into(),
            3 => Convolutional { conv: self.conv() }.into(),
            4 => SeparableConvolutional { conv: self.conv() }.into(),
            5 | 6 => FullyConnected {
                units: self.size(),
                weights_bits: self.bits(),
                act_bits: self.activation(),
            }
            .into(),
            _ => Concat.into(),
        }
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
