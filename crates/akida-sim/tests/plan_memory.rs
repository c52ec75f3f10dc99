//! What a plan holds is what it reports, and a plan that finds no memory is refused.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an allocator with a limit; a test fails by panicking"
)]

use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputData, LayerSpec, Model, ModelBuilder, Pair,
    Plan, PlanError, PlanOptions, SeparableConvolutional, Shape,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
    /// Bytes beyond which large allocations are refused.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Smaller allocations are always granted.
const LARGE: usize = 1 << 16;

/// The system's allocator with a limit per thread.
struct Limited;

// SAFETY: every call is passed on unchanged, or answered by null.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.with(Cell::get).wrapping_add(layout.size());
        if layout.size() > LARGE && held > LIMIT.with(Cell::get) {
            return std::ptr::null_mut();
        }
        HELD.with(|h| h.set(held));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

fn model(input: Shape, spec: LayerSpec) -> Model {
    let mut builder = ModelBuilder::new();
    builder.add("in", InputData::new(input, 4), &[]).unwrap();
    builder.add("large", spec, &[]).unwrap();
    builder.build().unwrap()
}

/// One layer of each kind with megabytes of weights, and one with many filters but few weights.
fn models() -> Vec<Model> {
    let units = |units, weights_bits| FullyConnected {
        weights_bits,
        ..FullyConnected::new(units)
    };
    let conv = |size, filters| ConvParams::new(Pair::square(size), filters);
    vec![
        model(Shape::new(8, 8, 64), units(1000, 4).into()),
        model(Shape::new(8, 8, 64), units(1000, 8).into()),
        model(Shape::new(1, 1, 1), units(200_000, 2).into()),
        model(
            Shape::new(8, 8, 512),
            Convolutional {
                conv: conv(3, 1024),
            }
            .into(),
        ),
        model(
            Shape::new(8, 8, 2048),
            SeparableConvolutional {
                conv: conv(3, 2048),
            }
            .into(),
        ),
        model(
            Shape::new(3, 3, 100_000),
            SeparableConvolutional { conv: conv(3, 5) }.into(),
        ),
    ]
}

#[test]
fn a_plan_without_memory_is_refused() {
    let mut kernels = vec![None];
    kernels.extend(akida_sim::available_kernels().into_iter().map(Some));
    for kernel in kernels {
        let options = PlanOptions {
            kernel: kernel.map(String::from),
            ..PlanOptions::default()
        };
        for (index, model) in models().into_iter().enumerate() {
            let held = HELD.with(Cell::get);
            let mut refused = false;
            // Where memory ends at any of the allocations, the answer is an error, and with enough of it a plan.
            for allowed in (0..400).map(|step| step << 19) {
                LIMIT.with(|limit| limit.set(held + allowed));
                let plan = Plan::with_options(model.clone(), &options);
                LIMIT.with(|limit| limit.set(usize::MAX));
                match plan {
                    Err(PlanError::Memory { layer, bytes }) => {
                        assert_eq!(layer, "large");
                        assert!(bytes > LARGE);
                        refused = true;
                    }
                    Ok(plan) => {
                        assert!(refused, "model {index}, kernel {kernel:?}");
                        let packed: usize = plan.packed_bytes().iter().sum();
                        assert!(packed <= allowed, "model {index}, kernel {kernel:?}");
                        break;
                    }
                    Err(error) => {
                        assert!(error.to_string().contains("cannot be used"));
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_plan_holds_what_it_reports() {
    for (index, model) in models().into_iter().enumerate() {
        let before = HELD.with(Cell::get);
        let plan = Plan::new(model);
        let held = HELD.with(Cell::get) - before;
        let reported: usize = plan.packed_bytes().iter().sum();
        assert!(
            held.abs_diff(reported) < held / 50 + (1 << 14),
            "model {index}: {reported} reported, {held} held"
        );
        let before = HELD.with(Cell::get);
        let scratch = plan.scratch();
        let held = HELD.with(Cell::get) - before;
        assert!(
            held.abs_diff(scratch.bytes()) < held / 50 + (1 << 14),
            "model {index}: scratch of {} reported, {held} held",
            scratch.bytes()
        );
    }
}
