//! The limits that Akida 1.0 devices share.

use super::Fact;
use super::limits::{Allowed, FilterLimit, Limit};
use crate::{LayerSpec, Padding, Pair};
use alloc::vec;
use alloc::vec::Vec;

const PAGE: &str =
    "Akida 1.0 hardware constraints page (doc.brainchipinc.com/user_guide/hardware/1.0.html)";
const REGISTER: &str = "the published mapping error refuses 1246278 as a 20-bit unsigned integer, and published code \
                        takes 524287 and 65535 as the largest threshold and step";
const IMAGE_REGISTER: &str = "published conversion code (cnn2snn 2.19) bounds the steps of this layer by 2^20 - 1 and its \
                              thresholds by 2^23 - 1, where it bounds those of other layers by 2^16 - 1 and 2^19 - 1";

const PROGRAM: &str =
    "fitted to 22 published sizes, half of which it meets within 2 %, all within 13 %";

const fn square(sizes: [usize; 4]) -> [Pair; 4] {
    [
        Pair::square(sizes[0]),
        Pair::square(sizes[1]),
        Pair::square(sizes[2]),
        Pair::square(sizes[3]),
    ]
}

static KERNELS: [Pair; 4] = square([1, 3, 5, 7]);
static STRIDES: [Pair; 4] = square([1, 2, 3, 4]);
static IMAGE_POOLS: [Pair; 4] = [
    Pair::square(1),
    Pair::new(1, 2),
    Pair::new(2, 1),
    Pair::square(2),
];
static IMAGE_FILTERS: [FilterLimit; 6] = [
    image_filters(3, 1, 512),
    image_filters(5, 1, 192),
    image_filters(7, 1, 96),
    image_filters(3, 3, 192),
    image_filters(5, 3, 64),
    image_filters(7, 3, 32),
];

const fn image_filters(kernel: usize, channels: usize, filters: usize) -> FilterLimit {
    FilterLimit {
        kernel,
        channels,
        filters,
    }
}

/// Limits on `InputConvolutional`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each limit names its rule")]
pub struct ImageLimits {
    pub width: Limit,
    pub height: Limit,
    pub channels: Limit,
    pub kernel_size: Limit,
    pub kernel_stride: Limit,
    pub padding: Limit,
    pub filters: Limit,
    pub pool_type: Limit,
    pub pool_size: Limit,
    pub pool_stride: Limit,
    pub weights_bits: Limit,
    pub act_bits: Limit,
    pub registers: Registers,
}

/// Limits on `Convolutional` or `SeparableConvolutional`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each limit names its rule")]
pub struct ConvLimits {
    pub width: Limit,
    pub height: Limit,
    pub channels: Limit,
    pub kernel_size: Limit,
    pub kernel_stride: Limit,
    /// Kernels that allow a stride above 1.
    pub strided_kernel: Limit,
    pub padding: Limit,
    pub pool_size: Limit,
    pub pool_stride: Limit,
    /// What may read a max-pooled layer.
    pub pooled_successor: Limit,
    pub gap_width: Limit,
    pub gap_rows: Limit,
    /// For separable layers: the least number of positions of the input with global average pooling.
    pub gap_input: Option<Limit>,
    pub input_bits: Limit,
    pub weights_bits: Limit,
    pub act_bits: Limit,
}

/// Limits on `FullyConnected`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each limit names its rule")]
pub struct FullyLimits {
    pub inputs: Limit,
    pub input_bits: Limit,
    pub weights_bits: Limit,
    pub act_bits: Limit,
}

/// The widths of the registers that hold a filter's values.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each limit names its rule")]
pub struct Registers {
    pub threshold: Limit,
    pub act_step: Limit,
    pub potential: Limit,
}

/// What a program for the chip takes, by the published sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramSize {
    /// Bytes per byte of weights that an NP holds or reads.
    pub per_weight_byte: Fact<f64>,
    /// Bytes per NP.
    pub per_np: Fact<f64>,
}

/// Every limit of a generation of devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// `InputConvolutional`.
    pub image: ImageLimits,
    /// `Convolutional`.
    pub conv: ConvLimits,
    /// `SeparableConvolutional`.
    pub separable: ConvLimits,
    /// `FullyConnected`.
    pub fully: FullyLimits,
    /// Layers that run on the chip at all.
    pub layer_type: Limit,
    /// Values of every layer with weights but `InputConvolutional`.
    pub registers: Registers,
    /// Size of programs.
    pub program: ProgramSize,
}

/// The registers of the unit that runs `InputConvolutional`.
pub const IMAGE_REGISTERS: Registers = Registers {
    threshold: Limit::inferred("threshold", Allowed::Signed(24), IMAGE_REGISTER),
    act_step: Limit::inferred("act_step", Allowed::Unsigned(24, 4), IMAGE_REGISTER),
    potential: Limit::inferred(
        "potential",
        Allowed::Signed(24),
        "weakly: potentials meet thresholds of 24 bits",
    ),
};

/// The registers of NPs, which run all other layers.
pub const REGISTERS: Registers = Registers {
    threshold: Limit::inferred("threshold", Allowed::Signed(20), REGISTER),
    act_step: Limit::inferred("act_step", Allowed::Unsigned(20, 4), REGISTER),
    potential: Limit::inferred(
        "potential",
        Allowed::Signed(20),
        "weakly: potentials meet thresholds of 20 bits, and the January 2020 page allows 20 bits for global average pooling",
    ),
};

const LEVEL_BITS: Allowed = Allowed::OneOf(&[1, 2, 4]);

const fn conv_limits(
    kernels: &'static [Pair],
    weights_bits: Allowed,
    gap_input: Option<Limit>,
) -> ConvLimits {
    ConvLimits {
        width: Limit::stated("input width", Allowed::AtMost(4096), PAGE_NEWEST),
        height: Limit::stated("input height", Allowed::AtMost(4096), PAGE_NEWEST),
        channels: Limit::stated("input channels", Allowed::AtMost(2048), PAGE_NEWEST),
        kernel_size: Limit::stated("kernel_size", Allowed::Sizes(kernels), PAGE),
        kernel_stride: Limit::stated("kernel_stride", Allowed::Sizes(STRIDES.split_at(2).0), PAGE),
        strided_kernel: Limit::stated(
            "kernel_size with kernel_stride (2, 2)",
            Allowed::Sizes(KERNELS.split_at(1).1.split_at(1).0),
            PAGE,
        ),
        padding: Limit::stated("padding", Allowed::Paddings(&[Padding::Same]), PAGE),
        pool_size: Limit::stated("pool_size", Allowed::Sizes(&POOLS), POOL_PAGE),
        pool_stride: Limit::stated("pool_stride", Allowed::Sizes(&POOLS), POOL_PAGE),
        pooled_successor: Limit::stated(
            "the layer after max pooling",
            Allowed::Words(&["Convolutional", "SeparableConvolutional"]),
            "Akida 1.0 hardware constraints page, since September 2021 on production chips too",
        ),
        gap_width: Limit::stated(
            "width before global average pooling",
            Allowed::Range(1, 32),
            PAGE,
        ),
        gap_rows: Limit::stated(
            "rows before global average pooling",
            Allowed::AtLeast(3),
            GAP_PAGE,
        ),
        gap_input,
        input_bits: Limit::stated("input_bits", LEVEL_BITS, PAGE),
        weights_bits: Limit::stated("weights_bits", weights_bits, PAGE),
        act_bits: Limit::stated("act_bits", LEVEL_BITS, PAGE),
    }
}

static POOLS: [Pair; 2] = [Pair::square(1), Pair::square(2)];
const PAGE_NEWEST: &str =
    "Akida 1.0 hardware constraints page, newest revision; earlier ones give no limit";
const POOL_PAGE: &str = "Akida 1.0 hardware constraints page: 2x2, stride 1 or 2, not above the size; 1x1 in revisions up to 2023";
const GAP_PAGE: &str = "Akida 1.0 hardware constraints page, since November 2021";

/// The limits of Akida 1.0 devices.
pub(super) static AKIDA1: Limits = Limits {
    image: ImageLimits {
        width: Limit::stated("input width", Allowed::Range(5, 256), PAGE),
        height: Limit::stated(
            "input height",
            Allowed::AtLeast(5),
            "Akida 1.0 hardware constraints page, newest revision; that of August 2023: 5..=256",
        ),
        channels: Limit::stated("input channels", Allowed::OneOf(&[1, 3]), PAGE),
        kernel_size: Limit::stated("kernel_size", Allowed::Sizes(KERNELS.split_at(1).1), PAGE),
        kernel_stride: Limit::stated("kernel_stride", Allowed::Sizes(STRIDES.split_at(3).0), PAGE),
        padding: Limit::stated(
            "padding",
            Allowed::Paddings(&[Padding::Same, Padding::Valid]),
            PAGE,
        ),
        filters: Limit::stated("filters", Allowed::Filters(&IMAGE_FILTERS), PAGE),
        pool_type: Limit::inferred(
            "pool_type",
            Allowed::Words(&["NoPooling", "Max"]),
            "the hardware constraints page lists max pooling only for this layer",
        ),
        pool_size: Limit::stated(
            "pool_size",
            Allowed::Sizes(&IMAGE_POOLS),
            "Akida 1.0 hardware constraints page; 1x1 in revisions up to 2023",
        ),
        pool_stride: Limit::stated(
            "pool_stride",
            Allowed::Words(&["equal to pool_size"]),
            "Akida 1.0 hardware constraints page, since February 2022",
        ),
        weights_bits: Limit::stated(
            "weights_bits",
            Allowed::OneOf(&[1, 2, 4, 8]),
            "Akida 1.0 hardware constraints page, revisions of 2021 to 2023; the newest lists 8 only",
        ),
        act_bits: Limit::stated("act_bits", LEVEL_BITS, PAGE),
        registers: IMAGE_REGISTERS,
    },
    conv: conv_limits(&KERNELS, LEVEL_BITS, None),
    separable: conv_limits(
        KERNELS.split_at(1).1,
        Allowed::OneOf(&[2, 4]),
        Some(Limit::stated(
            "input positions with global average pooling",
            Allowed::AtLeast(2),
            GAP_PAGE,
        )),
    ),
    fully: FullyLimits {
        inputs: Limit::stated(
            "inputs (height x width x channels)",
            Allowed::AtMost(57334),
            "Akida 1.0 hardware constraints page, since November 2021; \"W = H = 1\" there is that of the flattened input, as \
             published mappings of larger maps show",
        ),
        input_bits: Limit::stated("input_bits", LEVEL_BITS, PAGE),
        weights_bits: Limit::stated("weights_bits", LEVEL_BITS, PAGE),
        act_bits: Limit::stated("act_bits", LEVEL_BITS, PAGE),
    },
    layer_type: Limit::stated(
        "layer type",
        Allowed::Words(&[
            "InputData",
            "InputConvolutional",
            "Convolutional",
            "SeparableConvolutional",
            "FullyConnected",
        ]),
        "Akida user guide; Concat has not been supported on hardware since March 2022",
    ),
    registers: REGISTERS,
    program: ProgramSize {
        per_weight_byte: Fact::inferred(1.5, PROGRAM),
        per_np: Fact::inferred(1200.0, PROGRAM),
    },
};

impl Registers {
    /// The registers that hold the values of a layer on Akida 1.0 devices.
    #[must_use]
    pub fn of(layer: &LayerSpec) -> &'static Self {
        AKIDA1.registers_of(layer)
    }
}

impl Limits {
    /// The registers that hold the values of a layer.
    #[must_use]
    pub fn registers_of(&self, layer: &LayerSpec) -> &Registers {
        match layer {
            LayerSpec::InputConvolutional(_) => &self.image.registers,
            _ => &self.registers,
        }
    }

    /// Every limit under the layer that it rules, for reports.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, Vec<&Limit>)> {
        let (i, f, r) = (&self.image, &self.fully, &self.registers);
        let image = &i.registers;
        vec![
            (
                "InputConvolutional",
                vec![
                    &i.width,
                    &i.height,
                    &i.channels,
                    &i.kernel_size,
                    &i.kernel_stride,
                    &i.padding,
                    &i.filters,
                    &i.pool_type,
                    &i.pool_size,
                    &i.pool_stride,
                    &i.weights_bits,
                    &i.act_bits,
                    &image.threshold,
                    &image.act_step,
                    &image.potential,
                ],
            ),
            ("Convolutional", self.conv.all()),
            ("SeparableConvolutional", self.separable.all()),
            (
                "FullyConnected",
                vec![&f.inputs, &f.input_bits, &f.weights_bits, &f.act_bits],
            ),
            (
                "every layer but InputConvolutional",
                vec![&r.threshold, &r.act_step, &r.potential],
            ),
            ("every layer", vec![&self.layer_type]),
        ]
    }
}

impl ConvLimits {
    fn all(&self) -> Vec<&Limit> {
        let mut all = vec![
            &self.width,
            &self.height,
            &self.channels,
            &self.kernel_size,
            &self.kernel_stride,
            &self.strided_kernel,
            &self.padding,
            &self.pool_size,
            &self.pool_stride,
            &self.pooled_successor,
            &self.gap_width,
            &self.gap_rows,
        ];
        all.extend(self.gap_input.as_ref());
        all.extend([&self.input_bits, &self.weights_bits, &self.act_bits]);
        all
    }
}
