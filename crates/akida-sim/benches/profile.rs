//! Where the time of each network goes: per layer the least time of many runs on one thread.
//!
//! `cargo bench --bench profile -- [NETWORK] [--kernel NAME] [--without PART]...`

mod networks;

use akida_sim::{Plan, PlanOptions};
use std::time::Duration;

const RUNS: usize = 200;
const MOST: Duration = Duration::from_secs(1);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let (mut only, mut options) = (None, PlanOptions::default());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--kernel" => options.kernel = arguments.next(),
            "--without" => options.without.extend(arguments.next()),
            _ => only = Some(argument),
        }
    }
    for (name, model) in networks::all() {
        if only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let plan = match Plan::with_options(model, &options) {
            Ok(plan) => plan,
            Err(error) => {
                println!("{name}: {error}\n");
                continue;
            }
        };
        let sample = plan.model().input().shape.len();
        let input: Vec<u8> = (0..sample).map(|i| (i * 37 % 251) as u8).collect();
        let Ok(times) = plan.profile(&input, RUNS, MOST) else {
            continue;
        };
        let total: Duration = times.iter().sum();
        let speed = |macs: u64, time: Duration| macs as f64 / time.as_secs_f64().max(1e-9) / 1e9;
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let macs = plan.model().macs();
        println!(
            "{name}: {:.0} us, {:.1} million MACs, {:.0} GMAC/s",
            us(total),
            macs as f64 / 1e6,
            speed(macs, total)
        );
        for (layer, time) in plan.model().layers().iter().zip(times) {
            let macs = layer.connection().macs;
            println!(
                "  {:<24} {:>9.1} us {:>5.1} % {:>9.2} MMAC {:>6.0} GMAC/s",
                layer.name(),
                us(time),
                100.0 * time.as_secs_f64() / total.as_secs_f64(),
                macs as f64 / 1e6,
                speed(macs, time)
            );
        }
        println!();
    }
}
