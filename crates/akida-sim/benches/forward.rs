//! Time of whole networks on one thread, one image at a time and in batches, with the multiply-accumulates of each.

mod networks;

use akida_sim::{Plan, RunOptions};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn forward(c: &mut Criterion) {
    for (name, model) in networks::all() {
        let mut group = c.benchmark_group(name);
        group.sample_size(20);
        for batch in [1usize, 32] {
            let sample = model.input().shape.len();
            let inputs: Vec<u8> = (0..batch * sample).map(|i| (i * 37 % 251) as u8).collect();
            let plan = Plan::new(model.clone());
            let options = RunOptions {
                threads: 1,
                ..RunOptions::default()
            };
            group.throughput(Throughput::Elements(model.macs() * batch as u64));
            group.bench_with_input(BenchmarkId::new("batch", batch), &inputs, |b, inputs| {
                b.iter(|| plan.forward(inputs, &options));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
