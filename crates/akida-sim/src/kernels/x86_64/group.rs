use crate::kernels::product;

/// The bytes of a group: four inputs of 8 bits, or two of 16.
pub(super) const GROUP: usize = 4;

pub(super) type Product<'a> = product::Product<'a, GROUP>;
