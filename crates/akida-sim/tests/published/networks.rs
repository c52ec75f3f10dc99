//! The networks of the published tables, from their published layer lists. Weights are 0: they do not matter for placing.

use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, LayerSpec, Model, ModelBuilder,
    Pair, Pooling, SeparableConvolutional, Shape,
};

/// A chain of layers under construction, with 4-bit weights and activations unless said otherwise.
pub(crate) struct Net {
    builder: ModelBuilder,
    bits: (u8, u8),
}

/// 2×2, stride 2.
pub(crate) const POOL: Pooling = Pooling::Max {
    size: Pair::square(2),
    stride: Pair::square(2),
};

impl Net {
    /// Begins with an image convolution.
    pub(crate) fn new(
        image: Shape,
        kernel: usize,
        filters: usize,
        stride: usize,
        pooling: Pooling,
    ) -> Self {
        let mut net = Self {
            builder: ModelBuilder::new(),
            bits: (4, 4),
        };
        let conv = ConvParams {
            weights_bits: 8,
            ..net.params(kernel, filters, stride, pooling)
        };
        net.add(InputConvolutional::new(image, conv));
        net
    }

    pub(crate) fn bits(mut self, weights: u8, activations: u8) -> Self {
        self.bits = (weights, activations);
        self
    }

    fn params(&self, kernel: usize, filters: usize, stride: usize, pooling: Pooling) -> ConvParams {
        ConvParams {
            kernel_stride: Pair::square(stride),
            weights_bits: self.bits.0,
            act_bits: Some(self.bits.1),
            pooling,
            ..ConvParams::new(Pair::square(kernel), filters)
        }
    }

    fn add(&mut self, layer: impl Into<LayerSpec>) {
        self.builder.add("", layer, &[]).unwrap();
    }

    pub(crate) fn conv(
        mut self,
        kernel: usize,
        filters: usize,
        stride: usize,
        pooling: Pooling,
    ) -> Self {
        let conv = self.params(kernel, filters, stride, pooling);
        self.add(Convolutional { conv });
        self
    }

    pub(crate) fn sep(
        mut self,
        kernel: usize,
        filters: usize,
        stride: usize,
        pooling: Pooling,
    ) -> Self {
        let conv = self.params(kernel, filters, stride, pooling);
        self.add(SeparableConvolutional { conv });
        self
    }

    /// A separable layer with 1-bit activations.
    pub(crate) fn spikes(mut self, filters: usize) -> Self {
        let conv = ConvParams {
            act_bits: Some(1),
            ..self.params(3, filters, 1, Pooling::None)
        };
        self.add(SeparableConvolutional { conv });
        self
    }

    /// Fully connected layers, the last one without activation.
    pub(crate) fn fully(mut self, units: &[usize]) -> Model {
        let last = units.len() - 1;
        for (i, &units) in units.iter().enumerate() {
            self.add(FullyConnected {
                units,
                weights_bits: self.bits.0,
                act_bits: (i < last).then_some(self.bits.1),
            });
        }
        self.build()
    }

    pub(crate) fn build(self) -> Model {
        self.builder.build().unwrap()
    }
}

/// Width multipliers times 4, so that filters stay integers.
pub(crate) const WIDTHS: [usize; 3] = [1, 2, 4];

/// The backbone of AkidaNet, or of MobileNet with separable layers throughout; `quarter` is 4 times the width multiplier.
fn backbone(
    quarter: usize,
    (height, width): (usize, usize),
    separable: bool,
    last: Pooling,
) -> Net {
    let n = |filters: usize| filters * quarter / 4;
    let mut net = Net::new(Shape::new(height, width, 3), 3, n(32), 2, Pooling::None);
    for (filters, stride) in [(64, 1), (128, 2), (128, 1)] {
        net = if separable {
            net.sep(3, n(filters), stride, Pooling::None)
        } else {
            net.conv(3, n(filters), stride, Pooling::None)
        };
    }
    for (filters, stride) in [
        (256, 2),
        (256, 1),
        (512, 2),
        (512, 1),
        (512, 1),
        (512, 1),
        (512, 1),
        (512, 1),
        (1024, 2),
    ] {
        net = net.sep(3, n(filters), stride, Pooling::None);
    }
    net.sep(3, n(1024), 1, last)
}

pub(crate) fn akidanet(quarter: usize, size: usize) -> Net {
    backbone(quarter, (size, size), false, Pooling::GlobalAverage)
}

pub(crate) fn mobilenet(quarter: usize, size: usize) -> Net {
    backbone(quarter, (size, size), true, Pooling::GlobalAverage)
}

pub(crate) fn face() -> Net {
    backbone(2, (112, 96), false, Pooling::GlobalAverage)
}

pub(crate) fn separable_head(net: Net) -> Model {
    net.sep(3, 1000, 1, Pooling::None).build()
}

pub(crate) fn edge(net: Net, classes: usize) -> Model {
    net.spikes(2048).bits(2, 1).fully(&[classes])
}

pub(crate) fn plant_village() -> Model {
    akidanet(2, 224).fully(&[512, 38])
}

pub(crate) fn vww() -> Model {
    akidanet(1, 96).fully(&[2])
}

pub(crate) fn kws() -> Model {
    let mut net = Net::new(Shape::new(49, 10, 1), 5, 64, 2, Pooling::None);
    for pooling in [
        Pooling::None,
        Pooling::None,
        Pooling::None,
        Pooling::GlobalAverage,
    ] {
        net = net.sep(3, 64, 1, pooling);
    }
    net.fully(&[33])
}

pub(crate) fn arrhythmia() -> Model {
    Net::new(Shape::new(36, 32, 1), 5, 16, 1, Pooling::None)
        .sep(5, 32, 1, POOL)
        .sep(5, 64, 1, POOL)
        .sep(5, 128, 1, Pooling::GlobalAverage)
        .fully(&[64, 3])
}

pub(crate) fn yolo(classes: usize) -> Model {
    let mut net = backbone(2, (224, 224), false, Pooling::None);
    for filters in [1024, 1024, 1024, 5 * (5 + classes)] {
        net = net.sep(3, filters, 1, Pooling::None);
    }
    net.build()
}

pub(crate) fn pointnet() -> Model {
    let mut net = Net::new(Shape::new(1024, 8, 3), 3, 32, 1, Pooling::None);
    for (filters, pooling) in [
        (32, POOL),
        (64, Pooling::None),
        (64, POOL),
        (128, Pooling::None),
        (128, POOL),
        (256, Pooling::None),
        (512, Pooling::GlobalAverage),
    ] {
        net = net.conv(1, filters, 1, pooling);
    }
    net.fully(&[512, 256, 40])
}

pub(crate) fn utk_face() -> Model {
    Net::new(Shape::new(32, 32, 3), 3, 32, 1, Pooling::None)
        .bits(2, 2)
        .conv(3, 32, 1, POOL)
        .conv(3, 64, 1, Pooling::None)
        .conv(3, 64, 1, POOL)
        .conv(3, 84, 1, Pooling::None)
        .fully(&[64, 1])
}

pub(crate) fn gxnor() -> Model {
    Net::new(Shape::new(28, 28, 1), 5, 32, 1, POOL)
        .bits(2, 1)
        .conv(3, 64, 2, Pooling::None)
        .fully(&[512, 10])
}

/// The MNIST network of a published AllNps mapping.
pub(crate) fn mnist() -> Model {
    Net::new(Shape::new(26, 26, 1), 3, 32, 1, POOL)
        .sep(3, 64, 2, Pooling::None)
        .fully(&[10])
}

/// The network on images of 239×220 of a published AllNps mapping; Valid padding trimmed from the image.
pub(crate) fn wide_image() -> Model {
    Net::new(Shape::new(234, 216, 1), 5, 16, 1, POOL)
        .conv(5, 16, 1, POOL)
        .conv(5, 16, 1, POOL)
        .conv(5, 32, 1, Pooling::None)
        .fully(&[128, 64, 12])
}
