//! The reach of a layer (`docs/arithmetic.md`, H5) against a second way to find it: every window, cell by cell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "each test uses its part")]
mod common;

use akida_sim::*;
use common::Random;
use std::collections::BTreeMap;

/// Kernel cells that each cell of each window meets along one axis: (cell of the map with its border, kernel cell).
fn windows(conv: &ConvParams, map: usize, size: usize, stride: usize) -> (Vec<Vec<usize>>, usize) {
    let (out, before) = match conv.padding {
        Padding::Valid => ((map - size) / stride + 1, 0),
        Padding::Same | Padding::SameUpper => {
            let out = map.div_ceil(stride);
            (out, ((out - 1) * stride + size).saturating_sub(map) / 2)
        }
    };
    let cells = |i| (0..size).map(|u| i * stride + u).collect();
    ((0..out).map(cells).collect(), before)
}

/// For each depthwise or full sum: its coefficient at each input cell, with whether that lies in the border.
type Coefficients = BTreeMap<(usize, usize, usize), i64>;

/// The parameters of a layer that convolves, whether its kernel is flipped, and the value of its border.
fn convolution_of(layer: &Layer) -> Option<(&ConvParams, bool, i64)> {
    match layer.spec() {
        LayerSpec::InputConvolutional(l) => Some((&l.conv, false, i64::from(l.padding_value))),
        LayerSpec::Convolutional(l) => Some((&l.conv, true, 0)),
        LayerSpec::SeparableConvolutional(l) => Some((&l.conv, true, 0)),
        LayerSpec::InputData(_) | LayerSpec::FullyConnected(_) | LayerSpec::Concat(_) => None,
        // Layers of Akida 2.0 have no thresholds, and so no reach.
        LayerSpec::Quantizer(_)
        | LayerSpec::InputConv2D(_)
        | LayerSpec::Conv2D(_)
        | LayerSpec::DepthwiseConv2D(_)
        | LayerSpec::Conv2DTranspose(_)
        | LayerSpec::DepthwiseConv2DTranspose(_)
        | LayerSpec::Dense1D(_)
        | LayerSpec::Add(_)
        | LayerSpec::Concatenate(_)
        | LayerSpec::BufferTempConv(_)
        | LayerSpec::DepthwiseBufferTempConv(_)
        | LayerSpec::StatefulRecurrent(_)
        | LayerSpec::PicoPostProcessing(_)
        | LayerSpec::Dequantizer(_) => None,
    }
}

fn reach_of(layer: &Layer) -> Reach {
    let kernel = layer.weights().unwrap();
    let pointwise = layer.pointwise_weights();
    let connection = layer.connection();
    let map = connection.input.shape;
    let x_max = (1i64 << connection.input.format.bits) - 1;
    let [kh, kw, channels, last] = kernel.shape();
    let weights = kernel.values();
    let separable = pointwise.is_some();
    let (conv, flipped, border) = convolution_of(layer).expect("a convolution");
    let (rows, top) = windows(conv, map.x, kh, conv.kernel_stride.x);
    let (columns, left) = windows(conv, map.y, kw, conv.kernel_stride.y);
    let sums = if separable { channels } else { last };
    // One set of coefficients per window, or one for all of them.
    let mut scenarios = vec![vec![Coefficients::new(); sums]];
    let global = conv.pooling == Pooling::GlobalAverage;
    for row in &rows {
        for column in &columns {
            if !global {
                scenarios.push(vec![Coefficients::new(); sums]);
            }
            let scenario = scenarios.last_mut().unwrap();
            for (u, &i) in row.iter().enumerate() {
                for (v, &j) in column.iter().enumerate() {
                    let (wu, wv) = if flipped {
                        (kh - 1 - u, kw - 1 - v)
                    } else {
                        (u, v)
                    };
                    for c in 0..channels {
                        for f in 0..last {
                            let w = weights[((wu * kw + wv) * channels + c) * last + f];
                            let sum = if separable { c } else { f };
                            *scenario[sum].entry((i, j, c)).or_insert(0) += i64::from(w);
                        }
                    }
                }
            }
        }
    }
    if !global {
        scenarios.remove(0);
    }
    let ends = |coefficients: &Coefficients| {
        let mut ends = (0, 0);
        for (&(i, j, _), &w) in coefficients {
            let inside = (top..top + map.x).contains(&i) && (left..left + map.y).contains(&j);
            let (low, high) = if inside { (0, x_max) } else { (border, border) };
            ends.0 += (w * low).min(w * high);
            ends.1 += (w * low).max(w * high);
        }
        ends
    };
    let mut hull: Option<(Vec<i32>, Vec<i32>)> = None;
    for scenario in &scenarios {
        let mut potentials: Vec<(i64, i64)> = scenario.iter().map(ends).collect();
        if let Some(pw) = pointwise {
            let filters = pw.shape()[3];
            let values = pw.values();
            let depthwise = potentials;
            potentials = vec![(0, 0); filters];
            for (c, &(low, high)) in depthwise.iter().enumerate() {
                for (f, ends) in potentials.iter_mut().enumerate() {
                    let w = i64::from(values[c * filters + f]);
                    ends.0 += (w * low).min(w * high);
                    ends.1 += (w * low).max(w * high);
                }
            }
        }
        let (low, high): (Vec<i32>, Vec<i32>) = potentials
            .into_iter()
            .map(|(low, high)| (low as i32, high as i32))
            .unzip();
        hull = Some(match hull {
            None => (low, high),
            Some((lowest, highest)) => (
                lowest.into_iter().zip(low).map(|(a, b)| a.min(b)).collect(),
                highest
                    .into_iter()
                    .zip(high)
                    .map(|(a, b)| a.max(b))
                    .collect(),
            ),
        });
    }
    let (lowest, highest) = hull.unwrap();
    Reach { lowest, highest }
}

#[test]
fn the_reach_is_that_of_every_window_looked_at_cell_by_cell() {
    let mut global = 0;
    let mut kinds = BTreeMap::new();
    for seed in 0..400 {
        let model = Random::new(seed).model();
        for layer in model.layers() {
            let Some((conv, _, _)) = convolution_of(layer) else {
                continue;
            };
            assert_eq!(
                layer.reach().unwrap(),
                Some(reach_of(layer)),
                "seed {seed}: {layer:?}"
            );
            global += usize::from(conv.pooling == Pooling::GlobalAverage);
            *kinds.entry(layer.spec().type_name()).or_insert(0) += 1;
        }
    }
    assert!(
        global > 50 && kinds.len() == 3 && kinds.values().all(|&n| n > 50),
        "{kinds:?}"
    );
}

/// One convolution of one filter with weights 1 on a map of one-bit events.
fn convolution(map: Shape, conv: ConvParams) -> Reach {
    let mut builder = ModelBuilder::new();
    builder.add("in", InputData::new(map, 1), &[]).unwrap();
    let [x, y] = [conv.kernel_size.x, conv.kernel_size.y];
    let layer = builder.add("layer", Convolutional { conv }, &[]).unwrap();
    let weights = Weights::new([x, y, map.c, 1], vec![1; x * y * map.c]).unwrap();
    builder.set_variable(layer, "weights", weights).unwrap();
    builder.layers()[layer].reach().unwrap().unwrap()
}

#[test]
fn a_map_of_any_size_under_a_global_average_takes_no_time() {
    let global = |kernel, stride| ConvParams {
        kernel_stride: stride,
        pooling: Pooling::GlobalAverage,
        ..ConvParams::new(kernel, 1)
    };
    let side = 1 << 30;
    let one = Pair::square(1);
    let reach = convolution(Shape::new(side, 1, 1), global(one, one));
    assert_eq!((reach.lowest[0], reach.highest[0]), (0, 1 << 30));
    // Three cells at every second one: the first cell but one meets one window, the last alone lies in the border.
    let reach = convolution(
        Shape::new(1, side, 1),
        global(Pair::new(1, 3), Pair::new(1, 2)),
    );
    assert_eq!(reach.highest[0], 3 * (1 << 29) - 1);
}

#[test]
fn a_kernel_as_large_as_a_large_map_takes_time_in_proportion() {
    let kernel = Pair::square(600);
    let reach = convolution(Shape::new(600, 600, 1), ConvParams::new(kernel, 1));
    assert_eq!((reach.lowest[0], reach.highest[0]), (0, 600 * 600));
    let global = ConvParams {
        pooling: Pooling::GlobalAverage,
        ..ConvParams::new(Pair::square(200), 1)
    };
    // Each axis has 200 windows, and together they meet cells of the map 100 · 101 + 100 · 99 … times.
    let inside: usize = (0..200usize)
        .map(|i| (200 + 99 - i).min(200) - 99usize.saturating_sub(i))
        .sum();
    let reach = convolution(Shape::new(200, 200, 1), global);
    assert_eq!(reach.highest[0] as usize, inside * inside);
}
