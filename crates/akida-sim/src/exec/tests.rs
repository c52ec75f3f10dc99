//! Threads change nothing: neither threads that divide a batch, nor threads that share an input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/networks.rs"]
mod networks;

use crate::threads::CORES;
use crate::{Plan, PlanOptions, RunOptions, Values, ops};
use networks::networks;
use std::borrow::ToOwned;
use std::sync::atomic::Ordering;

fn forward(plan: &Plan, inputs: &[u8], threads: usize) -> Values {
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    plan.forward(inputs, &options).unwrap()
}

#[test]
fn threads_change_nothing_whatever_the_layers() {
    // As on a host of so many cores.
    CORES.store(7, Ordering::Relaxed);
    for (model, mut random) in networks() {
        let inputs = random.inputs(&model, 5);
        let sample = model.input().shape.len();
        let defined = ops::run(&model, &inputs[..sample]).unwrap();
        for without in [&[][..], &["avx512", "vnni"], &["x86_64", "aarch64"]] {
            let options = PlanOptions {
                without: without.iter().map(|&part| part.to_owned()).collect(),
                ..PlanOptions::default()
            };
            let plan = Plan::with_options(model.clone(), &options).unwrap();
            assert_eq!(Some(&forward(&plan, &inputs[..sample], 1)), defined.last());
            for samples in [1, 3, 5] {
                let inputs = &inputs[..samples * sample];
                let expected = forward(&plan, inputs, 1);
                for threads in [7, 2, 3, 64] {
                    let found = forward(&plan, inputs, threads);
                    assert_eq!(found, expected, "{threads} threads, {samples} inputs");
                }
            }
        }
    }
}
