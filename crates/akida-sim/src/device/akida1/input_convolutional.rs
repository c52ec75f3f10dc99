//! The limits of Akida 1.0 on `InputConvolutional`.

use super::limits::ImageLimits;
use super::registers::HRC_REGISTERS;
use super::sources::{LEVEL_BITS, PAGE};
use crate::device::limit::{Allowed, FilterLimit, Limit};
use crate::{Padding, Pair};

const KERNELS: &[Pair] = &[Pair::square(3), Pair::square(5), Pair::square(7)];
const STRIDES: &[Pair] = &[Pair::square(1), Pair::square(2), Pair::square(3)];
const POOLS: &[Pair] = &[
    Pair::square(1),
    Pair::new(1, 2),
    Pair::new(2, 1),
    Pair::square(2),
];
const FILTERS: &[FilterLimit] = &[
    filters(3, 1, 512),
    filters(5, 1, 192),
    filters(7, 1, 96),
    filters(3, 3, 192),
    filters(5, 3, 64),
    filters(7, 3, 32),
];

const fn filters(kernel: usize, channels: usize, filters: usize) -> FilterLimit {
    FilterLimit {
        kernel,
        channels,
        filters,
    }
}

pub(super) const INPUT_CONVOLUTIONAL: ImageLimits = ImageLimits {
    width: Limit::stated("input width", Allowed::Range(5, 256), PAGE),
    height: Limit::stated(
        "input height",
        Allowed::AtLeast(5),
        "Akida 1.0 hardware constraints page, newest revision; that of August 2023: 5..=256",
    ),
    channels: Limit::stated("input channels", Allowed::OneOf(&[1, 3]), PAGE),
    kernel_size: Limit::stated("kernel_size", Allowed::Sizes(KERNELS), PAGE),
    kernel_stride: Limit::stated("kernel_stride", Allowed::Sizes(STRIDES), PAGE),
    padding: Limit::stated(
        "padding",
        Allowed::Paddings(&[Padding::Same, Padding::Valid]),
        PAGE,
    ),
    filters: Limit::stated("filters", Allowed::Filters(FILTERS), PAGE),
    pool_type: Limit::inferred(
        "pool_type",
        Allowed::Words(&["NoPooling", "Max"]),
        "the hardware constraints page lists max pooling only for this layer",
    ),
    pool_size: Limit::stated(
        "pool_size",
        Allowed::Sizes(POOLS),
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
    registers: HRC_REGISTERS,
};
