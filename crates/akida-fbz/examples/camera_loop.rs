//! Runs a model frame by frame in fixed memory: `camera_loop [MODEL]`.
//!
//! An allocator that counts shows that no frame asks for any memory. Without a model, a small network is built in code.
#![allow(unsafe_code, reason = "an allocator that counts")]

use akida_fbz::read_file;
use akida_sim::{
    ConvParams, Convolutional, FullyConnected, InputConvolutional, Model, ModelBuilder, ModelError,
    Pair, Plan, Pooling, Shape, Weights,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const FRAMES: usize = 100;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, with a count.
struct Counting;

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let model = match std::env::args().nth(1) {
        Some(path) => read_file(path)?,
        None => network()?,
    };
    // All memory is taken here: packed weights, maps between layers, the frame.
    let plan = Plan::new(model);
    let mut scratch = plan.scratch();
    let signal = plan.model().input();
    let mut frame = vec![0u8; signal.shape.len()];

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut longest = Duration::ZERO;
    let mut sum = 0i64;
    for number in 0..FRAMES {
        capture(number, signal.shape, signal.format.bits, &mut frame);
        let begin = Instant::now();
        let outputs = plan.run(&mut scratch, &frame)?;
        sum += i64::from(outputs.iter().next().unwrap_or_default());
        longest = longest.max(begin.elapsed());
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;

    println!(
        "{FRAMES} frames of {}, the longest took {longest:.1?}",
        signal.shape
    );
    println!("the first outputs add up to {sum}");
    println!("{allocations} allocations in the loop");
    match allocations {
        0 => Ok(()),
        _ => Err("the loop must not allocate".into()),
    }
}

/// Stands for a camera: a bright bar that moves.
fn capture(number: usize, shape: Shape, bits: u8, frame: &mut [u8]) {
    let brightest = ((1u16 << bits) - 1) as u8;
    let row_len = shape.y * shape.c;
    for (row, values) in frame.chunks_exact_mut(row_len).enumerate() {
        values.fill(if row == number % shape.x {
            brightest
        } else {
            0
        });
    }
}

/// A network of three layers, built in code: edges, corners, two classes.
fn network() -> Result<Model, ModelError> {
    let mut builder = ModelBuilder::new();
    let edges = ConvParams {
        weights_bits: 8,
        act_bits: Some(4),
        pooling: Pooling::Max {
            size: Pair::square(2),
            stride: Pair::square(2),
        },
        ..ConvParams::new(Pair::square(3), 2)
    };
    let image = InputConvolutional::new(Shape::new(64, 48, 1), edges);
    let image = builder.add("image", image, &[])?;
    let kernel = vec![1, 1, 2, 0, 1, -1, 0, 2, 0, 0, 0, -2, -1, 1, -2, 0, -1, -1];
    let weights = Weights::new([3, 3, 1, 2], kernel)?;
    builder.set_variable(image, "weights", weights)?;
    builder.set_variable(image, "act_step", vec![64.0; 2])?;
    let corners = ConvParams {
        weights_bits: 4,
        act_bits: Some(4),
        ..ConvParams::new(Pair::square(3), 8)
    };
    let corners = builder.add("corners", Convolutional { conv: corners }, &[])?;
    let kernel = (0..3 * 3 * 2 * 8).map(|index| (index % 5) as i8 - 2);
    let weights = Weights::new([3, 3, 2, 8], kernel.collect())?;
    builder.set_variable(corners, "weights", weights)?;
    let classes = FullyConnected {
        weights_bits: 2,
        act_bits: None,
        ..FullyConnected::new(2)
    };
    let classes = builder.add("classes", classes, &[])?;
    let matrix = (0..32 * 24 * 8 * 2).map(|index| (index % 3) as i8 - 1);
    let weights = Weights::new([1, 1, 32 * 24 * 8, 2], matrix.collect())?;
    builder.set_variable(classes, "weights", weights)?;
    builder.build()
}
