//! Networks of layers that threads share.

use super::common::Random;
use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, InputData, LayerSpec, Model,
    ModelBuilder, Padding, Pair, Pooling, SeparableConvolutional, Shape,
};

fn network(seed: u64, specs: Vec<LayerSpec>) -> (Model, Random) {
    let mut random = Random::new(seed);
    let mut builder = ModelBuilder::new();
    for spec in specs {
        let connection = builder.connect("", &spec, &[]).unwrap();
        let variables = random.variables(&connection);
        builder
            .add_with_variables("", spec, &[], variables)
            .unwrap();
    }
    (builder.build().unwrap(), random)
}

fn conv(size: usize, filters: usize) -> ConvParams {
    ConvParams {
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(size), filters)
    }
}

fn max(size: usize, stride: usize) -> Pooling {
    Pooling::Max {
        size: Pair::square(size),
        stride: Pair::square(stride),
    }
}

/// Networks whose layers are large enough to be shared, of all kinds.
pub(crate) fn networks() -> Vec<(Model, Random)> {
    let separable = |conv| SeparableConvolutional { conv }.into();
    let convolutional = |conv| Convolutional { conv }.into();
    let dense = |units, act_bits| {
        let layer = FullyConnected {
            weights_bits: 4,
            act_bits,
            ..FullyConnected::new(units)
        };
        layer.into()
    };
    let input = |shape, conv| InputConvolutional::new(shape, conv).into();
    let data = |shape| InputData::new(shape, 4).into();
    vec![
        // Maps of an odd number of positions, pooled by windows that overlap, and potentials.
        network(
            11,
            vec![
                input(Shape::new(31, 27, 3), conv(3, 40)),
                separable(conv(3, 72)),
                convolutional(ConvParams {
                    pooling: max(3, 2),
                    ..conv(3, 33)
                }),
                convolutional(ConvParams {
                    act_bits: None,
                    ..conv(3, 20)
                }),
            ],
        ),
        // Potentials that are pooled, without a border.
        network(
            12,
            vec![
                data(Shape::new(30, 21, 16)),
                convolutional(ConvParams {
                    act_bits: None,
                    pooling: max(2, 2),
                    padding: Padding::Valid,
                    ..conv(3, 24)
                }),
            ],
        ),
        // Averages after a separable layer; then single windows.
        network(
            13,
            vec![
                data(Shape::new(11, 7, 96)),
                separable(ConvParams {
                    kernel_stride: Pair::square(2),
                    ..conv(3, 200)
                }),
                separable(ConvParams {
                    pooling: Pooling::GlobalAverage,
                    ..conv(3, 250)
                }),
                dense(1000, Some(2)),
                dense(700, Some(4)),
                dense(501, None),
            ],
        ),
        // Averages after a convolution, and single windows of inputs that are no multiple of a group.
        network(
            14,
            vec![
                data(Shape::new(9, 10, 37)),
                convolutional(ConvParams {
                    pooling: Pooling::GlobalAverage,
                    ..conv(3, 85)
                }),
                dense(2000, None),
            ],
        ),
        network(
            15,
            vec![
                data(Shape::new(3, 5, 67)),
                dense(600, Some(1)),
                dense(900, Some(4)),
            ],
        ),
    ]
}
