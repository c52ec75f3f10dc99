//! Max pooling, compared with the largest of the cells that each window holds, counted out here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[allow(dead_code, reason = "shared with other tests")]
mod common;

use akida_sim::{
    ConvParams, Convolutional, InputConvolutional, InputData, Model, ModelBuilder, Padding, Pair,
    Plan, Pooling, RunOptions, SeparableConvolutional, Shape, Values, Weights, ops,
};
use common::Random;

const SIZES: [usize; 8] = [1, 2, 4, 5, 6, 9, 10, 17];
const STRIDES: [usize; 6] = [1, 2, 3, 5, 8, 18];

/// The cells of each window along an axis; `None` where a window is larger than a map without border.
fn windows(padding: Padding, map: usize, size: usize, stride: usize) -> Option<Vec<Vec<usize>>> {
    let (count, before) = match padding {
        Padding::Same | Padding::SameUpper => {
            let count = map.div_ceil(stride);
            let needed = (count - 1) * stride + size;
            (count, needed.saturating_sub(map) / 2)
        }
        Padding::Valid => ((map.checked_sub(size)?) / stride + 1, 0),
    };
    let cells = |window: usize| (0..size).map(move |cell| window * stride + cell);
    let inside = |cell: usize| cell.checked_sub(before).filter(|&cell| cell < map);
    let all = (0..count).map(|window| cells(window).filter_map(inside).collect());
    Some(all.collect())
}

/// The largest value of each channel in each window of `values`, a map of `shape`.
fn largest(values: &[i32], shape: Shape, rows: &[Vec<usize>], columns: &[Vec<usize>]) -> Vec<i32> {
    let mut pooled = Vec::new();
    for row in rows {
        for column in columns {
            for c in 0..shape.c {
                let cells = row.iter().flat_map(|x| {
                    let cell = move |y| values[(x * shape.y + y) * shape.c + c];
                    column.iter().map(move |&y| cell(y))
                });
                pooled.push(cells.max().unwrap());
            }
        }
    }
    pooled
}

/// One layer whose potentials are its inputs, pooled; `None` where the windows do not fit.
fn identity(kind: usize, shape: Shape, conv: ConvParams) -> Option<Model> {
    let mut builder = ModelBuilder::new();
    let c = shape.c;
    let ones = |rows: usize| (0..rows * c).map(|i| i8::from(i / c == i % c)).collect();
    let diagonal = Weights::new([1, 1, c, c], ones(c)).unwrap();
    let layer = match kind {
        0 => builder.add("", InputConvolutional::new(shape, conv), &[]),
        _ => {
            builder.add("", InputData::new(shape, 4), &[]).unwrap();
            match kind {
                1 => builder.add("", Convolutional { conv }, &[]),
                _ => builder.add("", SeparableConvolutional { conv }, &[]),
            }
        }
    };
    let layer = layer.ok()?;
    if kind == 2 {
        let each = Weights::new([1, 1, c, 1], vec![1; c]).unwrap();
        builder.set_variable(layer, "weights", each).unwrap();
        builder.set_variable(layer, "weights_pw", diagonal).unwrap();
    } else {
        builder.set_variable(layer, "weights", diagonal).unwrap();
    }
    if builder.layers()[layer].connection().gives_potentials() {
        return builder.build().ok();
    }
    // Boundaries of 0, 1, 2 and so on: levels are the potentials.
    let zeros = vec![0; c];
    builder.set_variable(layer, "threshold", zeros).unwrap();
    let steps = vec![1.0; c];
    builder.set_variable(layer, "act_step", steps).unwrap();
    builder.build().ok()
}

/// Maps of one value, of a row, and larger ones, under every window and stride that fits.
#[test]
fn windows_of_every_size_and_stride_give_their_largest_value() {
    let mut random = Random::new(1);
    let mut widest = 0;
    for (x, y, c) in [(1, 1, 3), (1, 16, 1), (9, 1, 1), (9, 16, 3), (17, 5, 1)] {
        let shape = Shape::new(x, y, c);
        for padding in [Padding::Same, Padding::Valid] {
            for size in SIZES.map(|x| Pair::new(x, random.pick(&SIZES))) {
                for stride in STRIDES.map(|x| Pair::new(x, random.pick(&STRIDES))) {
                    let rows = windows(padding, x, size.x, stride.x);
                    let columns = windows(padding, y, size.y, stride.y);
                    let fits = rows.as_ref().zip(columns.as_ref());
                    let conv = ConvParams {
                        filters: c,
                        padding,
                        weights_bits: 1,
                        pooling: Pooling::Max { size, stride },
                        act_bits: random.pick(&[None, Some(4)]),
                        ..ConvParams::new(Pair::square(1), c)
                    };
                    let model = identity(random.below(3), shape, conv);
                    assert_eq!(model.is_some(), fits.is_some(), "{shape:?} {size} {stride}");
                    let (Some(model), Some((rows, columns))) = (model, fits) else {
                        continue;
                    };
                    widest = widest.max(size.x.min(size.y));
                    let input: Vec<u8> =
                        (0..shape.len()).map(|_| random.next() as u8 % 16).collect();
                    let values: Vec<i32> = input.iter().map(|&v| v.into()).collect();
                    let expected = largest(&values, shape, rows, columns);
                    let plan = Plan::new(model);
                    let found = plan.forward(&input, &RunOptions::default()).unwrap();
                    let defined = ops::run(plan.model(), &input).unwrap();
                    for found in [&found, defined.last().unwrap()] {
                        let found: Vec<i32> = match found {
                            Values::U8(levels) => levels.iter().map(|&v| v.into()).collect(),
                            Values::I32(potentials) => potentials.clone(),
                            _ => Vec::new(),
                        };
                        assert_eq!(found, expected, "{shape:?} {size} {stride} {padding:?}");
                    }
                }
            }
        }
    }
    assert!(widest >= 10, "{widest}");
}
