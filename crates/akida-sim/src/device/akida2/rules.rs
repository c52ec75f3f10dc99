//! The rules of Akida 2.0 on each layer type.
//!
//! Rules that depend on the revision of the hardware are made for the widths that the revision has.

use super::limits::{Rule, Subject};
use super::sources::PAGE;
use crate::Padding;
use crate::device::fact::Standing;
use crate::device::limit::{Allowed, Limit};

/// The widths that maps and weights may have, by the revision of the hardware.
#[derive(Clone, Copy)]
pub(super) struct Widths {
    pub(super) allowed: Allowed,
    pub(super) standing: Standing,
    pub(super) source: &'static str,
}

/// Widths of layers that have 8 bits in every revision.
const EIGHT: Widths = Widths {
    allowed: Allowed::OneOf(&[8]),
    standing: Standing::Stated,
    source: PAGE,
};

const RESIZE: &str = "resize or tile the images to a size of {}";
/// What published conversion code says of `SameUpper`.
const SAME_UPPER: &str = "published conversion code (cnn2snn 2.19) makes SameUpper of ONNX models, with a stride of 2 and these \
                          kernels alone";

/// A rule of the page. Its remedy is the nearest value.
const fn stated(subject: Subject, rule: &'static str, allowed: Allowed) -> Rule {
    Rule {
        subject,
        limit: Limit::stated(rule, allowed, PAGE),
        remedy: "",
    }
}

impl Rule {
    const fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    const fn with_source(self, source: &'static str) -> Self {
        let limit = Limit {
            source,
            ..self.limit
        };
        Self { limit, ..self }
    }

    /// The same rule, which no page states.
    const fn inferred_from(self, source: &'static str) -> Self {
        let limit = Limit::inferred(self.limit.rule, self.limit.allowed, source);
        Self { limit, ..self }
    }
}

const fn bits(subject: Subject, rule: &'static str, widths: Widths) -> Rule {
    Rule {
        subject,
        limit: Limit {
            rule,
            allowed: widths.allowed,
            standing: widths.standing,
            source: widths.source,
        },
        remedy: "quantize it to {} bits",
    }
}

const fn same_upper(subject: Subject, rule: &'static str, allowed: Allowed) -> Rule {
    stated(subject, rule, allowed)
        .inferred_from(SAME_UPPER)
        .with_remedy("use padding Same")
}

/// What may read a max-pooled layer.
pub(super) const POOLED_SUCCESSOR: Rule = stated(
    Subject::PooledSuccessor,
    "the layer after max pooling",
    Allowed::Words(&["Conv2D", "DepthwiseConv2D"]),
)
.with_remedy("pool in an earlier layer, or use a kernel_stride of 2 instead of pooling");

const POOLED_ACTIVATION: Rule = stated(
    Subject::PooledActivation,
    "activation with max pooling",
    Allowed::Words(&["NoActivation", "ReLU"]),
)
.with_remedy("use a ReLU, or a kernel_stride of 2 instead of pooling");

/// Where the branches of an `Add` or `Concatenate` must run.
pub(super) const BRANCHES: Limit = Limit::inferred(
    "the branches of the layer",
    Allowed::Words(&["on the device as a whole"]),
    "a program has one input and one output (Akida Engine page), so that a branch and the layer that ends it are in one program",
);

pub(super) const EVERY: [Rule; 1] = [stated(
    Subject::LayerType,
    "layer type",
    Allowed::Words(&[
        "InputData",
        "InputConv2D",
        "Conv2D",
        "DepthwiseConv2D",
        "Conv2DTranspose",
        "DepthwiseConv2DTranspose",
        "Dense1D",
        "Add",
        "Concatenate",
        "BufferTempConv",
        "DepthwiseBufferTempConv",
        "StatefulRecurrent",
    ]),
)
.inferred_from(
    "Akida 2.0 hardware constraints page and the documented types of units; Quantizer and Dequantizer run on the host, and \
     nothing public says where PicoPostProcessing does",
)
.with_remedy("map without hw_only, which leaves it to software")];

pub(super) const fn image(maps: Widths) -> [Rule; 19] {
    [
        stated(Subject::InputWidth, "input width", Allowed::AtLeast(5)).with_remedy(RESIZE),
        stated(
            Subject::InputHeight,
            "input height",
            Allowed::Range(5, 384),
        )
        .with_remedy(RESIZE),
        stated(
            Subject::InputChannels,
            "input channels",
            Allowed::OneOf(&[1, 3]),
        ),
        stated(
            Subject::KernelSize,
            "kernel_size",
            Allowed::OneOf(&[3, 4, 5, 7]),
        ),
        stated(
            Subject::StrideOfKernel(3),
            "kernel_stride with kernel_size 3",
            Allowed::AtMost(3),
        ),
        stated(
            Subject::StrideOfKernel(4),
            "kernel_stride with kernel_size 4",
            Allowed::AtMost(4),
        ),
        stated(
            Subject::StrideOfKernel(5),
            "kernel_stride with kernel_size 5",
            Allowed::AtMost(5),
        ),
        stated(
            Subject::StrideOfKernel(7),
            "kernel_stride with kernel_size 7",
            Allowed::AtMost(6),
        ),
        stated(
            Subject::Padding,
            "padding",
            Allowed::Paddings(&[Padding::Same, Padding::Valid, Padding::SameUpper]),
        )
        .with_source(
            "Akida 2.0 hardware constraints page: Same and Valid; published conversion code also makes SameUpper",
        ),
        same_upper(
            Subject::KernelOfSameUpper,
            "kernel_size with padding SameUpper",
            Allowed::OneOf(&[3, 5, 7]),
        ),
        same_upper(
            Subject::StrideOfSameUpper,
            "kernel_stride with padding SameUpper",
            Allowed::OneOf(&[2]),
        ),
        stated(Subject::Filters, "filters", Allowed::AtMost(512)),
        stated(
            Subject::PoolType,
            "pool_type",
            Allowed::Words(&["NoPooling", "Max"]),
        )
        .inferred_from("the hardware constraints page lists max pooling only for this layer")
        .with_remedy("pool in a later layer"),
        stated(Subject::PoolSize, "pool_size", Allowed::OneOf(&[2, 3])),
        stated(Subject::PoolStride, "pool_stride", Allowed::OneOf(&[2])),
        POOLED_ACTIVATION,
        bits(Subject::InputBits, "input_bits", EIGHT),
        bits(Subject::WeightsBits, "weights_bits", EIGHT),
        bits(Subject::OutputBits, "output_bits", maps),
    ]
}

pub(super) const fn conv(maps: Widths) -> [Rule; 18] {
    convolution(
        stated(
            Subject::KernelSize,
            "kernel_size",
            Allowed::OneOf(&[1, 3, 5, 7]),
        ),
        stated(
            Subject::KernelOfStride(2),
            "kernel_size with kernel_stride 2",
            Allowed::OneOf(&[1, 3]),
        )
        .with_source("Akida 2.0 hardware constraints page: 3; release 2.7.2 added 1 for Conv2D"),
        maps,
    )
}

pub(super) const fn depthwise(maps: Widths) -> [Rule; 18] {
    convolution(
        stated(
            Subject::KernelSize,
            "kernel_size",
            Allowed::OneOf(&[3, 5, 7]),
        ),
        stated(
            Subject::KernelOfStride(2),
            "kernel_size with kernel_stride 2",
            Allowed::OneOf(&[3]),
        ),
        maps,
    )
}

const fn convolution(kernel: Rule, strided_kernel: Rule, maps: Widths) -> [Rule; 18] {
    [
        stated(Subject::InputWidth, "input width", Allowed::AtMost(4096)),
        stated(Subject::InputHeight, "input height", Allowed::AtMost(4096)),
        stated(
            Subject::InputChannels,
            "input channels",
            Allowed::AtMost(2048),
        )
        .with_remedy("give the layer before at most {} filters"),
        kernel,
        stated(
            Subject::KernelStride,
            "kernel_stride",
            Allowed::OneOf(&[1, 2]),
        ),
        strided_kernel,
        stated(
            Subject::Padding,
            "padding",
            Allowed::Paddings(&[Padding::Same, Padding::SameUpper]),
        )
        .with_source(
            "Akida 2.0 hardware constraints page: Same; published conversion code also makes SameUpper",
        ),
        same_upper(
            Subject::KernelOfSameUpper,
            "kernel_size with padding SameUpper",
            Allowed::OneOf(&[3]),
        ),
        same_upper(
            Subject::StrideOfSameUpper,
            "kernel_stride with padding SameUpper",
            Allowed::OneOf(&[2]),
        ),
        stated(Subject::PoolSize, "pool_size", Allowed::OneOf(&[2])),
        stated(Subject::PoolStride, "pool_stride", Allowed::OneOf(&[1, 2])),
        POOLED_ACTIVATION,
        POOLED_SUCCESSOR,
        stated(
            Subject::AverageWidth,
            "width before global average pooling",
            Allowed::Range(1, 64),
        )
        .with_remedy(
            "reduce the map with strides or pooling in earlier layers to a width of {}",
        ),
        stated(
            Subject::AveragePositions,
            "positions before global average pooling",
            Allowed::AtMost(143),
        )
        .with_source(
            "Akida 2.0 hardware constraints page: width x height below 144, checked since release 2.9.0",
        )
        .with_remedy(
            "reduce the map with strides or pooling in earlier layers to at most {} positions",
        ),
        bits(Subject::InputBits, "input_bits", maps),
        bits(Subject::WeightsBits, "weights_bits", maps),
        bits(Subject::OutputBits, "output_bits", maps),
    ]
}

pub(super) const TRANSPOSED: [Rule; 6] = [
    stated(Subject::KernelSize, "kernel_size", Allowed::OneOf(&[3, 4])),
    stated(Subject::KernelStride, "kernel_stride", Allowed::OneOf(&[2])),
    stated(
        Subject::Padding,
        "padding",
        Allowed::Paddings(&[Padding::Same]),
    ),
    bits(Subject::InputBits, "input_bits", EIGHT),
    bits(Subject::WeightsBits, "weights_bits", EIGHT),
    bits(Subject::OutputBits, "output_bits", EIGHT),
];

pub(super) const fn dense(maps: Widths) -> [Rule; 4] {
    [
        stated(
            Subject::InputValues,
            "inputs (height x width x channels)",
            Allowed::AtMost(2048),
        )
        .with_source(
            "Akida 2.0 hardware constraints page; the single position there is taken as that of the flattened input, as on Akida 1.0",
        )
        .with_remedy(
            "reduce the map with pooling, strides or fewer filters to at most {} values",
        ),
        bits(Subject::InputBits, "input_bits", maps),
        bits(Subject::WeightsBits, "weights_bits", maps),
        bits(Subject::OutputBits, "output_bits", maps),
    ]
}

pub(super) const TEMPORAL: [Rule; 5] = [
    stated(Subject::FifoSize, "fifo_size", Allowed::Range(2, 10)),
    stated(Subject::Filters, "filters", Allowed::AtMost(2048)),
    bits(Subject::InputBits, "input_bits", EIGHT),
    bits(Subject::WeightsBits, "weights_bits", EIGHT),
    bits(Subject::OutputBits, "output_bits", EIGHT),
];

pub(super) const CONCATENATE: [Rule; 1] = [stated(
    Subject::InboundFormats,
    "the bits and sign of all inbounds",
    Allowed::Words(&["equal"]),
)
.with_source("Akida API reference, Concatenate")
.with_remedy("give the inbounds the same output_bits and sign")];
