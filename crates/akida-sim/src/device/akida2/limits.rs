//! What Akida 2.0 limits: rules, each of which looks at one value of a layer.
//!
//! `rules` holds the rules of each layer type.

use crate::LayerSpec;
use crate::device::limit::Limit;
use alloc::vec;
use alloc::vec::Vec;

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The type of the layer.
    LayerType,
    /// The width of the input map.
    InputWidth,
    /// The height of the input map.
    InputHeight,
    /// The channels of the input map.
    InputChannels,
    /// All values of the input map.
    InputValues,
    /// The output channels.
    Filters,
    /// The height and width of a kernel.
    KernelSize,
    /// The size of kernels that have this stride.
    KernelOfStride(usize),
    /// The size of kernels with the padding `SameUpper`.
    KernelOfSameUpper,
    /// The step of the convolution.
    KernelStride,
    /// The step of kernels of this size.
    StrideOfKernel(usize),
    /// The step of convolutions with the padding `SameUpper`.
    StrideOfSameUpper,
    /// The border.
    Padding,
    /// The kind of pooling.
    PoolType,
    /// The height and width of the windows of a max pooling.
    PoolSize,
    /// The step of a max pooling.
    PoolStride,
    /// The activation behind a max pooling.
    PooledActivation,
    /// The types of the layers that read a max-pooled layer.
    PooledSuccessor,
    /// The width of the map that a global average pooling sums.
    AverageWidth,
    /// The positions of the map that a global average pooling sums.
    AveragePositions,
    /// The maps in a queue.
    FifoSize,
    /// The width of input values.
    InputBits,
    /// The width of weights.
    WeightsBits,
    /// The width of outputs that other layers can read. Accumulators have none.
    OutputBits,
    /// The formats of all inbounds.
    InboundFormats,
}

/// A rule: what it looks at, what is allowed, who says so, and what helps.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What the rule looks at.
    pub subject: Subject,
    /// What is allowed, with its source.
    pub limit: Limit,
    /// What helps. `{}` stands for the nearest number that is allowed; an empty remedy is "use {}".
    pub remedy: &'static str,
}

/// Where a layer runs, and the rules that it must obey there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// On the host, around the device.
    Host,
    /// On the device.
    Device(&'static [Rule]),
}

/// Every limit of Akida 2.0 devices of one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The first release of the hardware that has these limits.
    pub revision: &'static str,
    /// Rules on every layer.
    pub every: &'static [Rule],
    /// Rules on `InputConv2D`.
    pub image: &'static [Rule],
    /// Rules on `Conv2D`.
    pub conv: &'static [Rule],
    /// Rules on `DepthwiseConv2D`.
    pub depthwise: &'static [Rule],
    /// Rules on `Conv2DTranspose` and `DepthwiseConv2DTranspose`.
    pub transposed: &'static [Rule],
    /// Rules on `Dense1D`.
    pub dense: &'static [Rule],
    /// Rules on `BufferTempConv` and `DepthwiseBufferTempConv`.
    pub temporal: &'static [Rule],
    /// Rules on `Concatenate`.
    pub concatenate: &'static [Rule],
    /// What may read a max-pooled layer.
    pub pooled_successor: Limit,
    /// Where the branches of an `Add` or `Concatenate` must run.
    pub branches: Limit,
}

impl Limits {
    /// Where a layer runs, and the rules that hold for its type beside those on every layer.
    #[must_use]
    pub fn of(&self, layer: &LayerSpec) -> Place {
        match layer {
            LayerSpec::Quantizer(_) | LayerSpec::Dequantizer(_) => Place::Host,
            LayerSpec::InputConv2D(_) => Place::Device(self.image),
            LayerSpec::Conv2D(_) => Place::Device(self.conv),
            LayerSpec::DepthwiseConv2D(_) => Place::Device(self.depthwise),
            LayerSpec::Conv2DTranspose(_) | LayerSpec::DepthwiseConv2DTranspose(_) => {
                Place::Device(self.transposed)
            }
            LayerSpec::Dense1D(_) => Place::Device(self.dense),
            LayerSpec::BufferTempConv(_) | LayerSpec::DepthwiseBufferTempConv(_) => {
                Place::Device(self.temporal)
            }
            LayerSpec::Concatenate(_) => Place::Device(self.concatenate),
            LayerSpec::InputData(_)
            | LayerSpec::Add(_)
            | LayerSpec::StatefulRecurrent(_)
            // The rule on layer types refuses it.
            | LayerSpec::PicoPostProcessing(_) => Place::Device(&[]),
            // Layers of Akida 1.0 never come here.
            LayerSpec::InputConvolutional(_)
            | LayerSpec::Convolutional(_)
            | LayerSpec::SeparableConvolutional(_)
            | LayerSpec::FullyConnected(_)
            | LayerSpec::Concat(_) => Place::Device(&[]),
        }
    }

    /// The rules under the layers that they rule.
    #[must_use]
    pub fn rules(&self) -> [(&'static str, &'static [Rule]); 8] {
        [
            ("InputConv2D", self.image),
            ("Conv2D", self.conv),
            ("DepthwiseConv2D", self.depthwise),
            ("Conv2DTranspose, DepthwiseConv2DTranspose", self.transposed),
            ("Dense1D", self.dense),
            ("BufferTempConv, DepthwiseBufferTempConv", self.temporal),
            ("Concatenate", self.concatenate),
            ("every layer", self.every),
        ]
    }

    /// Every limit under the layers that it rules, for reports.
    #[must_use]
    pub fn all(&'static self) -> Vec<(&'static str, Vec<&'static Limit>)> {
        let mut all: Vec<_> = self
            .rules()
            .into_iter()
            .map(|(title, rules)| (title, rules.iter().map(|rule| &rule.limit).collect()))
            .collect();
        all.push(("Add, Concatenate", vec![&self.branches]));
        all
    }
}
