//! Shows what is in an `.fbz` file: `inspect MODEL`.

use akida_fbz::{ValueSummary, inspect_file};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: inspect MODEL.fbz");
        return ExitCode::FAILURE;
    };
    let inspection = match inspect_file(&path) {
        Ok(inspection) => inspection,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "{path}: {} bytes, payload of {}{}",
        inspection.file_bytes,
        inspection.payload_bytes,
        match inspection.is_compressed {
            true => ", compressed",
            false => "",
        }
    );
    let layers = inspection.model.layers();
    for (layer, summary) in layers.iter().zip(&inspection.layers) {
        let connection = layer.connection();
        println!(
            "{:<24} {:<24} {:<16} {:>12} MACs {:>10} bytes",
            layer.name(),
            layer.spec().type_name(),
            connection.output.shape.to_string(),
            connection.macs,
            summary.bytes
        );
        for (variable, (_, tensor)) in summary.variables.iter().zip(layer.variables()) {
            let (name, count) = (variable.name, variable.count);
            match &variable.values {
                ValueSummary::Histogram(histogram) => {
                    let zeros = histogram.iter().find(|(value, _)| *value == 0);
                    let zeros = zeros.map_or(0, |(_, number)| *number);
                    let bits = tensor.weights().map_or(0, |weights| weights.bits());
                    println!("    {name}: {count} of {bits} bits, {zeros} of them zero");
                }
                ValueSummary::Integers(low, high) => println!("    {name}: {low} to {high}"),
                ValueSummary::Bounds { unbounded, range } => {
                    let bounds = range.map(|(low, high)| format!("{low} to {high}, "));
                    let bounds = bounds.unwrap_or_default();
                    println!("    {name}: {bounds}{unbounded} without");
                }
                ValueSummary::Floats(low, high) => println!("    {name}: {low} to {high}"),
            }
        }
    }
    println!("{} MACs per input", inspection.model.macs());
    ExitCode::SUCCESS
}
