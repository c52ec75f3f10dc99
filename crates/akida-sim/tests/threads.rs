//! Callers side by side get their own results, and interrupts stop threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure is what a test reports"
)]

#[allow(dead_code, reason = "each test uses its part")]
mod common;
#[path = "common/networks.rs"]
mod networks;

use akida_sim::{Plan, RunError, RunOptions, Values};
use networks::networks;
use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: a caller that finds the threads busy works alone.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forward(plan: &Plan, inputs: &[u8], threads: usize) -> Values {
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    plan.forward(inputs, &options).unwrap()
}

#[test]
fn callers_side_by_side_get_their_own_results() {
    let _alone = alone();
    let plans: Vec<(Plan, Vec<u8>)> = networks()
        .into_iter()
        .map(|(model, mut random)| {
            let inputs = random.inputs(&model, 3);
            (Plan::new(model), inputs)
        })
        .collect();
    let expected: Vec<Values> = plans.iter().map(|(plan, i)| forward(plan, i, 1)).collect();
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let (plans, expected) = (&plans, &expected);
            scope.spawn(move || {
                for turn in 0..20 {
                    let place = (turn + caller) % plans.len();
                    let (plan, inputs) = &plans[place];
                    let found = forward(plan, inputs, 2 + turn % 3);
                    assert_eq!(found, expected[place], "caller {caller}, turn {turn}");
                }
            });
        }
    });
}

#[test]
fn an_interrupt_stops_threads_between_batches() {
    let _alone = alone();
    let (model, mut random) = networks().remove(0);
    let inputs = random.inputs(&model, 10);
    let plan = Plan::new(model);
    let asked = Cell::new(0);
    let interrupt = || {
        asked.set(asked.get() + 1);
        asked.get() == 2
    };
    let options = RunOptions {
        threads: 2,
        batch_size: 3,
        interrupt: Some(&interrupt),
    };
    assert_eq!(plan.forward(&inputs, &options), Err(RunError::Interrupted));
    assert_eq!(asked.get(), 2);
    assert_eq!(forward(&plan, &inputs, 2), forward(&plan, &inputs, 1));
}
