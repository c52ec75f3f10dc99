//! Global averages whose inputs are added up before the product. `docs/engine.md` defines the words.

use super::neural::{Neural, shares};
use super::scratch::{ByElement, Sizes, Work};
use crate::interrupt::Interrupted;
use crate::kernels::{Positions, Sink};
use crate::run::ValuesRef;
use crate::threads::Crew;
use core::mem::take;

/// The number by which the total of a channel's inputs is divided, so that quotient and remainder are bytes.
///
/// Bytes below 128 fit more kernels. Totals go up to `most`. There is no such number for larger ones.
pub(super) fn base(most: i64) -> Option<i32> {
    [128, 256]
        .into_iter()
        .find(|&base| most < i64::from(base) * i64::from(base))
}

impl Neural {
    /// The sizes of the buffers: the totals of inputs, their two parts, and the sums of the parts.
    pub(super) fn sizes_of_added_inputs(&self) -> Sizes {
        let channels = self.dense.shape.run;
        Sizes {
            bordered: ByElement {
                u8: 2 * channels,
                ..ByElement::default()
            },
            sums_i32: channels,
            row: 2 * self.potential_shape.c,
            totals: self.potential_shape.c,
            ..Sizes::default()
        }
    }

    /// Adds up the inputs of each channel, then multiplies. The totals are the same, as nothing between is not linear.
    ///
    /// *Example:* inputs 3, 100 and 200 of a channel are 303 = 2 · 128 + 47. A weight of 5 gives 5 · 47 + 128 · 5 · 2 = 1515.
    pub(super) fn total_of_inputs(
        &self,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        most: usize,
    ) -> Result<(), Interrupted> {
        let (Some((first, _)), Some(base)) = (works.split_first_mut(), self.added_inputs) else {
            return Ok(());
        };
        let channels = self.dense.shape.run;
        let added = &mut first.sums.i32[..channels];
        self.windows.add_up(map, added, &mut crew.watch)?;
        let (low, high) = first.bordered.u8.split_at_mut(channels);
        for ((low, high), &total) in low.iter_mut().zip(high).zip(&*added) {
            (*low, *high) = ((total % base) as u8, (total / base) as u8);
        }
        // All threads read the parts during the product, while each writes to its own work.
        let (parts, mut totals) = (take(&mut first.bordered.u8), take(&mut first.totals));
        let positions = Positions {
            first: 0,
            skipped: 0,
            count: 2,
            columns: 2,
            row_step: 0,
            step: channels,
        };
        let count = self.potential_shape.x * self.potential_shape.y;
        let mut rest = &mut totals[..self.potential_shape.c];
        let blocks = shares(self.dense.blocks(), most);
        let shares = blocks.zip(works.iter_mut()).map(|(blocks, work)| {
            let filters = self.dense.filters(&blocks);
            let (mine, others) = take(&mut rest).split_at_mut(filters);
            rest = others;
            (blocks, &mut work.row, mine)
        });
        let outcome = crew.each(shares, |(blocks, row, totals), watch| {
            let row = &mut row[..2 * totals.len()];
            let input = ByElement {
                u8: parts.as_slice(),
                ..ByElement::default()
            };
            let sink = Sink::Potentials(row);
            self.dense.run(blocks.clone(), input, 0, positions, sink);
            let start = &self.dense.start[blocks.start * self.dense.block..];
            let (low, high) = row.split_at(totals.len());
            let sums = low.iter().zip(high).zip(start);
            for (total, ((&low, &high), &start)) in totals.iter_mut().zip(sums) {
                // Both parts have started from the start, and every position does. Numbers may wrap at 32 bits on their way.
                let product = low
                    .wrapping_sub(start)
                    .wrapping_add(high.wrapping_sub(start).wrapping_mul(base));
                *total = product.wrapping_add(start.wrapping_mul(count as i32));
            }
            watch.worked(2 * self.dense.work())
        });
        // The buffers go back also when the run stops: later runs use them.
        (works[0].bordered.u8, works[0].totals) = (parts, totals);
        outcome
    }
}
