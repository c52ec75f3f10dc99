//! The models of the golden files.

use akida_sim::*;

/// The model of the example in `docs/file-format.md`: five weights of two bits, one filter each.
pub fn tiny() -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1), 4);
    builder.add("in", input, &[]).unwrap();
    let spec = FullyConnected {
        units: 5,
        weights_bits: 2,
        act_bits: None,
    };
    let weights = Weights::new([1, 1, 1, 5], vec![1, -1, 0, 1, -1]).unwrap();
    let variables = vec![
        weights.into(),
        vec![0, 1, -1, i32::MAX, i32::MIN].into(),
        vec![1.0, 0.5, 0.1, f32::MAX, f32::from_bits(1)].into(),
    ];
    builder
        .add_with_variables("out", spec, &[], variables)
        .unwrap();
    builder.build().unwrap()
}

/// One layer of each type of Akida 1.0 but `InputData`.
pub fn every_layer() -> Model {
    let mut builder = ModelBuilder::new();
    let conv = |filters, weights_bits| ConvParams {
        weights_bits,
        act_bits: Some(2),
        ..ConvParams::new(Pair::new(3, 2), filters)
    };
    let pooled = ConvParams {
        pooling: Pooling::Max {
            size: Pair::new(2, 3),
            stride: Pair::new(2, 1),
        },
        kernel_stride: Pair::new(1, 2),
        ..conv(3, 8)
    };
    let first = InputConvolutional {
        padding_value: 7,
        ..InputConvolutional::new(Shape::new(6, 5, 3), pooled)
    };
    builder.add("image", first, &[]).unwrap();
    let left = Convolutional { conv: conv(2, 4) };
    builder.add("left", left, &[0]).unwrap();
    let right = SeparableConvolutional { conv: conv(5, 2) };
    builder.add("right", right, &[0]).unwrap();
    builder.add("join", Concat, &[1, 2]).unwrap();
    let average = ConvParams {
        pooling: Pooling::GlobalAverage,
        padding: Padding::Valid,
        ..conv(3, 1)
    };
    let average = Convolutional { conv: average };
    builder.add("average", average, &[]).unwrap();
    let dense = FullyConnected {
        weights_bits: 4,
        act_bits: None,
        ..FullyConnected::new(3)
    };
    builder.add("classes", dense, &[]).unwrap();
    builder.build().unwrap()
}

/// Two layers of Akida 2.0 with tensors, small enough to be stored without compression.
pub fn tiny_akida2() -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 3), 16);
    builder.add("in", input, &[]).unwrap();
    let variables = vec![
        vec![0, 1, 7].into(),
        vec![8, 7, 6].into(),
        vec![-1, 4, -63].into(),
    ];
    let sum = Add {
        output_bits: 4,
        ..Add::default()
    };
    builder
        .add_with_variables("sum", sum, &[0, 0], variables)
        .unwrap();
    builder.build().unwrap()
}

/// Values of a variable that differ from those of new layers. They are small, or fill 16 bits and more.
fn golden_values(variable: &VariableSpec) -> Tensor {
    let numbers = 0..variable.count() as i32;
    match variable.rule {
        VariableRule::Weights { bits } => {
            let top = (1 << (bits - 1)) - 1;
            let weights = numbers.map(|n| (n * 37 % (2 * top + 1) - top) as i8);
            Weights::new(variable.weight_shape().unwrap(), weights.collect())
                .unwrap()
                .into()
        }
        VariableRule::Integers { format, .. } => {
            let value = |n: i32| match (format.bits, format.signed) {
                (8, false) => (n * 5 + 3) % 8,
                (8, true) => (n * 11 + 5) % 16 - 8,
                (16, false) => (n * 7919 + 9973) % 65536,
                (16, true) => (n * 7919 + 9973) % 65536 - 32768,
                _ => n % 64 * 1_000_003 - 30_000_000,
            };
            numbers.map(value).collect::<Vec<i32>>().into()
        }
        VariableRule::Bounds => {
            let bound = |n: i32| if n % 3 == 1 { -1 } else { (n * 53 + 200) % 256 };
            numbers.map(bound).collect::<Vec<i32>>().into()
        }
        VariableRule::Positive => {
            let value = |n: i32| (n + 1) as f32 / 7.0;
            numbers.map(value).collect::<Vec<f32>>().into()
        }
    }
}

/// One layer of each type of Akida 2.0 but `InputData`, with every rule for variables.
pub fn every_layer_akida2() -> Model {
    let mut builder = ModelBuilder::new();
    let mut add = |name: &str, spec: LayerSpec, inbounds: &[usize]| {
        let connection = builder.connect(name, &spec, inbounds).unwrap();
        let variables = connection.variables.iter().map(golden_values).collect();
        builder
            .add_with_variables(name, spec, inbounds, variables)
            .unwrap()
    };
    let post_ops = |activation, output_bits| PostOps {
        output_bits,
        buffer_bits: 28,
        ..PostOps::new(activation)
    };
    let quantizer = Quantizer {
        input_shape: Shape::new(3, 6, 5),
        output_bits: 8,
        output_signed: false,
        channels_first: true,
    };
    let quantizer = add("floats", quantizer.into(), &[]);
    let image = InputConv2D {
        input_shape: Shape::new(6, 5, 3),
        filters: 4,
        conv: Conv2DParams {
            padding: Padding::SameUpper,
            kernel_stride: 2,
            post_ops: post_ops(Activation::ReLU, 4),
            weights_bits: 4,
            ..Conv2DParams::new(3)
        },
    };
    let image = add("image", image.into(), &[quantizer]);
    let conv = Conv2DParams {
        post_ops: post_ops(Activation::Lut, 8),
        weights_bits: 4,
        ..Conv2DParams::new(2)
    };
    let left = add("left", Conv2D { filters: 3, conv }.into(), &[image]);
    let pooled = Conv2DParams {
        padding: Padding::Valid,
        pooling: Pooling::Max {
            size: Pair::square(1),
            stride: Pair::square(1),
        },
        post_ops: post_ops(Activation::NoActivation, 8),
        ..Conv2DParams::new(1)
    };
    let right = add(
        "right",
        Conv2D {
            filters: 3,
            conv: pooled,
        }
        .into(),
        &[image],
    );
    let sum = Add {
        output_bits: 8,
        buffer_bits: 28,
        post_op_buffer_bits: 27,
        output_signed: true,
    };
    let sum = add("sum", sum.into(), &[left, right]);
    let joined = add("joined", Concatenate.into(), &[sum, right]);
    let conv = Conv2DParams {
        post_ops: post_ops(Activation::ReLU, 8),
        ..Conv2DParams::new(3)
    };
    let depthwise = add("depthwise", DepthwiseConv2D { conv }.into(), &[joined]);
    let conv = TransposedParams {
        post_ops: post_ops(Activation::ReLU, 8),
        weights_bits: 4,
        ..TransposedParams::new(3)
    };
    let up = add(
        "up",
        Conv2DTranspose { filters: 2, conv }.into(),
        &[depthwise],
    );
    let up = add("upper", DepthwiseConv2DTranspose { conv }.into(), &[up]);
    let temporal = TemporalParams {
        weights_bits: 4,
        ..TemporalParams::new(3)
    };
    let time = add(
        "time",
        BufferTempConv {
            filters: 2,
            temporal,
        }
        .into(),
        &[up],
    );
    let temporal = TemporalParams {
        post_ops: post_ops(Activation::NoActivation, 16),
        ..TemporalParams::new(2)
    };
    let time = add(
        "times",
        DepthwiseBufferTempConv { temporal }.into(),
        &[time],
    );
    let dense = Dense1D {
        post_ops: post_ops(Activation::NoActivation, 16),
        ..Dense1D::new(2)
    };
    let dense = add("dense", dense.into(), &[time]);
    let recurrent = StatefulRecurrent {
        post_ops: post_ops(Activation::ReLU, 32),
        ..StatefulRecurrent::new(3, 2)
    };
    let recurrent = add("states", recurrent.into(), &[dense]);
    let pico = add(
        "pico",
        PicoPostProcessing::default().into(),
        &[recurrent, dense],
    );
    add("scaled", Dequantizer.into(), &[pico]);
    builder.build().unwrap()
}
