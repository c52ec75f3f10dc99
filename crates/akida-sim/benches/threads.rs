//! Microseconds per input by number of threads: the median call, and the least.
//!
//! `cargo bench --bench threads -- [NETWORK] [--threads N]`

mod networks;

use akida_sim::{Plan, RunOptions};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_millis(40);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let (mut only, mut most) = (String::new(), 2);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => {
                most = arguments
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(most)
            }
            _ => only = argument,
        }
    }
    for (name, model) in networks::all() {
        if !name.contains(only.as_str()) {
            continue;
        }
        let plan = Plan::new(model);
        let sample = plan.model().input().shape.len();
        print!("{name:<20}");
        for batch in [1usize, 3, 32] {
            let inputs: Vec<u8> = (0..batch * sample).map(|i| (i * 37 % 251) as u8).collect();
            for threads in [1, most] {
                let options = RunOptions {
                    threads,
                    ..RunOptions::default()
                };
                let mut times = Vec::new();
                let start = Instant::now();
                while start.elapsed() < TIME || times.len() < 5 {
                    let start = Instant::now();
                    let outputs = plan.forward(&inputs, &options);
                    times.push(start.elapsed());
                    drop(std::hint::black_box(outputs));
                }
                times.sort_unstable();
                let us = |time: Duration| time.as_secs_f64() * 1e6 / batch as f64;
                let (median, least) = (us(times[times.len() / 2]), us(times[0]));
                print!("  {batch}x{threads}: {median:>7.1} {least:>7.1}");
            }
        }
        println!();
    }
}
