//! The limits of Akida 1.0 on `Convolutional` and `SeparableConvolutional`, which are alike but for a few.

use super::limits::ConvLimits;
use super::sources::{LEVEL_BITS, PAGE};
use crate::device::limit::{Allowed, Limit};
use crate::{Padding, Pair};

const NEWEST_PAGE: &str =
    "Akida 1.0 hardware constraints page, newest revision; earlier ones give no limit";
const POOL_PAGE: &str = "Akida 1.0 hardware constraints page: 2x2, stride 1 or 2, not above the size; 1x1 in revisions up to 2023";
const GLOBAL_AVERAGE_PAGE: &str = "Akida 1.0 hardware constraints page, since November 2021";

const POOLS: &[Pair] = &[Pair::square(1), Pair::square(2)];

pub(super) const CONVOLUTIONAL: ConvLimits = ConvLimits {
    width: Limit::stated("input width", Allowed::AtMost(4096), NEWEST_PAGE),
    height: Limit::stated("input height", Allowed::AtMost(4096), NEWEST_PAGE),
    channels: Limit::stated("input channels", Allowed::AtMost(2048), NEWEST_PAGE),
    kernel_size: Limit::stated(
        "kernel_size",
        Allowed::Sizes(&[
            Pair::square(1),
            Pair::square(3),
            Pair::square(5),
            Pair::square(7),
        ]),
        PAGE,
    ),
    kernel_stride: Limit::stated(
        "kernel_stride",
        Allowed::Sizes(&[Pair::square(1), Pair::square(2)]),
        PAGE,
    ),
    strided_kernel: Limit::stated(
        "kernel_size with kernel_stride (2, 2)",
        Allowed::Sizes(&[Pair::square(3)]),
        PAGE,
    ),
    padding: Limit::stated("padding", Allowed::Paddings(&[Padding::Same]), PAGE),
    pool_size: Limit::stated("pool_size", Allowed::Sizes(POOLS), POOL_PAGE),
    pool_stride: Limit::stated("pool_stride", Allowed::Sizes(POOLS), POOL_PAGE),
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
        GLOBAL_AVERAGE_PAGE,
    ),
    gap_input: None,
    input_bits: Limit::stated("input_bits", LEVEL_BITS, PAGE),
    weights_bits: Limit::stated("weights_bits", LEVEL_BITS, PAGE),
    act_bits: Limit::stated("act_bits", LEVEL_BITS, PAGE),
};

pub(super) const SEPARABLE_CONVOLUTIONAL: ConvLimits = ConvLimits {
    kernel_size: Limit::stated(
        "kernel_size",
        Allowed::Sizes(&[Pair::square(3), Pair::square(5), Pair::square(7)]),
        PAGE,
    ),
    gap_input: Some(Limit::stated(
        "input positions with global average pooling",
        Allowed::AtLeast(2),
        GLOBAL_AVERAGE_PAGE,
    )),
    weights_bits: Limit::stated("weights_bits", Allowed::OneOf(&[2, 4]), PAGE),
    ..CONVOLUTIONAL
};
