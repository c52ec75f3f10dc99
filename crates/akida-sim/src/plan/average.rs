//! Global averages: what is added up before and after a product. `docs/engine.md` defines the words.

use super::neural::{Neural, shares};
use super::product::Depthwise;
use super::scratch::Work;
use crate::interrupt::Interrupted;
use crate::kernels::Sink;
use crate::output::OutputStage;
use crate::run::ValuesRef;
use crate::threads::Crew;
use core::mem::take;

/// The most parts of a global average.
const PARTS: usize = 8;

impl Neural {
    /// The most groups of positions. The depthwise sums of a group are added up before the product.
    pub(super) fn most_groups(&self, depthwise: &Depthwise) -> usize {
        let cells = self.potential_shape.x * self.potential_shape.y;
        let groups = cells.div_ceil(depthwise.most_per_group(&self.dense));
        groups.max(PARTS.min(cells))
    }

    /// Adds up the potentials of all positions. The outputs are the totals or their levels.
    pub(super) fn average(
        &self,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        sink: Sink<'_>,
    ) -> Result<(), Interrupted> {
        let most = self.most_parts(crew, works).min(PARTS);
        match &self.depthwise {
            None if self.added_inputs.is_some() => self.total_of_inputs(map, works, crew, most)?,
            Some(depthwise) => self.total_of_sums(depthwise, map, works, crew, most)?,
            None => self.total(map, works, crew, most)?,
        }
        let totals = &works[0].totals[..self.potential_shape.c];
        match sink {
            Sink::Levels(activation, levels) => activation.apply(totals.len(), totals, levels),
            Sink::Potentials(potentials) => potentials.copy_from_slice(totals),
            Sink::Rescaled(rescaler, outputs) => rescaler.apply_to_totals(totals, outputs),
        }
        Ok(())
    }

    /// Adds up the depthwise sums of each group, then multiplies. The totals are the same, as the product is linear.
    fn total_of_sums(
        &self,
        depthwise: &Depthwise,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        most: usize,
    ) -> Result<(), Interrupted> {
        let cells = self.potential_shape.x * self.potential_shape.y;
        let groups = cells.div_ceil(depthwise.most_per_group(&self.dense));
        let per_group = cells.div_ceil(groups.max(most.min(cells)));
        let groups = cells.div_ceil(per_group);
        let parts = shares(groups, most).zip(works.iter_mut());
        crew.each(parts, |(groups, work), watch| {
            let positions = groups.start * per_group..(groups.end * per_group).min(cells);
            let input = self.lay_out(map, self.rows(&positions), &mut work.bordered, watch)?;
            let input = self.depthwise_input(input, positions);
            let (groups, sums) = (groups.len(), &mut work.sums);
            depthwise.run_added(input, per_group, groups, &self.dense, sums, watch)
        })?;
        let Some((first, others)) = works.split_first_mut() else {
            return Ok(());
        };
        let channels = depthwise.shape.channels;
        for (groups, work) in shares(groups, most).skip(1).zip(others.iter()) {
            let places = groups.start * channels..groups.end * channels;
            first.sums.take(places, &work.sums);
        }
        // All threads read the sums during the product, while each writes to its own work.
        let (sums, mut totals) = (take(&mut first.sums), take(&mut first.totals));
        let mut rest = &mut totals[..self.potential_shape.c];
        let blocks = shares(self.dense.blocks(), most);
        let parts = blocks.zip(works.iter_mut()).map(|(blocks, work)| {
            let filters = self.dense.filters(&blocks);
            let (mine, others) = take(&mut rest).split_at_mut(filters);
            rest = others;
            (blocks, &mut work.row, mine)
        });
        let outcome = crew.each(parts, |(blocks, row, totals), watch| {
            let row = &mut row[..groups * totals.len()];
            self.dense.run_on_sums(
                blocks.clone(),
                &sums,
                groups,
                channels,
                Sink::Potentials(row),
                watch,
            )?;
            totals.fill(0);
            add(row, totals);
            Ok(())
        });
        // The buffers go back also when the run stops: later runs use them.
        (works[0].sums, works[0].totals) = (sums, totals);
        outcome
    }

    /// Adds up the potentials of all positions, or what an activation of Akida 2.0 makes of them.
    fn total(
        &self,
        map: ValuesRef<'_>,
        works: &mut [Work],
        crew: &mut Crew<'_>,
        most: usize,
    ) -> Result<(), Interrupted> {
        let shape = self.potential_shape;
        let rows = shares(shape.x, most);
        let parts = rows.len();
        crew.each(rows.zip(works.iter_mut()), |(rows, work), watch| {
            let input = self.lay_out(map, rows.clone(), &mut work.bordered, watch)?;
            let row = &mut work.row[..shape.y * shape.c];
            let totals = &mut work.totals[..shape.c];
            totals.fill(0);
            for i in rows.clone() {
                let positions = i * shape.y..(i + 1) * shape.y;
                let sink = Sink::Potentials(row);
                self.products(input, positions, &mut work.sums, sink, watch)?;
                if let OutputStage::Rescaled(rescaler) = &self.stage {
                    rescaler.activate_positions(row);
                }
                add(row, totals);
            }
            Ok(())
        })?;
        let Some((first, others)) = works[..parts].split_first_mut() else {
            return Ok(());
        };
        for work in others {
            add(&work.totals[..shape.c], &mut first.totals[..shape.c]);
        }
        Ok(())
    }
}

/// Adds the potentials of each position to the totals of the filters.
fn add(positions: &[i32], totals: &mut [i32]) {
    for position in positions.chunks_exact(totals.len()) {
        for (total, p) in totals.iter_mut().zip(position) {
            *total += p;
        }
    }
}
