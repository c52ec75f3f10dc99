//! Networks with the layers of published Akida 2.0 networks, their variables initial.

use akida_sim::{
    Activation, Add, BufferTempConv, Conv2D, Conv2DParams, Conv2DTranspose, Dense1D,
    DepthwiseBufferTempConv, DepthwiseConv2D, DepthwiseConv2DTranspose, Dequantizer, InputConv2D,
    InputData, LayerSpec, Model, ModelBuilder, Pooling, PostOps, Shape, StatefulRecurrent,
    TemporalParams, TransposedParams,
};

/// A network under construction: each layer reads the one before unless told otherwise.
struct Network {
    builder: ModelBuilder,
    bits: u8,
}

impl Network {
    fn new(input: impl Into<LayerSpec>, bits: u8) -> Self {
        let mut builder = ModelBuilder::new();
        builder.add("input", input, &[]).unwrap();
        Self { builder, bits }
    }

    fn image(shape: Shape, filters: usize, kernel: usize, stride: usize, bits: u8) -> Self {
        let conv = Conv2DParams {
            kernel_stride: stride,
            post_ops: post(bits, Activation::ReLU),
            ..Conv2DParams::new(kernel)
        };
        let layer = InputConv2D {
            input_shape: shape,
            filters,
            conv,
        };
        Self::new(layer, bits)
    }

    fn params(&self, kernel: usize, stride: usize) -> Conv2DParams {
        Conv2DParams {
            kernel_stride: stride,
            post_ops: post(self.bits, Activation::ReLU),
            weights_bits: self.bits,
            ..Conv2DParams::new(kernel)
        }
    }

    fn add(&mut self, layer: impl Into<LayerSpec>) -> usize {
        self.builder.add("", layer, &[]).unwrap()
    }

    fn conv(&mut self, filters: usize, kernel: usize, stride: usize) -> usize {
        let conv = self.params(kernel, stride);
        self.add(Conv2D { filters, conv })
    }

    /// A depthwise convolution and a pointwise one.
    fn separable(&mut self, filters: usize, stride: usize) -> usize {
        let conv = self.params(3, stride);
        self.add(DepthwiseConv2D { conv });
        self.conv(filters, 1, 1)
    }

    /// The same with a global average behind it.
    fn separable_average(&mut self, filters: usize) {
        let conv = self.params(3, 1);
        self.add(DepthwiseConv2D { conv });
        let conv = Conv2DParams {
            pooling: Pooling::GlobalAverage,
            ..self.params(1, 1)
        };
        self.add(Conv2D { filters, conv });
    }

    fn classes(mut self, units: usize) -> Model {
        let layer = Dense1D {
            post_ops: PostOps {
                output_bits: 28,
                buffer_bits: 28,
                ..PostOps::new(Activation::NoActivation)
            },
            weights_bits: self.bits,
            ..Dense1D::new(units)
        };
        self.add(layer);
        self.floats()
    }

    fn floats(mut self) -> Model {
        self.add(Dequantizer);
        self.builder.build().unwrap()
    }
}

fn post(output_bits: u8, activation: Activation) -> PostOps {
    PostOps {
        output_bits,
        buffer_bits: 28,
        ..PostOps::new(activation)
    }
}

fn ds_cnn(bits: u8) -> Model {
    let mut network = Network::image(Shape::new(49, 10, 1), 64, 5, 2, bits);
    for _ in 0..3 {
        network.separable(64, 1);
    }
    // Maps of 25x5 positions.
    network.separable_average(64);
    network.classes(33)
}

/// AkidaNet; with `is_mobile`, MobileNet.
fn akidanet(size: usize, width: usize, is_mobile: bool, bits: u8) -> Network {
    let mut network = Network::image(Shape::new(size, size, 3), 8 * width, 3, 2, bits);
    for (filters, stride) in [(16, 1), (32, 2), (32, 1)] {
        match is_mobile {
            true => network.separable(filters * width, stride),
            false => network.conv(filters * width, 3, stride),
        };
    }
    for (filters, stride) in [(64, 2), (64, 1), (128, 2)] {
        network.separable(filters * width, stride);
    }
    for _ in 0..5 {
        network.separable(128 * width, 1);
    }
    network.separable(256 * width, 2);
    network
}

fn classifier(size: usize, width: usize, is_mobile: bool, bits: u8) -> Model {
    let mut network = akidanet(size, width, is_mobile, bits);
    network.separable_average(256 * width);
    network.classes(1000)
}

fn yolo() -> Model {
    let mut network = akidanet(224, 2, false, 8);
    for _ in 0..3 {
        network.separable(1024, 1);
    }
    let conv = Conv2DParams {
        post_ops: PostOps {
            output_bits: 28,
            ..post(8, Activation::NoActivation)
        },
        ..network.params(1, 1)
    };
    network.add(Conv2D { filters: 125, conv });
    network.floats()
}

fn akidanet18() -> Model {
    let mut network = Network::image(Shape::new(224, 224, 3), 64, 4, 4, 8);
    for (filters, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
        network.conv(filters, 3, stride);
        network.conv(filters, 3, 1);
        network.separable(filters, 1);
        network.separable(filters, 1);
    }
    network.separable_average(512);
    network.classes(1000)
}

fn unet() -> Model {
    let mut network = akidanet(128, 2, false, 8);
    for filters in [256, 128, 64, 32, 16] {
        let conv = TransposedParams::new(3);
        network.add(DepthwiseConv2DTranspose { conv });
        network.conv(filters, 1, 1);
    }
    network.conv(1, 1, 1);
    network.floats()
}

/// A detector whose maps are added on two scales, as of CenterNet.
fn centernet() -> Model {
    let mut network = Network::image(Shape::new(96, 96, 3), 16, 3, 2, 8);
    let fine = network.separable(32, 2);
    network.separable(64, 2);
    let conv = TransposedParams::new(4);
    let up = network.add(Conv2DTranspose { filters: 32, conv });
    network
        .builder
        .add("", Add::default(), &[up, fine])
        .unwrap();
    network.conv(32, 3, 1);
    network.conv(24, 1, 1);
    network.floats()
}

fn spatiotemporal() -> Model {
    let mut network = Network::new(InputData::new(Shape::new(64, 64, 2), 8), 8);
    for filters in [16, 32, 64] {
        let temporal = TemporalParams::new(5);
        network.add(BufferTempConv { filters, temporal });
        network.conv(filters, 3, 2);
        let temporal = TemporalParams::new(5);
        network.add(DepthwiseBufferTempConv { temporal });
        network.separable(filters, 1);
    }
    network.separable_average(128);
    network.classes(10)
}

fn recurrent() -> Model {
    let mut network = Network::new(InputData::new(Shape::new(1, 256, 1), 16), 8);
    for (states, channels, subsample) in [(32, 16, 4), (64, 32, 4), (64, 64, 16)] {
        network.add(StatefulRecurrent {
            subsample,
            ..StatefulRecurrent::new(states, channels)
        });
    }
    network.floats()
}

/// The networks with their names.
pub(crate) fn models() -> Vec<(&'static str, Model)> {
    vec![
        ("DS-CNN, 8 bits", ds_cnn(8)),
        ("DS-CNN, 4 bits", ds_cnn(4)),
        ("AkidaNet 0.5/160, 8 bits", classifier(160, 2, false, 8)),
        ("AkidaNet 1.0/224, 8 bits", classifier(224, 4, false, 8)),
        ("AkidaNet 0.25/224, 4 bits", classifier(224, 1, false, 4)),
        ("MobileNet 0.5/160, 8 bits", classifier(160, 2, true, 8)),
        ("MobileNet 1.0/224, 4 bits", classifier(224, 4, true, 4)),
        ("YOLO", yolo()),
        ("AkidaNet18", akidanet18()),
        ("AkidaUNet", unet()),
        ("CenterNet", centernet()),
        ("spatiotemporal TENN", spatiotemporal()),
        ("recurrent TENN", recurrent()),
    ]
}
