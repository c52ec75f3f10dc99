use super::neural::Neural;
use super::product::{Dense, DenseRoutine, Depthwise};
use super::scratch::{Scratch, Sizes};
use super::windows::Windows;
use super::{KernelChoice, PlanError, PlanOptions};
use crate::kernels::{
    self, Bounds, BySum, DenseElements, DenseKernel, DenseShape, DepthwiseKernel, DepthwiseShape,
    Kernel, Weight, select,
};
use crate::model::bits::{max_level, weight_range};
use crate::model::{Layer, LayerSpec, Model, Padding, Pair, Pooling, Variables, Weights};
use crate::output::Levels;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a plan does for one layer.
#[derive(Debug)]
pub(super) enum Step {
    /// Passes the input on.
    Input,
    /// Joins the levels of other layers.
    Concat {
        /// (layer, its channels), in order.
        parts: Vec<(usize, usize)>,
    },
    /// Convolves or multiplies.
    Neural(Box<Neural>),
}

impl Step {
    pub(super) fn sizes(&self) -> Sizes {
        match self {
            Self::Input | Self::Concat { .. } => Sizes::default(),
            Self::Neural(neural) => neural.sizes(),
        }
    }

    /// Bytes of packed weights and parameters.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Input | Self::Concat { .. } => 0,
            Self::Neural(neural) => neural.bytes(),
        }
    }

    /// Computes the outputs of layer `index`; those of all layers before it are there.
    pub(super) fn run(&self, index: usize, input: &[u8], scratch: &mut Scratch) {
        let (earlier, later) = scratch.levels.split_at_mut(index);
        let Some(levels) = later.first_mut() else {
            return;
        };
        match self {
            Self::Input => levels.copy_from_slice(input),
            Self::Concat { parts } => concat(parts, earlier, levels),
            Self::Neural(neural) => {
                let map = neural.source.map_or(input, |source| &earlier[source]);
                neural.run(map, &mut scratch.work, levels, &mut scratch.potentials);
            }
        }
    }
}

fn concat(parts: &[(usize, usize)], earlier: &[Vec<u8>], joined: &mut [u8]) {
    let total: usize = parts.iter().map(|(_, channels)| channels).sum();
    let mut first = 0;
    for &(layer, channels) in parts {
        let positions = joined.chunks_exact_mut(total);
        for (to, from) in positions.zip(earlier[layer].chunks_exact(channels)) {
            to[first..first + channels].copy_from_slice(from);
        }
        first += channels;
    }
}

type Compiled = (Box<[Step]>, Box<[KernelChoice]>);

pub(super) fn compile(model: &Model, options: &PlanOptions) -> Result<Compiled, PlanError> {
    if let Some(name) = options
        .kernel
        .as_deref()
        .filter(|name| !kernels::exists(name))
    {
        return Err(PlanError {
            kernel: name.to_owned(),
            layer: None,
            reason: format!(
                "there is none of that name; this host has {}",
                kernels::available_kernels().join(", ")
            ),
        });
    }
    let mut choices = Vec::new();
    let mut steps = Vec::with_capacity(model.layers().len());
    for layer in model.layers() {
        let step = match (layer.spec(), layer.variables()) {
            (LayerSpec::Concat(_), _) => {
                let channels = |&i: &usize| (i, model.layers()[i].connection().output_shape.c);
                Step::Concat {
                    parts: layer.inbounds().iter().map(channels).collect(),
                }
            }
            (_, Some(variables)) => {
                let mut chooser = Chooser {
                    layer,
                    options,
                    choices: &mut choices,
                };
                Step::Neural(Box::new(chooser.neural(variables)?))
            }
            (_, None) => Step::Input,
        };
        steps.push(step);
    }
    Ok((steps.into_boxed_slice(), choices.into_boxed_slice()))
}

/// Makes the step of one layer and notes which kernels it chose.
struct Chooser<'a> {
    layer: &'a Layer,
    options: &'a PlanOptions,
    choices: &'a mut Vec<KernelChoice>,
}

impl Chooser<'_> {
    fn neural(&mut self, variables: &Variables) -> Result<Neural, PlanError> {
        let connection = self.layer.connection();
        let input = connection.input_shape;
        let whole = Pair::new(input.x, input.y);
        let (size, stride, padding, pooling) = match self.layer.spec().conv() {
            Some(c) => (c.kernel_size, c.kernel_stride, c.padding, c.pooling),
            // A fully connected layer has one window: the whole map.
            None => (whole, whole, Padding::Valid, Pooling::None),
        };
        let border = match self.layer.spec() {
            LayerSpec::InputConvolutional(l) => l.padding_value,
            _ => 0,
        };
        let input_bound = u32::from(max_level(connection.input_bits));
        let weight_bits = self.layer.spec().weights_bits().unwrap_or_default();
        let weight = weight_range(weight_bits).1.unsigned_abs().into();
        let depthwise = match &variables.weights_pw {
            None => None,
            Some(_) => {
                let bounds = Bounds {
                    input: input_bound,
                    signed: false,
                    weight,
                    sum: connection.depthwise_bound,
                };
                Some(self.depthwise(&variables.weights, bounds)?)
            }
        };
        let bounds = Bounds {
            input: match connection.depthwise_bound {
                0 => input_bound,
                bound => bound,
            },
            signed: depthwise.is_some(),
            weight,
            sum: connection.potential_bound,
        };
        let pointwise = variables.weights_pw.as_ref();
        let (rows, run) = match (self.layer.spec(), pointwise) {
            (_, Some(_)) => (1, input.c),
            // All rows of the map follow each other: they are one run.
            (LayerSpec::FullyConnected(_), None) => (1, input.len()),
            _ => (size.x, size.y * input.c),
        };
        let shape = DenseShape {
            rows,
            run,
            filters: connection.potential_shape.c,
            largest_product: bounds.input.saturating_mul(bounds.weight),
        };
        let weights = pointwise.unwrap_or(&variables.weights);
        let layer = self.layer;
        let dense = self.dense(shape, bounds, &|row, index, f| {
            dense_weight(layer, weights, row, index, f)
        })?;
        Ok(Neural {
            source: layer.inbounds().first().copied(),
            windows: Windows::new(input, padding, size, stride, border),
            depthwise,
            dense,
            potential_shape: connection.potential_shape,
            pooling,
            padding,
            levels: Levels::new(variables, connection.output, connection.potential_bound),
        })
    }

    fn choose<K: Kernel>(&mut self, bounds: Bounds) -> Result<K, PlanError> {
        let selection = select::<K>(bounds, self.options).map_err(|declined| PlanError {
            kernel: self.options.kernel.clone().unwrap_or_default(),
            layer: Some(self.layer.name().to_owned()),
            reason: declined
                .into_iter()
                .find(|(name, _)| Some(*name) == self.options.kernel.as_deref())
                .map_or_else(String::new, |(_, reason)| reason),
        })?;
        self.choices.push(KernelChoice {
            layer: self.layer.name().to_owned(),
            kernel: selection.kernel.name(),
            declined: selection.declined,
        });
        Ok(selection.kernel)
    }

    fn dense(
        &mut self,
        shape: DenseShape,
        bounds: Bounds,
        weight: Weight<'_>,
    ) -> Result<Dense, PlanError> {
        let kernel: DenseKernel = self.choose(bounds)?;
        Ok(Dense {
            shape,
            routine: match kernel.elements {
                DenseElements::U8(r) => DenseRoutine::U8(r.run, (r.pack)(shape, weight)),
                DenseElements::I16(r) => DenseRoutine::I16(r.run, (r.pack)(shape, weight)),
                DenseElements::I32(r) => DenseRoutine::I32(r.run, (r.pack)(shape, weight)),
            },
        })
    }

    fn depthwise(&mut self, weights: &Weights, bounds: Bounds) -> Result<Depthwise, PlanError> {
        let kernel: DepthwiseKernel = self.choose(bounds)?;
        let [rows, columns, channels, _] = weights.shape();
        // The kernel is flipped on both spatial axes (C4), so that routines walk forwards.
        let values = weights.values();
        let cells = values.chunks_exact(channels).rev().flatten();
        Ok(Depthwise {
            shape: DepthwiseShape {
                rows,
                columns,
                channels,
            },
            bound: bounds.sum,
            routine: match kernel.routine {
                BySum::I16(run) => BySum::I16((run, cells.map(|&w| w.into()).collect())),
                BySum::I32(run) => BySum::I32((run, cells.map(|&w| w.into()).collect())),
            },
        })
    }
}

/// The weight that meets input `index` of run `row` of a window, which runs over (column, channel), or over
/// (row, column, channel) of a whole map.
fn dense_weight(layer: &Layer, weights: &Weights, row: usize, index: usize, f: usize) -> i8 {
    let input = layer.connection().input_shape;
    let (column, c) = (index / input.c, index % input.c);
    let [kh, kw, _, _] = weights.shape();
    match layer.spec() {
        LayerSpec::Convolutional(_) => weights.at(kh - 1 - row, kw - 1 - column, c, f),
        // The input is flattened with the first axis fastest (C6).
        LayerSpec::FullyConnected(_) => {
            let (i, j) = (column / input.y, column % input.y);
            weights.at(0, 0, (c * input.y + j) * input.x + i, f)
        }
        _ => weights.at(row, column, c, f),
    }
}
