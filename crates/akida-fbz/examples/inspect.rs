//! Shows what is in an `.fbz` file: `inspect MODEL`.

use akida_fbz::inspect_file;
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
            "{:<24} {:<23} {:<16} {:>12} MACs {:>10} bytes",
            layer.name(),
            layer.spec().type_name(),
            connection.output_shape.to_string(),
            connection.macs,
            summary.bytes
        );
        for weights in &summary.weights {
            let zeros = weights.histogram.iter().find(|(value, _)| *value == 0);
            println!(
                "    {}: {} of {} bits, {} of them zero",
                weights.name,
                weights.count,
                layer.spec().weights_bits().unwrap_or_default(),
                zeros.map_or(0, |(_, number)| *number)
            );
        }
    }
    println!("{} MACs per input", inspection.model.macs());
    ExitCode::SUCCESS
}
