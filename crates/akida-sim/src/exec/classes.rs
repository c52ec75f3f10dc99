//! Classes: which output of a sample is the largest (`docs/arithmetic.md`, G3).

use super::options::RunOptions;
use crate::memory;
use crate::ops::{dequantized, prediction};
use crate::plan::Plan;
use crate::run::{Inputs, RunError, ValuesRef};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

impl Plan {
    /// The class of each sample: the index of its largest output, the first in a tie.
    ///
    /// Outputs are those of [`predict`](Self::predict) where the model has them, else the integers of [`forward`](Self::forward).
    /// The largest integer is another output where thresholds, steps or scales of channels differ.
    ///
    /// `classes` is the number of classes, each with an equal number of neighbouring outputs; 0 stands for one output each.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward), and as for [`classes_of`](Self::classes_of).
    ///
    /// # Examples
    ///
    /// ```
    /// use akida_sim::{FullyConnected, InputData, ModelBuilder, Plan, RunOptions, Shape, Values, Weights};
    ///
    /// let mut builder = ModelBuilder::new();
    /// builder.add("events", InputData::new(Shape::new(1, 1, 1), 4), &[])?;
    /// let spec = FullyConnected { act_bits: None, weights_bits: 2, ..FullyConnected::new(2) };
    /// let dense = builder.add("classes", spec, &[])?;
    /// builder.set_variable(dense, "weights", Weights::new([1, 1, 1, 2], vec![1, 1])?)?;
    /// builder.set_variable(dense, "act_step", vec![4.0, 1.0])?;
    /// builder.set_variable(dense, "threshold", vec![-1, 0])?;
    /// let plan = Plan::new(builder.build()?);
    ///
    /// let options = RunOptions::default();
    /// assert_eq!(plan.forward(&[3u8], &options)?, Values::I32(vec![3, 3]));
    /// assert_eq!(plan.predict(&[3u8], &options)?, [1.0, 3.0]);
    /// assert_eq!(plan.classes(&[3u8], 0, &options)?, [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn classes<'a>(
        &self,
        inputs: impl Into<Inputs<'a>>,
        classes: usize,
        options: &RunOptions<'_>,
    ) -> Result<Vec<usize>, RunError> {
        self.outputs_per_class(classes)?;
        self.classes_of(&self.forward(inputs, options)?, classes)
    }

    /// The classes of outputs, such as those of [`forward`](Self::forward) or of a [`Session`](crate::Session).
    ///
    /// `classes` is as for [`classes`](Self::classes).
    ///
    /// # Errors
    ///
    /// Outputs have more than one position. They cannot be shared out among the classes, or are not those of whole samples. The
    /// memory does not suffice.
    pub fn classes_of<'a>(
        &self,
        outputs: impl Into<ValuesRef<'a>>,
        classes: usize,
    ) -> Result<Vec<usize>, RunError> {
        let outputs = outputs.into();
        let per_class = self.outputs_per_class(classes)?;
        let channels = self.model().output_shape().c;
        if !outputs.len().is_multiple_of(channels) {
            return Err(RunError::Length {
                received: outputs.len(),
                sample: channels,
            });
        }
        let scores = Scores::of(self);
        let mut found = memory::with_capacity(outputs.len() / channels)?;
        let mut values = outputs.iter();
        for _ in 0..outputs.len() / channels {
            let mut best = (0, f64::NEG_INFINITY);
            for (channel, value) in values.by_ref().take(channels).enumerate() {
                let score = scores.score(channel, value);
                if score > best.1 {
                    best = (channel, score);
                }
            }
            found.push(best.0 / per_class);
        }
        Ok(found)
    }

    /// How many neighbouring outputs share a class.
    fn outputs_per_class(&self, classes: usize) -> Result<usize, RunError> {
        let shape = self.model().output_shape();
        if (shape.x, shape.y) != (1, 1) {
            let last = self.model().layers().last();
            return Err(RunError::NoClasses {
                layer: last.map_or_else(String::new, |layer| layer.name().to_owned()),
                shape,
            });
        }
        match classes {
            0 => Ok(1),
            _ if shape.c.is_multiple_of(classes) => Ok(shape.c / classes),
            _ => Err(RunError::Classes {
                received: classes,
                outputs: shape.c,
            }),
        }
    }
}

/// What makes a real number of an integer output.
enum Scores<'a> {
    /// The threshold and the step of each channel (F2).
    Potentials(Vec<(i32, f32)>),
    /// The scale of each channel (K5 of `docs/arithmetic-akida2.md`).
    Scales(&'a [f32]),
    /// Integers stand for themselves.
    Integers,
}

impl<'a> Scores<'a> {
    fn of(plan: &'a Plan) -> Self {
        if let Some(scales) = plan.output_scales() {
            return Self::Scales(scales);
        }
        let last = plan.model().layers().last();
        let raw = last.filter(|layer| layer.connection().gives_potentials());
        match raw.and_then(|layer| layer.thresholds()) {
            Some(thresholds) => Self::Potentials(thresholds.filters().collect()),
            None => Self::Integers,
        }
    }

    /// The number that is compared; float32 numbers and 32-bit integers are exact in double precision.
    fn score(&self, channel: usize, value: i32) -> f64 {
        match self {
            Self::Potentials(filters) => {
                let (threshold, step) = filters[channel];
                f64::from(prediction(value, threshold, step))
            }
            Self::Scales(scales) => f64::from(dequantized(value, scales[channel])),
            Self::Integers => f64::from(value),
        }
    }
}
