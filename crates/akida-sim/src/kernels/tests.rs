//! Every available kernel equals the plain sum, over sizes below, at and above each tile, extreme and random values.

use super::*;
use alloc::vec;

/// A small generator, so that failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A value in -bound..=bound, the ends often.
    fn signed(&mut self, bound: i32) -> i32 {
        match self.next() % 4 {
            0 => bound,
            1 => -bound,
            _ => (self.next() % (2 * bound as u64 + 1)) as i32 - bound,
        }
    }
}

const SIZES: [usize; 12] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33];

fn check_dense<T>(name: &str, routines: DenseRoutines<T>, input_bound: i32)
where
    T: Copy + TryFrom<i32> + Into<i32> + Default,
{
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let shapes = SIZES.into_iter().flat_map(|filters| {
        SIZES
            .into_iter()
            .map(move |run| (filters, run, 1 + (filters + run) % 3))
    });
    for (filters, run, rows) in shapes {
        let shape = DenseShape { rows, run, filters };
        let positions = SIZES[(filters * 5 + run) % SIZES.len()];
        let position_step = 1 + (filters * 3 + run) % (run + 1);
        let row_step = (positions - 1) * position_step + run;
        let len = rows * row_step;
        let input: Vec<T> = (0..len + PADDING)
            .map(|_| T::try_from(random.signed(input_bound)).unwrap_or_default())
            .collect();
        let weights: Vec<i8> = (0..rows * run * filters)
            .map(|_| random.signed(127) as i8)
            .collect();
        let weight =
            |row: usize, index: usize, f: usize| weights[(row * run + index) * filters + f];
        let packed = (routines.pack)(shape, &weight);
        let mut potentials = vec![i32::MIN; positions * filters];
        (routines.run)(DenseCall {
            shape,
            input: &input,
            row_step,
            position_step,
            weights: &packed,
            potentials: &mut potentials,
        });
        for (place, &potential) in potentials.iter().enumerate() {
            let (p, f) = (place / filters, place % filters);
            let mut expected = 0i64;
            for row in 0..rows {
                for index in 0..run {
                    let x: i32 = input[row * row_step + p * position_step + index].into();
                    expected += i64::from(x) * i64::from(weight(row, index, f));
                }
            }
            assert_eq!(
                i64::from(potential),
                expected,
                "{name} {shape:?} position {p} filter {f}"
            );
        }
    }
}

#[test]
fn dense_kernels_equal_the_plain_sum() {
    for kernel in available::<DenseKernel>() {
        match kernel.routines {
            ByElement::I16(routines) => check_dense(kernel.name, routines, i32::from(i16::MAX)),
            ByElement::I32(routines) => check_dense(kernel.name, routines, 100_000),
        }
    }
}

fn check_depthwise<T>(name: &str, run: DepthwiseRun<T>, input_bound: i32, weight_bound: i32)
where
    T: Copy + TryFrom<i32> + Into<i32> + Default,
{
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for (channels, positions) in SIZES
        .into_iter()
        .flat_map(|c| SIZES.into_iter().map(move |p| (c, p)))
    {
        let shape = DepthwiseShape {
            rows: 1 + channels % 3,
            columns: 1 + positions % 3,
            channels,
        };
        let position_step = channels * (1 + positions % 2);
        let row_step = (positions - 1) * position_step + shape.columns * channels;
        let mut values = |count: usize, bound: i32| -> Vec<T> {
            let convert = |v| T::try_from(v).unwrap_or_default();
            (0..count).map(|_| convert(random.signed(bound))).collect()
        };
        let input = values(shape.rows * row_step + PADDING, input_bound);
        let weights = values(shape.rows * shape.columns * channels, weight_bound);
        let mut sums = vec![T::default(); positions * channels];
        run(DepthwiseCall {
            shape,
            input: &input,
            row_step,
            position_step,
            weights: &weights,
            sums: &mut sums,
        });
        for (place, &sum) in sums.iter().enumerate() {
            let (p, c) = (place / channels, place % channels);
            let mut expected = 0i64;
            for (row, column) in
                (0..shape.rows).flat_map(|r| (0..shape.columns).map(move |v| (r, v)))
            {
                let x: i32 =
                    input[row * row_step + p * position_step + column * channels + c].into();
                let w: i32 = weights[(row * shape.columns + column) * channels + c].into();
                expected += i64::from(x) * i64::from(w);
            }
            assert_eq!(
                i64::from(sum.into()),
                expected,
                "{name} {shape:?} position {p} channel {c}"
            );
        }
    }
}

#[test]
fn depthwise_kernels_equal_the_plain_sum() {
    for kernel in available::<DepthwiseKernel>() {
        match kernel.routine {
            // Nine products of 15 and 127 stay inside 16 bits.
            ByElement::I16(run) => check_depthwise(kernel.name, run, 15, 127),
            ByElement::I32(run) => check_depthwise(kernel.name, run, 100_000, 127),
        }
    }
}

#[test]
fn narrow_kernels_object_to_wide_values() {
    let wide = Bounds {
        input: 32_768,
        sum: 32_768,
    };
    let narrow = Bounds {
        input: 32_767,
        sum: 32_767,
    };
    for kernel in available::<DenseKernel>() {
        assert_eq!(
            kernel.objection(wide).is_some(),
            kernel.name.contains("i16"),
            "{}",
            kernel.name
        );
        assert!(kernel.objection(narrow).is_none(), "{}", kernel.name);
    }
    for kernel in available::<DepthwiseKernel>() {
        assert_eq!(
            kernel.objection(wide).is_some(),
            kernel.name.contains("i16"),
            "{}",
            kernel.name
        );
        assert!(kernel.objection(narrow).is_none(), "{}", kernel.name);
    }
}

#[test]
fn the_last_kernel_of_each_table_accepts_everything() {
    let widest = Bounds {
        input: i32::MAX as u32,
        sum: i32::MAX as u32,
    };
    assert!(select::<DenseKernel>(widest, None).is_ok());
    assert!(select::<DepthwiseKernel>(widest, None).is_ok());
    assert!(select::<LevelsKernel>(widest, None).is_ok());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = DenseKernel::table().iter().map(|k| k.name).collect();
    names.extend(DepthwiseKernel::table().iter().map(|k| k.name));
    names.extend(LevelsKernel::table().iter().map(|k| k.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
