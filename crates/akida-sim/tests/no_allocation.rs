//! `Plan::run` allocates nothing, whatever the layers.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "an allocator that counts; a test fails by panicking"
)]

#[path = "common/akida2.rs"]
mod akida2;
mod common;

use akida_sim::{Inputs, Model, Plan};
use akida2::Kind;
use common::Random;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
struct Counting;

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations of a run of one input, behind the first run.
fn allocations(model: Model, input: Inputs<'_>) -> usize {
    let plan = Plan::new(model);
    // A kernel may keep memory for each thread, from its first run on.
    assert!(plan.run(&mut plan.scratch(), input).is_ok());
    let mut scratch = plan.scratch();
    let before = ALLOCATIONS.with(Cell::get);
    let result = plan.run(&mut scratch, input);
    let after = ALLOCATIONS.with(Cell::get);
    assert!(result.is_ok());
    after - before
}

#[test]
fn running_one_input_allocates_nothing() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let model = random.model();
        let inputs = random.inputs(&model, 1);
        assert_eq!(allocations(model, (&inputs).into()), 0, "seed {seed}");
        for kind in [Kind::Still, Kind::Queues, Kind::Recurrent] {
            let model = akida2::model(&mut random, kind);
            let batch = akida2::inputs(&mut random, &model, 1);
            let input = batch.samples(0, 1, model.input().shape.len());
            assert_eq!(allocations(model, input), 0, "seed {seed}, Akida 2.0");
        }
    }
    // The counter works.
    let before = ALLOCATIONS.with(Cell::get);
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 1);
}
