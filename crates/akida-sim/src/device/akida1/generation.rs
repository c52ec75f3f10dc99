//! The limits of Akida 1.0, put together.

use super::convolutions::{CONVOLUTIONAL, SEPARABLE_CONVOLUTIONAL};
use super::fully_connected::FULLY_CONNECTED;
use super::input_convolutional::INPUT_CONVOLUTIONAL;
use super::limits::Limits;
use super::registers::NP_REGISTERS;
use crate::device::limit::{Allowed, Limit};

/// The limits of Akida 1.0 devices.
pub(super) static AKIDA1: Limits = Limits {
    image: INPUT_CONVOLUTIONAL,
    conv: CONVOLUTIONAL,
    separable: SEPARABLE_CONVOLUTIONAL,
    fully: FULLY_CONNECTED,
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
    registers: NP_REGISTERS,
};
