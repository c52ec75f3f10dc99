//! The chips that have a name.

use super::akida1::akd1000::AKD1000;
use super::akida1::akd1500::AKD1500;
use super::akida1::two_nodes_ip_v1::TWO_NODES_IP_V1;
use super::akida2::six_nodes_ip_v2::SIX_NODES_IP_V2;
use super::akida2::two_nodes_ip_v2::TWO_NODES_IP_V2;
use super::chip::Chip;

/// The chips that are known by name, of all generations.
pub static CHIPS: [&Chip; 5] = [
    &AKD1000,
    &AKD1500,
    &TWO_NODES_IP_V1,
    &TWO_NODES_IP_V2,
    &SIX_NODES_IP_V2,
];
