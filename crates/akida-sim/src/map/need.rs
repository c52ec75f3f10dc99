//! What a layer takes of a chip: the units, and into how many parts its rows and filters must be cut.

use crate::device::NpType;
use alloc::vec::Vec;

/// The least that a layer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// The type of the layer's units; `None` for a layer that takes none.
    pub(super) kind: Option<NpType>,
    /// Parts of the input rows.
    pub(super) row_parts: usize,
    /// Input rows of a part. The last part may have fewer.
    pub(super) rows: usize,
    /// Filters that the memory of one NP holds.
    pub(super) filters_per_np: usize,
    /// All filters of the layer.
    pub(super) filters: usize,
    /// What filters and input rows take in the memory of an NP.
    pub(super) bytes: Bytes,
}

/// What filters and input rows take in the memory of an NP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bytes {
    /// Bits of one filter.
    pub(super) filter_bits: u64,
    /// Bytes of one input row.
    pub(super) row: u64,
}

impl Bytes {
    /// Bytes of `filters` filters.
    pub(super) fn filters(&self, filters: usize) -> u64 {
        (self.filter_bits * filters as u64).div_ceil(8)
    }
}

impl Need {
    /// The need of a layer that takes no unit.
    pub(super) const NOTHING: Self = Self {
        kind: None,
        row_parts: 1,
        rows: 0,
        filters_per_np: usize::MAX,
        filters: 0,
        bytes: Bytes {
            filter_bits: 0,
            row: 0,
        },
    };

    /// Parts of the filters, with at most `cap` in each.
    pub(super) fn filter_parts(&self, cap: usize) -> usize {
        match self.kind {
            Some(kind) if kind.shares_a_layer() => {
                self.filters.div_ceil(self.filters_per_np.min(cap).max(1))
            }
            None | Some(_) => 1,
        }
    }

    /// NPs with at most `cap` filters in each. The image convolution unit does not count as an NP.
    pub(super) fn nps(&self, cap: usize) -> usize {
        match self.kind {
            None | Some(NpType::Hrc) => 0,
            Some(_) => self.row_parts.saturating_mul(self.filter_parts(cap)),
        }
    }

    /// The caps on filters that change the number of NPs, up to `nps` NPs.
    pub(super) fn caps(&self, nps: usize) -> Vec<usize> {
        if !self.kind.is_some_and(NpType::shares_a_layer) {
            return Vec::new();
        }
        let parts = 1..=(nps / self.row_parts).min(self.filters);
        parts.map(|n| self.filters.div_ceil(n)).collect()
    }
}
