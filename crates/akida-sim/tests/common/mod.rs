//! Random models over every layer type and option, the same for the same seed.

use akida_sim::{
    Concat, Connection, ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData,
    LayerSpec, Model, ModelBuilder, Padding, Pair, Pooling, SeparableConvolutional, Shape, Tensor,
    VariableRule, WeightShape, Weights,
};

/// The most multiplications of a layer: the definition takes milliseconds for them.
pub(crate) const MOST_WORK: usize = 1 << 20;

/// How many multiplications a layer takes at most, of a separable layer twice as many.
pub(crate) fn work(connection: &Connection) -> usize {
    let weights = connection.variables.iter();
    let weights = weights.filter(|variable| matches!(variable.rule, VariableRule::Weights { .. }));
    weights
        .map(|weights| weights.count() * connection.potential_shape.positions())
        .sum()
}

/// A small generator, so that failures repeat.
pub(crate) struct Random(u64);

#[allow(dead_code, reason = "some tests draw models of one generation only")]
impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// The extent of a window or a stride along an axis: mostly small, sometimes that of the map or a little more.
    pub(crate) fn extent(&mut self, map: usize, small: usize) -> usize {
        match self.below(12) {
            0 => map,
            1 => 1 + self.below(map + 2),
            _ => 1 + self.below(small),
        }
    }

    fn extents(&mut self, map: Shape, small: usize) -> Pair {
        Pair::new(self.extent(map.x, small), self.extent(map.y, small))
    }

    /// Parameters for a map, which need not fit.
    fn conv(&mut self, input: Shape, output: bool) -> ConvParams {
        let padding = self.pick(&[Padding::Same, Padding::Valid]);
        // Windows of 3x3, for which there are kernels, as often as all others.
        let mut kernel_size = match self.below(2) {
            0 => Pair::square(3),
            _ => self.extents(input, 5),
        };
        if padding == Padding::Valid {
            kernel_size = Pair::new(kernel_size.x.min(input.x), kernel_size.y.min(input.y));
        }
        let pooling = match self.below(4) {
            0 => Pooling::GlobalAverage,
            // Windows of one or two cells fit any map that Valid leaves, or are refused and drawn again.
            1 | 2 => Pooling::Max {
                size: self.extents(input, 3),
                stride: self.extents(input, 3),
            },
            _ => Pooling::None,
        };
        ConvParams {
            kernel_size,
            filters: match self.below(12) {
                0 => self.pick(&[100, 128, 200, 257]),
                _ => self.pick(&[1, 3, 4, 7, 8, 9, 16, 17, 32, 33, 65]),
            },
            padding,
            kernel_stride: self.extents(input, 3),
            weights_bits: self.pick(&[1, 2, 4, 8]),
            pooling,
            act_bits: if output && self.below(2) == 0 {
                None
            } else {
                Some(self.pick(&[1, 2, 4]))
            },
        }
    }

    pub(crate) fn weights(&mut self, shape: WeightShape, bits: u8) -> Weights {
        let max = if bits == 1 {
            1
        } else {
            (1i64 << (bits - 1)) - 1
        };
        let min = if bits == 1 { 0 } else { -max };
        // Each channel or filter has weights of its own size, so that sums need different numbers of bytes.
        let sizes: Vec<i64> = (0..7).map(|_| self.pick(&[1, 2, 4])).collect();
        let value = |random: &mut Self, size: i64| match random.below(4) {
            0 => max / size,
            1 => min / size,
            _ => (min + random.below((max - min + 1) as usize) as i64) / size,
        };
        let values = (0..shape.iter().product())
            .map(|i| value(self, sizes[i % shape[3].max(shape[2]) % 7]) as i8)
            .collect();
        Weights::new(shape, values).unwrap()
    }

    pub(crate) fn variables(&mut self, connection: &Connection) -> Vec<Tensor> {
        // Thresholds and steps around the potentials that occur, so that every level does.
        let reach = (f64::from(connection.potential_bound) / 4.0).max(1.0);
        let threshold = |r: &mut Self| match r.below(12) {
            0 => i32::MAX - r.below(4) as i32,
            1 => i32::MIN + r.below(4) as i32,
            2 => r.next() as i32,
            _ => ((r.below(2001) as f64 / 1000.0 - 1.0) * reach / 4.0) as i32,
        };
        let act_step = |r: &mut Self| match r.below(12) {
            0 => f32::MAX,
            1 => f32::from_bits(1),
            _ => (r.below(1000) as f64 / 16000.0 * reach + 1.0 / 3.0) as f32,
        };
        let variables = connection.variables.iter();
        variables
            .map(|variable| match variable.rule {
                VariableRule::Weights { bits } => {
                    let shape = variable.weight_shape().unwrap();
                    Tensor::Weights(self.weights(shape, bits))
                }
                VariableRule::Integers { .. } | VariableRule::Bounds => {
                    Tensor::Integers((0..variable.count()).map(|_| threshold(self)).collect())
                }
                VariableRule::Positive => {
                    Tensor::Floats((0..variable.count()).map(|_| act_step(self)).collect())
                }
            })
            .collect()
    }

    /// Adds a random layer; draws again until one fits.
    fn add(&mut self, builder: &mut ModelBuilder, inbounds: &[usize], output: bool) -> usize {
        for _ in 0..200 {
            let count = builder.layers().len();
            let source = inbounds.first().copied().unwrap_or(count.wrapping_sub(1));
            let spec: LayerSpec = match builder.layers().get(source) {
                None if self.below(2) == 0 => {
                    let channels = match self.below(12) {
                        0 => self.pick(&[100, 128, 255, 300, 513]),
                        1..=3 => self.pick(&[16, 32, 64, 65]),
                        _ => 1 + self.below(18),
                    };
                    let shape = match self.below(8) {
                        0 => Shape::new(1, 1, channels),
                        _ => Shape::new(1 + self.below(9), 1 + self.below(20), channels),
                    };
                    InputData::new(shape, self.pick(&[1, 2, 4])).into()
                }
                None => {
                    let shape =
                        Shape::new(1 + self.below(11), 1 + self.below(11), self.pick(&[1, 3]));
                    let conv = self.conv(shape, false);
                    let mut layer = InputConvolutional::new(shape, conv);
                    layer.padding_value = self.next() as u8;
                    layer.into()
                }
                Some(layer) => {
                    let shape = layer.connection().output.shape;
                    match self.below(3) {
                        0 => Convolutional {
                            conv: self.conv(shape, output),
                        }
                        .into(),
                        1 => SeparableConvolutional {
                            conv: self.conv(shape, output),
                        }
                        .into(),
                        _ => FullyConnected {
                            units: self.pick(&[1, 5, 8, 10, 32]),
                            weights_bits: self.pick(&[1, 2, 4, 8]),
                            act_bits: if output {
                                None
                            } else {
                                Some(self.pick(&[1, 2, 4]))
                            },
                        }
                        .into(),
                    }
                }
            };
            let Ok(connection) = builder.connect("", &spec, inbounds) else {
                continue;
            };
            if work(&connection) > MOST_WORK {
                continue;
            }
            let variables = self.variables(&connection);
            return builder
                .add_with_variables("", spec, inbounds, variables)
                .unwrap();
        }
        panic!("no layer fits in 200 draws");
    }

    /// A model of one to six layers, some with branches joined by `Concat`; one of 32 has more of both.
    pub(crate) fn model(&mut self) -> Model {
        let mut builder = ModelBuilder::new();
        let large = self.below(32) == 0;
        let first = self.add(&mut builder, &[], false);
        if large || self.below(3) == 0 {
            self.branches(&mut builder, first, if large { 12 } else { 3 });
        }
        for _ in 0..self.below(if large { 24 } else { 3 }) {
            let last = builder.layers().len() - 1;
            self.add(&mut builder, &[last], false);
        }
        let last = builder.layers().len() - 1;
        if self.below(4) != 0 {
            self.add(&mut builder, &[last], true);
        }
        builder.build().unwrap()
    }

    /// Two to `most` branches of `source`, joined by a `Concat`. Some read another branch, some are named several times.
    fn branches(&mut self, builder: &mut ModelBuilder, source: usize, most: usize) {
        let mut branches: Vec<usize> = Vec::new();
        for _ in 0..2 + self.below(most - 1) {
            let from = match self.below(4) {
                0 => branches.last().copied().unwrap_or(source),
                _ => source,
            };
            branches.push(self.branch(builder, from));
        }
        if self.below(3) == 0 {
            for _ in 0..1 + self.below(3) {
                let again = self.pick(&branches);
                branches.insert(self.below(branches.len()), again);
            }
        }
        builder.add("", Concat, &branches).unwrap();
    }

    /// A 1x1 convolution of `source`, so that branches have equal sizes and widths.
    fn branch(&mut self, builder: &mut ModelBuilder, source: usize) -> usize {
        let conv = ConvParams {
            weights_bits: self.pick(&[1, 2, 4, 8]),
            act_bits: Some(2),
            ..ConvParams::new(Pair::square(1), self.pick(&[1, 4, 9]))
        };
        let spec = LayerSpec::from(Convolutional { conv });
        let connection = builder.connect("", &spec, &[source]).unwrap();
        let variables = self.variables(&connection);
        builder
            .add_with_variables("", spec, &[source], variables)
            .unwrap()
    }

    /// `samples` random inputs of `model`, the ends of the range often.
    pub(crate) fn inputs(&mut self, model: &Model, samples: usize) -> Vec<u8> {
        let max = ((1u16 << model.input().format.bits) - 1) as usize;
        let value = |random: &mut Self| match random.below(4) {
            0 => 0,
            1 => max as u8,
            _ => random.below(max + 1) as u8,
        };
        (0..samples * model.input().shape.len())
            .map(|_| value(self))
            .collect()
    }
}
