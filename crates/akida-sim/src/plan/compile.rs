use super::error::is_granted;
use super::neural::Neural;
use super::product::{Dense, DenseRoutine, Depthwise};
use super::step::Step;
use super::windows::Windows;
use super::{KernelChoice, PlanError, PlanOptions};
use crate::kernels::{
    self, Bounds, BySum, Bytes, DenseElements, DenseKernel, DepthwiseKernel, DepthwisePack,
    DepthwiseShape, Kernel, Selection, Weight, select,
};
use crate::model::bits::{max_level, weight_range};
use crate::model::{Layer, LayerSpec, Model, Padding, Pair, Pooling, Variables, Weights};
use crate::output::{Levels, PANEL};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

type Compiled = (Box<[Step]>, Box<[KernelChoice]>);

pub(super) fn compile(model: &Model, options: &PlanOptions) -> Result<Compiled, PlanError> {
    if let Some(name) = options
        .kernel
        .as_deref()
        .filter(|name| !kernels::exists(name))
    {
        return Err(PlanError::Kernel {
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
        let bounds = Bounds {
            input: input_bound,
            signed: None,
            weight,
            sum: connection.potential_bound,
            fan_in: 0,
            filters: connection.potential_shape.c,
            positions: connection.potential_shape.x * connection.potential_shape.y,
        };
        // Unpacked weights; a potential's start, boundaries and line.
        self.granted([variables.weights.len(), 1, 1, 1])?;
        let filters = connection.potential_shape.c.next_multiple_of(PANEL);
        self.granted([filters, 20, 4, 1])?;
        let (depthwise, dense) = match &variables.weights_pw {
            Some(pointwise) => {
                self.granted([pointwise.len(), 1, 1, 1])?;
                let sums = Bounds {
                    sum: connection.depthwise_bound,
                    ..bounds
                };
                let (mut depthwise, pack) = self.depthwise(&variables.weights, sums)?;
                let averaged = matches!(pooling, Pooling::GlobalAverage);
                let dense = self.pointwise(&mut depthwise, pointwise, bounds, averaged)?;
                depthwise.weights = pack(depthwise.shape, depthwise.weights);
                (Some(depthwise), dense)
            }
            None => {
                let (rows, run) = match self.layer.spec() {
                    // All rows of the map follow each other: they are one run.
                    LayerSpec::FullyConnected(_) => (1, input.len()),
                    _ => (size.x, size.y * input.c),
                };
                let layer = self.layer;
                let (weights, filters) = (variables.weights.values(), connection.potential_shape.c);
                let dense = self.dense(rows, run, bounds, &|row, index| {
                    let place = weights_place(layer, size, row, index);
                    &weights[place * filters..][..filters]
                })?;
                (None, dense)
            }
        };
        Ok(Neural {
            source: self.layer.inbounds().first().copied(),
            windows: Windows::new(input, padding, size, stride, border),
            depthwise,
            dense,
            potential_shape: connection.potential_shape,
            pooling,
            padding,
            macs: connection.macs,
            levels: Levels::new(variables, connection.output, connection.potential_bound),
        })
    }

    fn choose<K: Kernel>(&mut self, bounds: Bounds) -> Result<K, PlanError> {
        let selection = self.select(bounds)?;
        Ok(self.note(selection))
    }

    fn select<K: Kernel>(&self, bounds: Bounds) -> Result<Selection<K>, PlanError> {
        select::<K>(bounds, self.options).map_err(|declined| PlanError::Kernel {
            kernel: self.options.kernel.clone().unwrap_or_default(),
            layer: Some(self.layer.name().to_owned()),
            reason: declined
                .into_iter()
                .find(|(name, _)| Some(*name) == self.options.kernel.as_deref())
                .map_or_else(String::new, |(_, reason)| reason),
        })
    }

    fn note<K: Kernel>(&mut self, selection: Selection<K>) -> K {
        self.choices.push(KernelChoice {
            layer: self.layer.name().to_owned(),
            kernel: selection.kernel.name(),
            declined: selection.declined,
        });
        selection.kernel
    }

    fn dense(
        &mut self,
        rows: usize,
        run: usize,
        bounds: Bounds,
        weight: Weight<'_>,
    ) -> Result<Dense, PlanError> {
        let bounds = Bounds {
            fan_in: rows * run,
            ..bounds
        };
        let selection = self.select::<DenseKernel>(bounds)?;
        self.pack(selection, rows, run, bounds, weight)
    }

    /// Asks for the product of some numbers as bytes before they are allocated.
    fn granted(&self, bytes: [usize; 4]) -> Result<(), PlanError> {
        let bytes = bytes.into_iter().fold(1, usize::saturating_mul);
        if is_granted(bytes) {
            return Ok(());
        }
        let layer = self.layer.name().to_owned();
        Err(PlanError::Memory { layer, bytes })
    }

    /// The product of a selected kernel, its weights packed.
    fn pack(
        &mut self,
        selection: Selection<DenseKernel>,
        rows: usize,
        run: usize,
        bounds: Bounds,
        weight: Weight<'_>,
    ) -> Result<Dense, PlanError> {
        let filters = self.layer.connection().potential_shape.c;
        let kernel = self.note(selection);
        let element = match kernel.elements {
            DenseElements::U8(_) => 1,
            // Pairs are made of what is packed singly.
            DenseElements::U8I4(_) | DenseElements::I16(_) => 2,
            DenseElements::I32(_) => 4,
        };
        // No kernel fills runs up to more than a multiple of 64 inputs.
        let [run_padded, filters_padded] =
            [(run, 64), (filters, 2 * PANEL)].map(|(count, grain)| count.next_multiple_of(grain));
        self.granted([rows, run_padded, filters_padded, element])?;
        let shape = kernel.shape(bounds, [rows, run, filters]);
        Ok(Dense {
            shape,
            start: shape.start(weight),
            block: match kernel.elements {
                DenseElements::U8I4(_) => 2 * PANEL,
                _ => PANEL,
            },
            routine: match kernel.elements {
                DenseElements::U8(r) | DenseElements::U8I4(r) => {
                    DenseRoutine::U8(r.run, (r.pack)(shape, weight))
                }
                DenseElements::I16(r) => DenseRoutine::I16(r.run, (r.pack)(shape, weight)),
                DenseElements::I32(r) => DenseRoutine::I32(r.run, (r.pack)(shape, weight)),
            },
        })
    }

    /// The product of depthwise sums, as bytes where these are fewer than those of 16-bit sums.
    fn pointwise(
        &mut self,
        depthwise: &mut Depthwise,
        pointwise: &Weights,
        bounds: Bounds,
        averaged: bool,
    ) -> Result<Dense, PlanError> {
        let filters = self.layer.connection().potential_shape.c;
        let (mut weights, channels) = (pointwise.values(), depthwise.shape.channels);
        let asked = |name| DepthwiseKernel::table().iter().any(|k| k.name() == name);
        let asked = self.options.kernel.as_deref().is_some_and(asked);
        let bytes = match depthwise.routine {
            BySum::I16(_) if !averaged => bytes(&depthwise.weights, channels, bounds.input),
            _ => None,
        };
        // As many as those of 16-bit sums are not worth it.
        let fewer = |b: &Bytes| b.len() < channels * size_of::<i16>();
        let signed = match &bytes {
            Some((bytes, _)) if fewer(bytes) => "inputs are signed sums",
            Some(_) => "inputs are signed sums, whose bytes would be as many",
            None if averaged => "inputs are signed sums, added for the average",
            None => "inputs are signed sums, too large for a few bytes",
        };
        let bytes = bytes.filter(|(bytes, _)| asked || fewer(bytes));
        if let Some((bytes, negated)) = bytes {
            let bounds = Bounds {
                input: u8::MAX.into(),
                fan_in: bytes.len(),
                ..bounds
            };
            let selection = self.select::<DenseKernel>(bounds)?;
            let elements = selection.kernel.elements;
            if matches!(elements, DenseElements::U8(_) | DenseElements::U8I4(_)) {
                // A channel negated in both products.
                let of_channels = weights.chunks_exact_mut(filters).zip(&negated);
                for (weights, _) in of_channels.filter(|(_, negated)| **negated) {
                    weights.iter_mut().for_each(|w| *w = -*w);
                }
                let cells = depthwise.weights.iter_mut().zip(negated.iter().cycle());
                for (w, _) in cells.filter(|(_, negated)| **negated) {
                    *w = -*w;
                }
                let (channels, nothing) = (bytes.channel_of_bytes(), vec![0; filters]);
                let weight = |_: usize, index: usize| match channels[index] {
                    Some(channel) => &weights[channel * filters..][..filters],
                    None => &nothing,
                };
                let mut dense = self.pack(selection, 1, bytes.len(), bounds, &weight)?;
                dense.shape.rare = bytes.further();
                for (weights, &lowest) in weights.chunks_exact(filters).zip(bytes.lowest()) {
                    for (start, &w) in dense.start.iter_mut().zip(weights) {
                        // What passes 32 bits here, sums bring back.
                        *start = start.wrapping_add(i32::from(lowest) * i32::from(w));
                    }
                }
                depthwise.bytes = Some(bytes);
                return Ok(dense);
            }
        }
        let bounds = Bounds {
            input: depthwise.bound,
            signed: Some(signed),
            ..bounds
        };
        self.dense(1, channels, bounds, &|_, index| {
            &weights[index * filters..][..filters]
        })
    }

    /// A depthwise convolution, its weights not yet packed, and how that is done.
    fn depthwise(
        &mut self,
        weights: &Weights,
        bounds: Bounds,
    ) -> Result<(Depthwise, DepthwisePack), PlanError> {
        let kernel: DepthwiseKernel = self.choose(bounds)?;
        let [rows, columns, channels, _] = weights.shape();
        // Weights in up to four bytes, and the bytes of sums, for channels in whole registers.
        self.granted([rows * columns, channels.next_multiple_of(64), 4, 4])?;
        // The kernel is flipped on both spatial axes (C4), so that routines walk forwards.
        let values = weights.values();
        let mut cells = Vec::with_capacity(values.len());
        for cell in values.chunks_exact(channels).rev() {
            cells.extend_from_slice(cell);
        }
        let shape = DepthwiseShape {
            rows,
            columns,
            channels,
        };
        let depthwise = Depthwise {
            shape,
            bound: bounds.sum,
            bytes: None,
            routine: kernel.routine,
            weights: cells,
        };
        Ok((depthwise, kernel.pack))
    }
}

/// How the sums that weights for inputs up to `highest` allow become bytes, and which channels are to be negated beforehand.
fn bytes(weights: &[i8], channels: usize, highest: u32) -> Option<(Bytes, Vec<bool>)> {
    let mut reach = vec![(0i16, 0i16); channels];
    for cell in weights.chunks_exact(channels) {
        for ((low, high), &w) in reach.iter_mut().zip(cell) {
            // No more than the largest absolute sum, which fits.
            *low += i16::from(w.min(0)) * highest as i16;
            *high += i16::from(w.max(0)) * highest as i16;
        }
    }
    let mut negated = vec![false; channels];
    for (negated, (low, high)) in negated.iter_mut().zip(&mut reach) {
        if -*low > *high {
            (*low, *high, *negated) = (-*high, -*low, true);
        }
    }
    Some((Bytes::new(&reach)?, negated))
}

/// Where the weights lie that meet input `index` of run `row` of a window, which runs over (column, channel), or over
/// (row, column, channel) of a whole map; counted in (row, column, channel) of the kernel.
fn weights_place(layer: &Layer, kernel: Pair, row: usize, index: usize) -> usize {
    let input = layer.connection().input_shape;
    let (column, c) = (index / input.c, index % input.c);
    match layer.spec() {
        LayerSpec::Convolutional(_) => {
            let (row, column) = (kernel.x - 1 - row, kernel.y - 1 - column);
            (row * kernel.y + column) * input.c + c
        }
        // The input is flattened with the first axis fastest (C6).
        LayerSpec::FullyConnected(_) => {
            let (i, j) = (column / input.y, column % input.y);
            (c * input.y + j) * input.x + i
        }
        _ => (row * kernel.y + column) * input.c + c,
    }
}
