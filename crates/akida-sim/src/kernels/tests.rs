//! Every available kernel equals the plain sum.
//!
//! Sizes are below, at and above the size of each tile. Values are extreme and random.

use super::PlanOptions;
use super::*;
use crate::model::Thresholds;
use crate::ops;
use crate::output::Levels;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

const SIGNED: &str = "inputs are signed sums";

/// A small generator, so that failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A value in low..=high. Half of the values are one of the ends.
    fn between(&mut self, low: i32, high: i32) -> i32 {
        match self.next() % 4 {
            0 => high,
            1 => low,
            _ => (self.next() % ((high - low) as u64 + 1)) as i32 + low,
        }
    }
}

const SIZES: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 50, 65];

fn check_dense<T, W>(kernel: DenseKernel, routines: DenseRoutines<T, W>, bounds: Bounds)
where
    T: Copy + TryFrom<i32> + Into<i32> + Default,
{
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let short = SIZES.into_iter().flat_map(|filters| {
        SIZES
            .into_iter()
            .map(move |run| (filters, run, 1 + (filters + run) % 3))
    });
    let (high, weight_bound) = (bounds.input as i32, bounds.weight as i32);
    let low = if bounds.signed.is_some() { -high } else { 0 };
    // Windows longer than what kernels take at a time, as far as their sums fit 32 bits.
    let fits = |(_, run, rows): &(usize, usize, usize)| {
        let products = (run * rows) as u64;
        products * u64::from(bounds.input) * u64::from(bounds.weight) <= u32::MAX.into()
    };
    let long = [(33, 4500, 1), (17, 1450, 3)].into_iter().filter(fits);
    // Windows with many short runs, which kernels may join.
    let tall = [(33, 1, 20), (5, 5, 12), (16, 9, 6), (17, 11, 11)];
    let shapes = short.chain(long).chain(tall);
    let mut lines = [0; 2];
    for (filters, run, rows) in shapes {
        let mut shape = kernel.shape(bounds, [rows, run, filters]);
        if rows == 1 {
            shape.rare = run.min((run / 2).next_multiple_of(GRAIN));
        }
        // Long stretches of zeros in every other shape.
        let zero = |i: usize| run % 2 == 1 && !(i / 24).is_multiple_of(4);
        let count = SIZES[(filters * 5 + run) % SIZES.len()];
        let step = 1 + (filters * 3 + run) % (run + 1);
        let columns = 1 + (filters + 2 * run) % count;
        let run_step = (columns - 1) * step + run;
        let positions = Positions {
            first: filters % 3,
            skipped: (filters + run / 2) % columns,
            count,
            columns,
            row_step: run_step * (1 + run % 2),
            step,
        };
        let len = positions.end() + rows * run_step;
        let input: Vec<T> = (0..len + PADDING)
            .map(|i| {
                if zero(i) {
                    0
                } else {
                    random.between(low, high)
                }
            })
            .map(|x| T::try_from(x).unwrap_or_default())
            .collect();
        let weights: Vec<i8> = (0..rows * run * filters)
            .map(|_| random.between(-weight_bound, weight_bound) as i8)
            .collect();
        let weight =
            |row: usize, index: usize| &weights[(row * run + index) * filters..][..filters];
        let packed = (routines.pack)(shape, &weight).unwrap();
        let from = |f: usize| f as i32 % 5 - 2;
        let mut start = shape.start(&weight).unwrap();
        for (f, start) in start.iter_mut().enumerate().take(filters) {
            *start = start.wrapping_add(from(f));
        }
        let run_into = |sink: Sink<'_>| {
            (routines.run)(DenseCall {
                shape,
                input: &input,
                run_step,
                positions,
                weights: &packed,
                start: &start,
                sink,
            });
        };
        let mut potentials = vec![i32::MIN; count * filters];
        run_into(Sink::Potentials(&mut potentials));
        let starts: Vec<usize> = positions.starts().collect();
        assert_eq!(starts.iter().max().map(|s| s + 1), Some(positions.end()));
        for (place, &potential) in potentials.iter().enumerate() {
            let (p, f) = (place / filters, place % filters);
            let mut expected = i64::from(from(f));
            for row in 0..rows {
                for index in 0..run {
                    let x: i32 = input[starts[p] + row * run_step + index].into();
                    expected += i64::from(x) * i64::from(weight(row, index)[f]);
                }
            }
            assert_eq!(
                i64::from(potential),
                expected,
                "{} {shape:?} position {p} filter {f}",
                kernel.name
            );
        }
        let bound = (rows * run) as u32 * bounds.input * bounds.weight + 2;
        let around = |f: usize| potentials[f] / 2;
        let far = |f: usize| i32::MIN + potentials[f].abs();
        for (bits, straight) in [1, 2, 4].into_iter().flat_map(|b| [(b, true), (b, false)]) {
            // Either thresholds and steps lie around the potentials, or so far off that no line is exact.
            let grid = f32::from(1u8 << (4 - bits));
            let step = if straight {
                bound as f32 / 40.0 + 0.3
            } else {
                2f32.powi(31) / grid
            };
            let threshold: Vec<i32> = (0..filters)
                .map(|f| if straight { around(f) } else { far(f) })
                .collect();
            let thresholds = Thresholds {
                threshold: &threshold,
                act_step: &vec![step; filters],
            };
            let levels = Levels::new(thresholds, bits, bound).unwrap();
            lines[usize::from(levels.line.is_some())] += 1;
            let mut made = vec![u8::MAX; count * filters];
            run_into(Sink::Levels(&levels, &mut made));
            for (place, (&p, &level)) in potentials.iter().zip(&made).enumerate() {
                let boundaries = ops::boundaries(threshold[place % filters], step, bits);
                assert_eq!(
                    level,
                    ops::level(p, &boundaries),
                    "{} {shape:?}",
                    kernel.name
                );
            }
        }
    }
    assert!(
        lines[0] > 50 && lines[1] > 50,
        "levels made in both ways: {lines:?}"
    );
}

#[test]
fn dense_kernels_equal_the_plain_sum() {
    let bounds = |signed: bool, input, weight| Bounds {
        input,
        signed: signed.then_some(SIGNED),
        weight,
        ..NARROW
    };
    for kernel in available::<DenseKernel>() {
        match kernel.elements {
            DenseElements::U8(routines) => {
                // Long stretches of products in 16 bits, the widest products, and inputs beyond signed bytes.
                for (input, weight) in [(15, 7), (15, 127), (127, 127), (255, 7), (255, 127)] {
                    let bounds = bounds(false, input, weight);
                    if kernel.objection(bounds).is_none() {
                        check_dense(kernel, routines, bounds);
                    }
                }
            }
            DenseElements::U8I4(routines) => {
                check_dense(kernel, routines, bounds(false, 15, 7));
                check_dense(kernel, routines, bounds(false, 255, 7));
            }
            DenseElements::I16(routines) => {
                check_dense(kernel, routines, bounds(true, i16::MAX as u32, 127));
            }
            DenseElements::I32(routines) => {
                check_dense(kernel, routines, bounds(true, 100_000, 127));
            }
        }
    }
}

fn check_depthwise<T>(kernel: DepthwiseKernel, run: DepthwiseRun<T>, bytes_of_sums: bool)
where
    T: Copy + TryFrom<i32> + Into<i32> + Default,
{
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    // Whole registers of one position and of several.
    let channels = SIZES.into_iter().chain([32, 64, 96, 130]);
    let sizes = channels.flat_map(|c| SIZES.into_iter().map(move |p| (c, p)));
    let kernels = [(1, 2), (2, 1), (3, 3)];
    for ((channels, count), (rows, columns)) in sizes.flat_map(|size| kernels.map(|k| (size, k))) {
        let shape = DepthwiseShape {
            rows,
            columns,
            channels,
        };
        let step = channels * (1 + (count + channels / 2) % 3);
        let per_row = 1 + (channels + 2 * count) % count;
        let run_step = (per_row - 1) * step + columns * channels;
        let positions = Positions {
            first: channels % 3,
            skipped: (channels / 2) % per_row,
            count,
            columns: per_row,
            row_step: run_step * (1 + channels % 2),
            step,
        };
        let len = positions.end() + (rows - 1) * run_step + columns * channels;
        // Sums that need 16 bits, or sums of up to three bytes.
        let (highest, bound) = if bytes_of_sums { (12, 7) } else { (28, 127) };
        let input: Vec<u8> = (0..len + PADDING)
            .map(|_| random.between(0, highest) as u8)
            .collect();
        let weights: Vec<i8> = (0..rows * columns * channels)
            .map(|i| random.between(-bound, bound) as i8 / (1 + (i % channels) as i8 % 4))
            .collect();
        let mut expected = vec![0; count * channels];
        let mut reach = vec![(0, 0); channels];
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            for c in 0..channels {
                let w = i32::from(weights[(row * columns + column) * channels + c]);
                let (low, high): &mut (i16, i16) = &mut reach[c];
                *low += (highest * w.min(0)) as i16;
                *high += (highest * w.max(0)) as i16;
                for (p, start) in positions.starts().enumerate() {
                    let x = input[start + row * run_step + column * channels + c];
                    expected[p * channels + c] += i32::from(x) * w;
                }
            }
        }
        let what = format!("{} {shape:?} {positions:?}", kernel.name);
        let weights = (kernel.pack)(shape, weights).unwrap();
        let call = |sink| {
            run(DepthwiseCall {
                shape,
                input: &input,
                run_step,
                positions,
                weights: &weights,
                sink,
            });
        };
        if !bytes_of_sums {
            let mut sums = vec![T::default(); count * channels];
            call(DepthwiseSink::Sums(&mut sums));
            let sums: Vec<i32> = sums.into_iter().map(Into::into).collect();
            assert_eq!(sums, expected, "{what}");
            continue;
        }
        let bytes = Bytes::new(&reach).unwrap().unwrap();
        let mut out = vec![0; bytes.room(count)];
        call(DepthwiseSink::Bytes(&bytes, &mut out));
        let channel_of_bytes = bytes.channel_of_bytes().unwrap();
        assert_eq!(channel_of_bytes.len(), bytes.len());
        for (p, expected) in expected.chunks(channels).enumerate() {
            let mut sums: Vec<i32> = reach.iter().map(|&(low, _)| low.into()).collect();
            for (&channel, &byte) in channel_of_bytes.iter().zip(&out[p * bytes.step()..]) {
                if let Some(channel) = channel {
                    sums[channel] += i32::from(byte);
                }
            }
            assert_eq!(sums, expected, "{what} position {p}");
        }
    }
}

#[test]
fn depthwise_kernels_equal_the_plain_sum() {
    for kernel in available::<DepthwiseKernel>() {
        match kernel.routine {
            BySum::I16(run) => check_depthwise(kernel, run, false),
            BySum::I32(run) => check_depthwise(kernel, run, false),
        }
    }
}

#[test]
fn bytes_of_depthwise_sums_add_up_to_them() {
    for kernel in available::<DepthwiseKernel>() {
        if let BySum::I16(run) = kernel.routine {
            check_depthwise(kernel, run, true);
        }
    }
}

/// Bounds of a product with many filters for one position.
const NARROW: Bounds = Bounds {
    input: 15,
    signed: None,
    weight: 7,
    sum: 1 << 30,
    fan_in: 1000,
    filters: 100,
    positions: 1,
};

#[test]
fn sums_that_need_too_many_bytes_have_none() {
    let bytes = |reach| Bytes::new(reach).unwrap();
    assert!(bytes(&[(-300, 465), (0, 0)]).is_some());
    assert!(bytes(&[(0, 0), (-300, 466)]).is_none());
    assert!(bytes(&[(i16::MIN, i16::MAX)]).is_none());
}

#[test]
fn narrow_kernels_object_to_wide_values() {
    for kernel in available::<DenseKernel>() {
        let objects = |bounds| kernel.objection(bounds).is_some();
        let with = |input, signed: bool, weight| Bounds {
            input,
            signed: signed.then_some(SIGNED),
            weight,
            ..NARROW
        };
        let bytes = kernel.name.contains("u8");
        let halves = kernel.name.contains("u8i4");
        let exact = !["u8-avx2", "u8-neon", "u8i4"]
            .map(|name| kernel.name.contains(name))
            .contains(&true);
        assert_eq!(
            objects(with(32_768, true, 127)),
            !kernel.name.contains("i32")
        );
        assert_eq!(objects(with(32_767, true, 127)), bytes);
        assert_eq!(objects(with(255, false, 127)), !exact);
        assert!(!objects(with(255, false, 7)));
        assert_eq!(objects(with(15, false, 127)), halves);
        assert_eq!(objects(with(15, false, 8)), halves);
        // Sixteen times 15 · 7 for each of so many inputs.
        let wide = Bounds {
            fan_in: i32::MAX as usize / (16 * 15 * 7) + 1,
            ..NARROW
        };
        assert_eq!(objects(wide), halves);
    }
    for kernel in available::<DepthwiseKernel>() {
        let objects = |sum| kernel.objection(Bounds { sum, ..NARROW }).is_some();
        assert_eq!(
            objects(32_768),
            kernel.name.contains("i16"),
            "{}",
            kernel.name
        );
        assert!(!objects(32_767), "{}", kernel.name);
    }
}

#[test]
fn weights_share_bytes_where_reading_them_takes_the_time() {
    let options = PlanOptions::default();
    for halves in available::<DenseKernel>().filter(|k| k.name.contains("u8i4")) {
        assert_eq!(halves.drawback(NARROW), None);
        for other in [
            Bounds {
                positions: 100,
                ..NARROW
            },
            Bounds {
                filters: 10,
                ..NARROW
            },
        ] {
            assert!(halves.drawback(other).is_some());
            let chosen = select::<DenseKernel>(other, &options).ok().unwrap();
            assert_ne!(chosen.kernel.name, halves.name);
            let forced = PlanOptions {
                kernel: Some(String::from(halves.name)),
                ..PlanOptions::default()
            };
            let chosen = select::<DenseKernel>(other, &forced).ok().unwrap();
            assert_eq!(chosen.kernel.name, halves.name);
        }
    }
}

#[test]
fn the_last_kernel_of_each_table_accepts_everything() {
    let widest = Bounds {
        input: i32::MAX as u32,
        signed: Some(SIGNED),
        weight: 127,
        sum: i32::MAX as u32,
        ..NARROW
    };
    assert!(select::<DenseKernel>(widest, &PlanOptions::default()).is_ok());
    assert!(select::<DepthwiseKernel>(widest, &PlanOptions::default()).is_ok());
    assert!(select::<DepthwiseU8Kernel>(widest, &PlanOptions::default()).is_ok());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = DenseKernel::table().iter().map(|k| k.name).collect();
    names.extend(DepthwiseKernel::table().iter().map(|k| k.name));
    names.extend(DepthwiseU8Kernel::table().iter().map(|k| k.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
