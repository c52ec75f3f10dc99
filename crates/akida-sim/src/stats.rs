//! Statistics of a model over samples: sparsity, events, effective multiply-accumulates (`docs/arithmetic.md`, section I).

use crate::{Inputs, Model, Plan, RunError, RunOptions, Session};
use alloc::vec::Vec;

/// The statistics of a layer: means over all samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerStatistics {
    /// The share of zeros among the outputs, 0 … 1 (I1).
    pub sparsity: f64,
    /// The input values that are not zero, per sample (I2).
    pub events: f64,
    /// The multiply-accumulates that events cause, per sample (I3).
    pub effective_macs: f64,
}

/// The statistics of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    samples: usize,
    layers: Vec<LayerStatistics>,
}

impl Statistics {
    /// Runs samples, and counts values that are not zero.
    ///
    /// Samples of a model with state are the inputs of one stream, in order and from its beginning.
    ///
    /// # Errors
    ///
    /// As for [`Plan::forward`], without a refusal of models with state.
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{FullyConnected, InputData, ModelBuilder, Plan, RunOptions, Shape, Statistics};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 4), 4), &[])?;
    /// builder.add("classes", FullyConnected { act_bits: None, ..FullyConnected::new(10) }, &[])?;
    /// let plan = Plan::new(builder.build()?);
    /// let statistics = Statistics::measure(&plan, &[0u8, 3, 0, 0], &RunOptions::default())?;
    /// assert_eq!(statistics.layers()[0].sparsity, 0.75);
    /// assert_eq!(statistics.layers()[1].effective_macs, 10.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn measure<'a>(
        plan: &Plan,
        inputs: impl Into<Inputs<'a>>,
        options: &RunOptions<'_>,
    ) -> Result<Self, RunError> {
        let inputs = inputs.into();
        let model = plan.model();
        let counts = match model.has_state() {
            true => Session::new(plan, 1)?.counts(plan, inputs, options)?,
            false => plan.counts(inputs, options)?,
        };
        let samples = inputs.len() / model.input().shape.len();
        let mean = |count: u64| count as f64 / samples.max(1) as f64;
        let active: Vec<f64> = counts.outputs.into_iter().map(mean).collect();
        Ok(Self::of(model, samples, mean(counts.inputs), &active))
    }

    /// The statistics that follow from assumed sparsities.
    ///
    /// `density` is the share of the model's inputs that are not zero. `sparsity` has a value for each layer. The result is
    /// `None` for another number of values, and for values outside 0 … 1.
    #[must_use]
    pub fn assumed(model: &Model, density: f64, sparsity: &[f64]) -> Option<Self> {
        let layers = model.layers();
        let share = |value: &f64| (0.0..=1.0).contains(value);
        if sparsity.len() != layers.len() || !sparsity.iter().all(share) || !share(&density) {
            return None;
        }
        let outputs = layers.iter().map(|l| l.connection().output.shape.len());
        let active = outputs.zip(sparsity).map(|(n, s)| n as f64 * (1.0 - s));
        let active: Vec<f64> = active.collect();
        let given = density * model.input().shape.len() as f64;
        Some(Self::of(model, 0, given, &active))
    }

    /// The statistics that follow from counts of values that are not zero: `given` of the model's inputs, `active` of the
    /// outputs of each layer.
    fn of(model: &Model, samples: usize, given: f64, active: &[f64]) -> Self {
        let layer = |(layer, &active_outputs): (&alloc::sync::Arc<crate::Layer>, &f64)| {
            let connection = layer.connection();
            let events = match layer.inbounds() {
                [] => given,
                inbounds => inbounds.iter().map(|&i| active[i]).sum(),
            };
            let density = events / connection.input.shape.len() as f64;
            LayerStatistics {
                sparsity: 1.0 - active_outputs / connection.output.shape.len() as f64,
                events,
                effective_macs: connection.macs as f64 * density,
            }
        };
        Self {
            samples,
            layers: model.layers().iter().zip(active).map(layer).collect(),
        }
    }

    /// The number of samples; 0 for statistics that are assumed.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The statistics of each layer, in layer order.
    #[must_use]
    pub fn layers(&self) -> &[LayerStatistics] {
        &self.layers
    }

    /// Effective multiply-accumulates of the model, per sample.
    #[must_use]
    pub fn effective_macs(&self) -> f64 {
        self.layers.iter().map(|l| l.effective_macs).sum()
    }
}
