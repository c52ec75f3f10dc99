//! What Akida 1.0 limits: for each layer type, the parameters and properties that a chip restricts.
//!
//! The files beside this one hold the numbers.

use crate::LayerSpec;
use crate::device::limit::Limit;
use alloc::vec;
use alloc::vec::Vec;

/// A part of the limits: adds its limits to a list.
trait Part {
    fn list(&'static self, all: &mut Vec<&'static Limit>);
}

impl Part for Limit {
    fn list(&'static self, all: &mut Vec<&'static Limit>) {
        all.push(self);
    }
}

impl Part for Option<Limit> {
    fn list(&'static self, all: &mut Vec<&'static Limit>) {
        all.extend(self);
    }
}

/// Declares structs whose fields are limits. Reports list the limits of a struct in the order of the fields.
macro_rules! parts {
    ($(
        $(#[$doc:meta])*
        struct $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $limit:ty,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each limit names its rule")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $limit,)*
        }

        impl Part for $name {
            fn list(&'static self, all: &mut Vec<&'static Limit>) {
                $(self.$field.list(all);)*
            }
        }
    )*};
}

parts! {
    /// The widths of the registers that hold a filter's values.
    struct Registers {
        threshold: Limit,
        act_step: Limit,
        potential: Limit,
    }

    /// Limits on `InputConvolutional`.
    struct ImageLimits {
        width: Limit,
        height: Limit,
        channels: Limit,
        kernel_size: Limit,
        kernel_stride: Limit,
        padding: Limit,
        filters: Limit,
        pool_type: Limit,
        pool_size: Limit,
        pool_stride: Limit,
        weights_bits: Limit,
        act_bits: Limit,
        /// The registers of the unit that runs the layer.
        registers: Registers,
    }

    /// Limits on `Convolutional` or `SeparableConvolutional`.
    struct ConvLimits {
        width: Limit,
        height: Limit,
        channels: Limit,
        kernel_size: Limit,
        kernel_stride: Limit,
        /// Kernels that allow a stride above 1.
        strided_kernel: Limit,
        padding: Limit,
        pool_size: Limit,
        pool_stride: Limit,
        /// What may read a max-pooled layer.
        pooled_successor: Limit,
        /// The width of the map that global average pooling (GAP) sums.
        gap_width: Limit,
        /// The rows of the map that global average pooling sums.
        gap_rows: Limit,
        /// The least number of input positions of a layer with global average pooling; `None` without such a limit.
        gap_input: Option<Limit>,
        input_bits: Limit,
        weights_bits: Limit,
        act_bits: Limit,
    }

    /// Limits on `FullyConnected`.
    struct FullyLimits {
        inputs: Limit,
        input_bits: Limit,
        weights_bits: Limit,
        act_bits: Limit,
    }
}

/// Every limit of Akida 1.0 devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Limits on `InputConvolutional`.
    pub image: ImageLimits,
    /// Limits on `Convolutional`.
    pub conv: ConvLimits,
    /// Limits on `SeparableConvolutional`.
    pub separable: ConvLimits,
    /// Limits on `FullyConnected`.
    pub fully: FullyLimits,
    /// The layer types that run on the chip at all.
    pub layer_type: Limit,
    /// The registers of NPs, which run every layer with weights but `InputConvolutional`.
    pub registers: Registers,
}

/// The limits that rule one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerLimits<'a> {
    /// No limits but the one on layer types.
    Unlimited,
    /// The limits on `InputConvolutional`.
    Image(&'a ImageLimits),
    /// The limits on `Convolutional` or on `SeparableConvolutional`.
    Conv(&'a ConvLimits),
    /// The limits on `FullyConnected`.
    Fully(&'a FullyLimits),
}

impl Limits {
    /// The limits that the documentation states for the type of a layer.
    #[must_use]
    pub fn of(&self, layer: &LayerSpec) -> LayerLimits<'_> {
        match layer {
            LayerSpec::InputData(_) | LayerSpec::Concat(_) => LayerLimits::Unlimited,
            // Layers of Akida 2.0 never come here.
            LayerSpec::Quantizer(_)
            | LayerSpec::InputConv2D(_)
            | LayerSpec::Conv2D(_)
            | LayerSpec::DepthwiseConv2D(_)
            | LayerSpec::Conv2DTranspose(_)
            | LayerSpec::DepthwiseConv2DTranspose(_)
            | LayerSpec::Dense1D(_)
            | LayerSpec::Add(_)
            | LayerSpec::Concatenate(_)
            | LayerSpec::BufferTempConv(_)
            | LayerSpec::DepthwiseBufferTempConv(_)
            | LayerSpec::StatefulRecurrent(_)
            | LayerSpec::PicoPostProcessing(_)
            | LayerSpec::Dequantizer(_) => LayerLimits::Unlimited,
            LayerSpec::InputConvolutional(_) => LayerLimits::Image(&self.image),
            LayerSpec::Convolutional(_) => LayerLimits::Conv(&self.conv),
            LayerSpec::SeparableConvolutional(_) => LayerLimits::Conv(&self.separable),
            LayerSpec::FullyConnected(_) => LayerLimits::Fully(&self.fully),
        }
    }

    /// The registers that hold the values of a layer.
    #[must_use]
    pub fn registers_of(&self, layer: &LayerSpec) -> &Registers {
        match self.of(layer) {
            LayerLimits::Image(limits) => &limits.registers,
            LayerLimits::Unlimited | LayerLimits::Conv(_) | LayerLimits::Fully(_) => {
                &self.registers
            }
        }
    }

    /// Every limit under the layers that it rules, for reports.
    #[must_use]
    pub fn all(&'static self) -> Vec<(&'static str, Vec<&'static Limit>)> {
        let titled = |title, part: &'static dyn Part| {
            let mut all = Vec::new();
            part.list(&mut all);
            (title, all)
        };
        vec![
            titled("InputConvolutional", &self.image),
            titled("Convolutional", &self.conv),
            titled("SeparableConvolutional", &self.separable),
            titled("FullyConnected", &self.fully),
            titled("every layer but InputConvolutional", &self.registers),
            titled("every layer", &self.layer_type),
        ]
    }
}
