//! Version numbers of chips.

use crate::IpVersion;
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

    /// The generation of the hardware, which the product tells. Products A2 (FPGA) and B1 (Pico) are of Akida 2.0.
    #[must_use]
    pub const fn ip_version(&self) -> IpVersion {
        match self.product_id {
            0xa2 | 0xb1 => IpVersion::V2,
            _ => IpVersion::V1,
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
        assert_eq!(HwVersion::new(0xa2, 1, 0).to_string(), "BC.A2.001.000");
    }

    #[test]
    fn the_product_tells_the_generation() {
        for (product, generation) in [
            (0x00, IpVersion::V1),
            (0xa1, IpVersion::V1),
            (0xa2, IpVersion::V2),
            (0xb1, IpVersion::V2),
        ] {
            assert_eq!(HwVersion::new(product, 1, 0).ip_version(), generation);
        }
    }
}
