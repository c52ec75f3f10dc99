//! Random models of Akida 2.0 over every layer type and option, the same for the same seed.

use super::common::{MOST_WORK, Random, work};
use akida_sim::{
    Activation, Add, BufferTempConv, Concatenate, Connection, Conv2D, Conv2DParams,
    Conv2DTranspose, Dense1D, DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose,
    Dequantizer, Format, InputConv2D, InputData, Inputs, LayerSpec, Model, ModelBuilder, Operation,
    Padding, Pair, PicoPostProcessing, Pooling, PostOps, Quantizer, Shape, StatefulRecurrent,
    TemporalParams, Tensor, TransposedParams, VariableRule,
};

/// Inputs of a random model, in the type that it takes.
#[derive(Debug)]
pub(crate) enum Batch {
    U8(Vec<u8>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    F32(Vec<f32>),
}

impl Batch {
    /// The values of the samples from `first` to `end`, of `sample` values each.
    pub(crate) fn samples(&self, first: usize, end: usize, sample: usize) -> Inputs<'_> {
        let range = first * sample..end * sample;
        match self {
            Self::U8(values) => (&values[range]).into(),
            Self::I8(values) => (&values[range]).into(),
            Self::I16(values) => (&values[range]).into(),
            Self::F32(values) => (&values[range]).into(),
        }
    }
}

/// The layers in time that a model may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None: every input stands alone.
    Still,
    /// Queues of maps.
    Queues,
    /// Recurrent layers, and what is behind them.
    Recurrent,
}

/// A random model of Akida 2.0.
pub(crate) fn model(random: &mut Random, kind: Kind) -> Model {
    let mut builder = ModelBuilder::new();
    entry(random, &mut builder, kind);
    let layers = match kind {
        Kind::Recurrent => 1 + random.below(2),
        Kind::Still | Kind::Queues => random.below(5),
    };
    for _ in 0..layers {
        let last = builder.layers().len() - 1;
        if kind == Kind::Still && random.below(3) == 0 {
            branches(random, &mut builder, last);
        } else {
            add(random, &mut builder, &[last], kind, false);
        }
    }
    let last = builder.layers().len() - 1;
    let is_row = builder.layers()[last].connection().output.shape
        == builder.layers()[0].connection().output.shape;
    if kind == Kind::Recurrent && is_row && random.below(2) == 0 {
        with_variables(
            random,
            &mut builder,
            PicoPostProcessing::default(),
            &[last, 0],
        );
        return builder.build().unwrap();
    }
    if random.below(3) != 0 {
        let before = builder.clone();
        add(random, &mut builder, &[last], kind, true);
        // The sum over a map may leave 32 bits.
        if builder.build().is_err() {
            builder = before;
        }
    }
    if random.below(2) == 0 {
        let last = builder.layers().len() - 1;
        with_variables(random, &mut builder, Dequantizer, &[last]);
    }
    builder.build().unwrap()
}

/// `samples` random inputs of `model`, the ends of the range often.
pub(crate) fn inputs(random: &mut Random, model: &Model, samples: usize) -> Batch {
    let signal = model.input();
    let count = samples * signal.shape.len();
    if model.takes_floats() {
        let value = |random: &mut Random| match random.below(6) {
            0 => f32::INFINITY,
            1 => -1e20,
            2 => random.below(64) as f32 / 2.0 - 16.0,
            _ => (random.below(4000) as f32 - 2000.0) / 333.0,
        };
        return Batch::F32((0..count).map(|_| value(random)).collect());
    }
    let (min, max) = (signal.format.min(), signal.format.max());
    let mut value = || match random.below(4) {
        0 => min,
        1 => max,
        _ => min + random.below((max - min + 1) as usize) as i64,
    };
    let values = (0..count).map(|_| value());
    match (signal.format.signed, signal.format.bytes()) {
        (false, _) => Batch::U8(values.map(|v| v as u8).collect()),
        (true, 1) => Batch::I8(values.map(|v| v as i8).collect()),
        (true, _) => Batch::I16(values.map(|v| v as i16).collect()),
    }
}

/// Adds the layers that take the model's inputs.
fn entry(random: &mut Random, builder: &mut ModelBuilder, kind: Kind) {
    if kind == Kind::Recurrent {
        let shape = Shape::new(1, random.pick(&[4, 6, 8, 12]), 1 + random.below(5));
        builder
            .add("", InputData::new(shape, random.pick(&[8, 16])), &[])
            .unwrap();
        return;
    }
    let channels = match random.below(10) {
        0 => random.pick(&[64, 100, 200]),
        1 | 2 => random.pick(&[16, 32, 33]),
        _ => 1 + random.below(12),
    };
    let shape = match random.below(6) {
        0 => Shape::new(1, 1, channels),
        _ => Shape::new(1 + random.below(9), 1 + random.below(14), channels),
    };
    let image = Shape::new(
        1 + random.below(12),
        1 + random.below(12),
        random.pick(&[1, 3]),
    );
    match random.below(5) {
        0 => {
            let bits = random.pick(&[1, 2, 4]);
            builder.add("", InputData::new(shape, bits), &[]).unwrap();
            // Inputs of few bits fit both generations.
            add(random, builder, &[0], kind, false);
        }
        1 => {
            let bits = random.pick(&[8, 8, 16]);
            builder.add("", InputData::new(shape, bits), &[]).unwrap();
        }
        2 => add(random, builder, &[], kind, false),
        3 => {
            let channels_first = random.below(2) == 0;
            let input_shape = match channels_first {
                true => Shape::new(image.c, image.x, image.y),
                false => image,
            };
            let quantizer = Quantizer {
                input_shape,
                output_bits: 8,
                output_signed: false,
                channels_first,
            };
            with_variables(random, builder, quantizer, &[]);
            let layer = draw(
                random,
                |random| InputConv2D {
                    input_shape: image,
                    filters: filters(random),
                    conv: conv(random, image, false),
                },
                builder,
                &[0],
            );
            with_variables(random, builder, layer, &[0]);
        }
        _ => {
            let bits = random.pick(&[8, 16]);
            let quantizer = Quantizer {
                input_shape: shape,
                output_bits: bits,
                output_signed: true,
                channels_first: false,
            };
            with_variables(random, builder, quantizer, &[]);
            if random.below(2) == 0 {
                builder.add("", InputData::new(shape, bits), &[0]).unwrap();
            }
        }
    }
}

fn filters(random: &mut Random) -> usize {
    match random.below(12) {
        0 => random.pick(&[100, 128, 129]),
        _ => random.pick(&[1, 3, 4, 7, 8, 9, 16, 17, 32, 33, 65]),
    }
}

fn post_ops(random: &mut Random, activations: &[Activation], output: bool) -> PostOps {
    let activation = random.pick(activations);
    let output_bits = match random.below(10) {
        0 | 1 if output => random.pick(&[28, 32]),
        0 => random.pick(&[2, 3, 5, 6, 7]),
        1 => 16,
        2..=4 => 4,
        _ => 8,
    };
    PostOps {
        output_bits,
        output_signed: match random.below(4) {
            0 => Some(output_bits > 8 || random.below(2) == 0),
            _ => None,
        },
        buffer_bits: random.pick(&[16, 20, 28, 28, 32, 32]),
        post_op_buffer_bits: random.pick(&[20, 32, 32, 32]),
        ..PostOps::new(activation)
    }
}

const ALL: [Activation; 3] = [Activation::NoActivation, Activation::ReLU, Activation::Lut];
const WITHOUT_TABLE: [Activation; 2] = [Activation::NoActivation, Activation::ReLU];

fn conv(random: &mut Random, input: Shape, output: bool) -> Conv2DParams {
    let padding = random.pick(&[
        Padding::Same,
        Padding::Same,
        Padding::Valid,
        Padding::SameUpper,
    ]);
    let map = input.x.min(input.y);
    let kernel_size = match random.below(3) {
        0 => 3,
        1 => 1,
        _ => random.extent(map, 7),
    };
    let pooling = match random.below(5) {
        0 => Pooling::GlobalAverage,
        1 | 2 if padding != Padding::SameUpper => {
            let size = random.extent(map, 3);
            let stride = random.extent(map, 3);
            Pooling::Max {
                size: Pair::square(size),
                stride: Pair::square(stride),
            }
        }
        _ => Pooling::None,
    };
    Conv2DParams {
        kernel_size: match padding {
            Padding::Valid => kernel_size.min(map),
            Padding::Same | Padding::SameUpper => kernel_size,
        },
        padding,
        kernel_stride: random.extent(map, 3),
        pooling,
        post_ops: post_ops(random, &ALL, output),
        weights_bits: random.pick(&[2, 4, 8, 8]),
    }
}

/// A layer that fits behind `inbounds`, drawn again until one does.
fn draw<L: Into<LayerSpec>>(
    random: &mut Random,
    layer: impl Fn(&mut Random) -> L,
    builder: &ModelBuilder,
    inbounds: &[usize],
) -> LayerSpec {
    for _ in 0..200 {
        let spec = layer(random).into();
        let connected = builder.connect("", &spec, inbounds);
        if connected.is_ok_and(|connection| work(&connection) <= MOST_WORK) {
            return spec;
        }
    }
    panic!("no layer fits in 200 draws");
}

/// Adds a random layer behind one layer, or an image layer.
fn add(
    random: &mut Random,
    builder: &mut ModelBuilder,
    inbounds: &[usize],
    kind: Kind,
    output: bool,
) {
    let source = inbounds
        .first()
        .map(|&i| builder.layers()[i].connection().output.shape);
    let layer = |random: &mut Random| -> LayerSpec {
        let Some(shape) = source else {
            let input_shape = Shape::new(
                1 + random.below(12),
                1 + random.below(12),
                random.pick(&[1, 3]),
            );
            return InputConv2D {
                input_shape,
                filters: filters(random),
                conv: conv(random, input_shape, output),
            }
            .into();
        };
        let choice = match kind {
            Kind::Still => random.below(6),
            Kind::Queues => random.below(9),
            Kind::Recurrent => 9 + random.below(3),
        };
        let transposed = |random: &mut Random| TransposedParams {
            kernel_size: random.pick(&[3, 4]),
            post_ops: post_ops(random, &ALL, output),
            weights_bits: random.pick(&[2, 4, 8]),
        };
        let temporal = |random: &mut Random| TemporalParams {
            fifo_size: random.pick(&[1, 2, 3, 4, 7]),
            post_ops: post_ops(random, &WITHOUT_TABLE, output),
            weights_bits: random.pick(&[2, 4, 8]),
        };
        match choice {
            0 => Conv2D {
                filters: filters(random),
                conv: conv(random, shape, output),
            }
            .into(),
            1 => DepthwiseConv2D {
                conv: conv(random, shape, output),
            }
            .into(),
            2 => Conv2DTranspose {
                filters: filters(random),
                conv: transposed(random),
            }
            .into(),
            3 => DepthwiseConv2DTranspose {
                conv: transposed(random),
            }
            .into(),
            6 | 7 => BufferTempConv {
                filters: filters(random),
                temporal: temporal(random),
            }
            .into(),
            8 => DepthwiseBufferTempConv {
                temporal: temporal(random),
            }
            .into(),
            9 | 10 => StatefulRecurrent {
                subsample: random.pick(&[1, 1, 2, 4]),
                post_ops: post_ops(random, &WITHOUT_TABLE, output),
                ..StatefulRecurrent::new(1 + random.below(9), 1 + random.below(5))
            }
            .into(),
            11 => StatefulRecurrent {
                post_ops: post_ops(random, &WITHOUT_TABLE, output),
                ..StatefulRecurrent::new(1 + random.below(9), shape.c)
            }
            .into(),
            _ => Dense1D {
                units: filters(random),
                post_ops: post_ops(random, &WITHOUT_TABLE, output),
                weights_bits: random.pick(&[2, 4, 8]),
            }
            .into(),
        }
    };
    let spec = draw(random, layer, builder, inbounds);
    with_variables(random, builder, spec, inbounds);
}

/// Two branches of `source`, added or joined.
fn branches(random: &mut Random, builder: &mut ModelBuilder, source: usize) {
    let output_bits = random.pick(&[4, 8, 8]);
    let mut branch = |random: &mut Random, filters: usize| {
        let layer = Conv2D {
            filters,
            conv: Conv2DParams {
                post_ops: PostOps {
                    output_bits,
                    ..PostOps::new(random.pick(&WITHOUT_TABLE))
                },
                ..Conv2DParams::new(1)
            },
        };
        with_variables(random, builder, layer, &[source])
    };
    let filters = random.pick(&[1, 4, 9, 17, 70]);
    let adds = random.below(2) == 0;
    let first = branch(random, filters);
    let second = if adds && random.below(4) == 0 {
        first
    } else {
        let filters = if adds {
            filters
        } else {
            random.pick(&[1, 4, 9])
        };
        branch(random, filters)
    };
    if adds {
        let add = Add {
            output_bits: random.pick(&[4, 8, 8, 16]),
            buffer_bits: random.pick(&[16, 32, 32]),
            ..Add::default()
        };
        with_variables(random, builder, add, &[first, second]);
    } else {
        builder.add("", Concatenate, &[first, second]).unwrap();
    }
}

/// Adds a layer with random variables, and gives its index.
fn with_variables(
    random: &mut Random,
    builder: &mut ModelBuilder,
    spec: impl Into<LayerSpec>,
    inbounds: &[usize],
) -> usize {
    let spec = spec.into();
    let connection = builder.connect("", &spec, inbounds).unwrap();
    let variables = variables(random, &connection);
    builder
        .add_with_variables("", spec, inbounds, variables)
        .unwrap()
}

/// The order of magnitude of the sums of a layer, in bits.
fn bits_of_sums(connection: &Connection) -> i32 {
    let input = connection.input.format;
    let of = |values: u32| 32 - values.leading_zeros() as i32;
    let weights = connection
        .variables
        .iter()
        .find_map(|variable| match variable.rule {
            VariableRule::Weights { bits } => Some((bits, variable.count())),
            _ => None,
        });
    match (connection.operation, weights) {
        (Operation::Windows(_), Some((bits, count))) => {
            let fan_in = count / connection.potential_shape.c;
            of(input.magnitude()) + i32::from(bits) - 2 + of(fan_in as u32) / 2
        }
        (Operation::Recurrence(recurrence), _) => 15 + 7 + of(recurrence.states as u32) / 2,
        _ => of(input.magnitude()),
    }
}

/// Random values of all variables. Most outputs lie inside their format, some saturate somewhere on their way.
fn variables(random: &mut Random, connection: &Connection) -> Vec<Tensor> {
    let sums = bits_of_sums(connection);
    let format = connection.output.format;
    let wild = random.below(6) == 0;
    let shifted = random.below(3) == 0;
    let mut drawn = Vec::new();
    for variable in &connection.variables {
        let count = variable.count();
        let near = |random: &mut Random, middle: i32| middle + random.below(5) as i32 - 2;
        let byte = |value: i32| value.clamp(-128, 127);
        let tensor = match variable.rule {
            VariableRule::Weights { bits } => {
                let shape = variable.weight_shape().unwrap();
                random.weights(shape, bits).into()
            }
            VariableRule::Positive => {
                let value = |random: &mut Random| random.pick(&[0.25, 1.0, 3.0, 16.0, 100.7f32]);
                Tensor::Floats((0..count).map(|_| value(random)).collect())
            }
            VariableRule::Bounds => {
                let value = |random: &mut Random| match random.below(3) {
                    0 => random.below(256) as i32,
                    _ => -1,
                };
                Tensor::Integers((0..count).map(|_| value(random)).collect())
            }
            VariableRule::Integers { format: own, .. } => {
                let value = |random: &mut Random| -> i32 {
                    if wild && random.below(4) == 0 {
                        let values = (own.max() - own.min()) as u64;
                        return (own.min() + (random.next() % (values + 1)) as i64) as i32;
                    }
                    match variable.name {
                        "input_shift" | "a_shift" | "b_shift" if shifted => random.below(5) as i32,
                        "input_shift"
                            if matches!(connection.operation, Operation::Deviation(_)) =>
                        {
                            byte(near(random, -30))
                        }
                        "input_shift" | "a_shift" | "b_shift" => 0,
                        "bias" => random.below(256) as i32 - 128,
                        "bias_shift" | "max_value_shift" => near(random, sums - 8).max(0),
                        "output_scales" | "activation_scales" | "new_state_scale"
                        | "input_scales" => match random.below(8) {
                            0 => random.below(65536) as i32,
                            _ => 128 + random.below(128) as i32,
                        },
                        "output_shift" if format == Format::SUMS && random.below(2) == 0 => 0,
                        "output_shift" if connection.operation == Operation::Add => {
                            byte(near(random, -2))
                        }
                        "output_shift" => byte(near(random, i32::from(format.bits) - sums - 8)),
                        "activation_shift" => byte(near(random, 10 - sums - 7)),
                        "new_state_shift" => byte(near(random, -3)),
                        "internal_state_outputs_shift" => -15,
                        "lut_values" => random.below(1 << 14) as i32 - (1 << 13),
                        "threshold" => random.below(400) as i32,
                        _ => {
                            let values = (own.max() - own.min()) as u64;
                            (own.min() + (random.next() % (values + 1)) as i64) as i32
                        }
                    }
                };
                Tensor::Integers((0..count).map(|_| value(random)).collect())
            }
        };
        drawn.push(tensor);
    }
    drawn
}
