//! A layer whose operation is windows: its products, its output stage, and its input windows.

use super::super::error::PlanError;
use super::super::neural::Neural;
use super::super::windows::{Entry, InputWindows};
use super::chooser::Chooser;
use crate::kernels::Bounds;
use crate::model::{Channels, Stage, Windows, weight_range};
use crate::output::{Levels, OutputStage};
use crate::run::ElementType;

impl Chooser<'_, '_> {
    /// The step of a layer of Akida 1.0 whose operation is `windows`.
    pub(super) fn neural(&mut self, windows: &Windows) -> Result<Neural, PlanError> {
        let connection = self.layer.connection();
        let Some(weights) = self.layer.weights() else {
            unreachable!("a layer of windows has weights");
        };
        let (input, shape) = (connection.input.shape, connection.potential_shape);
        let bounds = Bounds {
            input: connection.input.format.magnitude(),
            signed: None,
            weight: weight_range(weights.bits()).1.unsigned_abs().into(),
            sum: connection.potential_bound,
            fan_in: 0,
            filters: shape.c,
            positions: shape.positions(),
        };
        let (depthwise, dense) = match (windows.channels, self.layer.pointwise_weights()) {
            (Channels::EachThenAll, Some(pointwise)) => {
                let (depthwise, dense) = self.separable(windows, weights, pointwise, bounds)?;
                (Some(depthwise), dense)
            }
            (Channels::All | Channels::Each | Channels::EachThenAll, _) => {
                let (rows, run) = match windows.is_fully_connected() {
                    // The only window is the whole map. Its rows follow each other, so that they are one run.
                    true => (1, input.len()),
                    false => (windows.size.x, windows.size.y * input.c),
                };
                let values = weights.try_values().map_err(|e| self.memory(e))?;
                let dense = self.dense(rows, run, bounds, &|row, index| {
                    let cell = row * windows.size.y + index / input.c;
                    let (u, v) = (cell / windows.size.y, cell % windows.size.y);
                    let row = windows.weight_row(input.c, u, v, index % input.c);
                    &values[row * shape.c..][..shape.c]
                })?;
                (None, dense)
            }
        };
        let stage = match (connection.stage, self.layer.thresholds()) {
            (Stage::Thresholds, Some(thresholds)) => {
                let bits = connection.output.format.bits;
                let levels = Levels::new(thresholds, bits, connection.potential_bound);
                OutputStage::Levels(levels.map_err(|e| self.memory(e))?)
            }
            (Stage::Thresholds | Stage::Raw | Stage::Rescale(_), _) => OutputStage::Raw,
        };
        let entry = Entry::plain(windows.border);
        Ok(Neural {
            source: self.layer.inbounds().first().copied(),
            windows: InputWindows::new(input, windows, entry),
            depthwise,
            dense,
            potential_shape: shape,
            pooling: windows.pooling,
            padding: windows.padding,
            macs: connection.macs,
            in_time: false,
            added_inputs: None,
            stage,
            element: ElementType::of(connection.output.format),
        })
    }
}
