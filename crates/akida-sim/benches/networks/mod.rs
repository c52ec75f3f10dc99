//! Networks of the shapes that Akida 1.0 runs, with deterministic 4-bit weights.
#![allow(clippy::expect_used, reason = "the networks are written out below")]

use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, LayerSpec, Model, ModelBuilder,
    Padding, Pair, Pooling, SeparableConvolutional, Shape, Weights,
};

/// Values of about the distribution of trained 4-bit weights: bell-shaped, of standard deviation 2.
fn weight(index: usize) -> i8 {
    let mut state = index as u64 + 1;
    let mut sum = 0;
    for _ in 0..4 {
        state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
        sum += (state >> 40) as i32 % 4;
    }
    (sum - 6) as i8
}

#[derive(Default)]
struct Network(ModelBuilder);

impl Network {
    fn add(mut self, spec: impl Into<LayerSpec>) -> Self {
        let builder = &mut self.0;
        let index = builder
            .add("", spec, &[])
            .expect("the networks below are valid");
        let connection = builder.layers()[index].connection().clone();
        for variable in &connection.variables {
            let Some(shape) = variable.weight_shape() else {
                continue;
            };
            let values = (0..variable.count()).map(weight).collect();
            let weights = Weights::new(shape, values).expect("as many values as the shape has");
            builder
                .set_variable(index, variable.name, weights)
                .expect("weights of 4 bits");
        }
        // About half of the levels are 0, as after a ReLU.
        let bound = f64::from(connection.potential_bound);
        let step = f32::max(1.0, (bound.sqrt() / 4.0) as f32);
        let steps = vec![step; connection.output.shape.c];
        builder
            .set_variable(index, "act_step", steps)
            .expect("positive steps");
        self
    }

    /// An image of 8 bits and its convolution.
    fn input(shape: Shape, conv: ConvParams) -> Self {
        Self::default().add(InputConvolutional::new(shape, conv))
    }

    fn conv(self, conv: ConvParams) -> Self {
        self.add(Convolutional { conv })
    }

    fn separable(self, conv: ConvParams) -> Self {
        self.add(SeparableConvolutional { conv })
    }

    fn dense(self, units: usize, act_bits: Option<u8>) -> Self {
        self.add(FullyConnected {
            units,
            weights_bits: 4,
            act_bits,
        })
    }

    /// The model, its last layer of so many units without activation.
    fn classes(self, units: usize) -> Model {
        self.dense(units, None).0.build().expect("a valid network")
    }
}

fn conv(kernel: usize, stride: usize, filters: usize) -> ConvParams {
    ConvParams {
        kernel_stride: Pair::square(stride),
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(kernel), filters)
    }
}

fn pooled(kernel: usize, filters: usize) -> ConvParams {
    ConvParams {
        pooling: Pooling::Max {
            size: Pair::square(2),
            stride: Pair::square(2),
        },
        ..conv(kernel, 1, filters)
    }
}

fn averaged(filters: usize) -> ConvParams {
    ConvParams {
        pooling: Pooling::GlobalAverage,
        ..conv(3, 1, filters)
    }
}

fn ds_cnn() -> Model {
    let mut network = Network::input(Shape::new(49, 10, 1), conv(5, 2, 64));
    for _ in 0..3 {
        network = network.separable(conv(3, 1, 64));
    }
    network.separable(averaged(64)).classes(33)
}

fn gxnor() -> Model {
    Network::input(Shape::new(28, 28, 1), pooled(5, 32))
        .conv(conv(3, 2, 64))
        .dense(512, Some(4))
        .classes(10)
}

fn vgg_utk_face() -> Model {
    let first = ConvParams {
        padding: Padding::Valid,
        ..conv(3, 1, 32)
    };
    Network::input(Shape::new(32, 32, 3), first)
        .conv(pooled(3, 32))
        .conv(conv(3, 1, 64))
        .conv(pooled(3, 64))
        .conv(conv(3, 1, 84))
        .dense(64, Some(4))
        .classes(1)
}

fn vgg_cifar10() -> Model {
    Network::input(Shape::new(32, 32, 3), conv(3, 1, 64))
        .conv(pooled(3, 64))
        .conv(conv(3, 1, 128))
        .conv(pooled(3, 128))
        .conv(conv(3, 1, 256))
        .conv(pooled(3, 256))
        .dense(512, Some(4))
        .classes(10)
}

/// MobileNet, its widths times `half` / 2; AkidaNet has standard convolutions in its first blocks.
fn mobilenet(half: usize, size: usize, standard: bool) -> Model {
    let filters = |count: usize| count * half / 2;
    let mut network = Network::input(Shape::new(size, size, 3), conv(3, 2, filters(32)));
    for (stride, count) in [(1, 64), (2, 128), (1, 128)] {
        let block = conv(3, stride, filters(count));
        network = if standard {
            network.conv(block)
        } else {
            network.separable(block)
        };
    }
    for (stride, count) in [(2, 256), (1, 256), (2, 512)] {
        network = network.separable(conv(3, stride, filters(count)));
    }
    for _ in 0..5 {
        network = network.separable(conv(3, 1, filters(512)));
    }
    network
        .separable(conv(3, 2, filters(1024)))
        .separable(averaged(filters(1024)))
        .classes(1000)
}

/// Every network with its name.
pub(crate) fn all() -> Vec<(&'static str, Model)> {
    vec![
        ("ds_cnn_kws", ds_cnn()),
        ("gxnor_mnist", gxnor()),
        ("vgg_utk_face", vgg_utk_face()),
        ("vgg_cifar10", vgg_cifar10()),
        ("mobilenet_0.5_160", mobilenet(1, 160, false)),
        ("akidanet_0.5_160", mobilenet(1, 160, true)),
        ("mobilenet_1.0_224", mobilenet(2, 224, false)),
        ("akidanet_1.0_224", mobilenet(2, 224, true)),
    ]
}
