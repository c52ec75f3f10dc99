//! Separable layers: the kernels of depthwise sums and of the pointwise product, their weights packed.

use super::super::error::PlanError;
use super::super::product::{Dense, Depthwise};
use super::chooser::Chooser;
use crate::kernels::{
    Bounds, BySum, Bytes, DenseElements, DenseKernel, DepthwiseKernel, DepthwisePack,
    DepthwiseShape, Kernel, Table,
};
use crate::memory::{self, OutOfMemory};
use crate::model::{Pooling, Weights, Windows};
use alloc::vec::Vec;

impl Chooser<'_, '_> {
    /// The depthwise sums and the pointwise product of a separable layer. `bounds` hold for its potentials.
    pub(super) fn separable(
        &mut self,
        windows: &Windows,
        weights: &Weights,
        pointwise: &Weights,
        bounds: Bounds,
    ) -> Result<(Depthwise, Dense), PlanError> {
        let sums = Bounds {
            sum: self.layer.connection().depthwise_bound,
            ..bounds
        };
        let (mut depthwise, pack) = self.depthwise(windows, weights, sums)?;
        let averaged = windows.pooling == Pooling::GlobalAverage;
        let dense = {
            let weights = pointwise.try_values().map_err(|e| self.memory(e))?;
            self.pointwise(&mut depthwise, weights, bounds, averaged)?
        };
        let packed = pack(depthwise.shape, depthwise.weights);
        depthwise.weights = packed.map_err(|e| self.memory(e))?;
        Ok((depthwise, dense))
    }

    /// The pointwise product. It reads depthwise sums as bytes where that takes less memory than sums of 16 bits.
    fn pointwise(
        &mut self,
        depthwise: &mut Depthwise,
        mut weights: Vec<i8>,
        bounds: Bounds,
        averaged: bool,
    ) -> Result<Dense, PlanError> {
        let channels = depthwise.shape.channels;
        let asked = |name| DepthwiseKernel::table().iter().any(|k| k.name() == name);
        let asked = self.options.kernel.as_deref().is_some_and(asked);
        let bytes = match depthwise.routine {
            BySum::I16(_) if !averaged => {
                bytes(&depthwise.weights, channels, bounds.input).map_err(|e| self.memory(e))?
            }
            _ => None,
        };
        // Bytes save time only where they take less memory than sums of 16 bits.
        let fewer = |b: &Bytes| b.len() < channels * size_of::<i16>();
        let signed = match &bytes {
            Some((bytes, _)) if fewer(bytes) => "inputs are signed sums",
            Some(_) => "inputs are signed sums, whose bytes would be as many",
            None if averaged => "inputs are signed sums, added for the average",
            None => "inputs are signed sums, too large for a few bytes",
        };
        let bytes = bytes.filter(|(bytes, _)| asked || fewer(bytes));
        if let Some((bytes, negated)) = bytes
            && let Some(dense) =
                self.product_of_bytes(depthwise, &mut weights, &bytes, &negated, bounds)?
        {
            depthwise.bytes = Some(bytes);
            return Ok(dense);
        }
        let bounds = Bounds {
            input: depthwise.bound,
            signed: Some(signed),
            ..bounds
        };
        let filters = self.layer.connection().potential_shape.c;
        self.dense(1, channels, bounds, &|_, index| {
            &weights[index * filters..][..filters]
        })
    }

    /// The pointwise product of depthwise sums as bytes; `None` where the best kernel for it does not read bytes.
    ///
    /// The weights of a channel that is `negated` are negated in both products.
    fn product_of_bytes(
        &mut self,
        depthwise: &mut Depthwise,
        weights: &mut [i8],
        bytes: &Bytes,
        negated: &[bool],
        bounds: Bounds,
    ) -> Result<Option<Dense>, PlanError> {
        let bounds = Bounds {
            input: u8::MAX.into(),
            fan_in: bytes.len(),
            ..bounds
        };
        let selection = self.select::<DenseKernel>(bounds)?;
        let elements = selection.kernel.elements;
        if !matches!(elements, DenseElements::U8(_) | DenseElements::U8I4(_)) {
            return Ok(None);
        }
        let filters = self.layer.connection().potential_shape.c;
        let of_channels = weights.chunks_exact_mut(filters).zip(negated);
        for (weights, _) in of_channels.filter(|(_, negated)| **negated) {
            weights.iter_mut().for_each(|w| *w = -*w);
        }
        let cells = depthwise.weights.iter_mut().zip(negated.iter().cycle());
        for (w, _) in cells.filter(|(_, negated)| **negated) {
            *w = -*w;
        }
        let channels = bytes.channel_of_bytes().map_err(|e| self.memory(e))?;
        let nothing = memory::filled(0, filters).map_err(|e| self.memory(e))?;
        let weight = |_: usize, index: usize| match channels[index] {
            Some(channel) => &weights[channel * filters..][..filters],
            None => &nothing,
        };
        let mut dense = self.pack(selection, 1, bytes.len(), bounds, &weight)?;
        dense.shape.rare = bytes.further();
        for (weights, &lowest) in weights.chunks_exact(filters).zip(bytes.lowest()) {
            for (start, &w) in dense.start.iter_mut().zip(weights) {
                // The start may wrap at 32 bits. Sums then wrap back, as additions are modulo 2^32.
                *start = start.wrapping_add(i32::from(lowest) * i32::from(w));
            }
        }
        Ok(Some(dense))
    }

    /// Depthwise sums, and how the kernel packs their weights. The weights are not packed yet, as channels may be negated.
    fn depthwise(
        &mut self,
        windows: &Windows,
        weights: &Weights,
        bounds: Bounds,
    ) -> Result<(Depthwise, DepthwisePack), PlanError> {
        let kernel: DepthwiseKernel = self.choose(bounds)?;
        let [rows, columns, channels, _] = weights.shape();
        // The weights of each cell, in the order in which windows meet them.
        let values = weights.try_values().map_err(|e| self.memory(e))?;
        let mut cells = memory::with_capacity(values.len()).map_err(|e| self.memory(e))?;
        for (u, v) in (0..rows).flat_map(|u| (0..columns).map(move |v| (u, v))) {
            let row = windows.weight_row(channels, u, v, 0);
            cells.extend_from_slice(&values[row..][..channels]);
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

/// How depthwise sums are written as bytes, and which channels are negated before that; `None` where sums take too many
/// bytes.
///
/// Inputs go up to `highest`.
fn bytes(
    weights: &[i8],
    channels: usize,
    highest: u32,
) -> Result<Option<(Bytes, Vec<bool>)>, OutOfMemory> {
    let mut reach = memory::filled((0i16, 0i16), channels)?;
    for cell in weights.chunks_exact(channels) {
        for ((low, high), &w) in reach.iter_mut().zip(cell) {
            // No more than the bound of depthwise sums: it fits 16 bits.
            *low += i16::from(w.min(0)) * highest as i16;
            *high += i16::from(w.max(0)) * highest as i16;
        }
    }
    let mut negated = memory::filled(false, channels)?;
    for (negated, (low, high)) in negated.iter_mut().zip(&mut reach) {
        if -*low > *high {
            (*low, *high, *negated) = (-*high, -*low, true);
        }
    }
    Ok(Bytes::new(&reach)?.map(|bytes| (bytes, negated)))
}
