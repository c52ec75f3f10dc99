//! Version numbers of chips.

use core::fmt;

/// A hardware version, printed as documented: `BC.A1.003.009`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HwVersion {
    /// The vendor: 0xBC.
    pub vendor_id: u8,
    /// The product.
    pub product_id: u8,
    /// The major revision.
    pub major_rev: u8,
    /// The minor revision.
    pub minor_rev: u8,
}

impl HwVersion {
    /// A version of the vendor 0xBC.
    #[must_use]
    pub const fn new(product_id: u8, major_rev: u8, minor_rev: u8) -> Self {
        Self {
            vendor_id: 0xbc,
            product_id,
            major_rev,
            minor_rev,
        }
    }
}

impl fmt::Display for HwVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02X}.{:02X}.{:03}.{:03}",
            self.vendor_id, self.product_id, self.major_rev, self.minor_rev
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn versions_read_as_documented() {
        assert_eq!(HwVersion::new(0, 0, 2).to_string(), "BC.00.000.002");
        assert_eq!(HwVersion::new(0xa1, 3, 9).to_string(), "BC.A1.003.009");
    }
}
