//! Runs an `.fbz` model on inputs: `run_model MODEL INPUTS [OUTPUTS.npy]`.
//!
//! INPUTS is a `.npy` file of uint8 values of shape (n, height, width, channels), or raw bytes, one input after the other.
//! Prints the largest output of each input and the time; OUTPUTS.npy takes all outputs.

use akida_fbz::read_file;
use akida_sim::{Plan, RunOptions, Shape};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

/// Inputs whose outputs are shown.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [model, inputs] => run(model, inputs, None),
        [model, inputs, outputs] => run(model, inputs, Some(outputs)),
        _ => Err("usage: run_model MODEL.fbz INPUTS [OUTPUTS.npy]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(model: &str, inputs: &str, to: Option<&String>) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let plan = Plan::new(read_file(model)?);
    println!("loaded in {:.1?}", begin.elapsed());

    let shape = plan.model().input().shape;
    let values = read_inputs(Path::new(inputs), shape)?;
    let begin = Instant::now();
    let outputs = plan.forward(&values, &RunOptions::default())?;
    let elapsed = begin.elapsed();

    let one = plan.model().output_shape();
    let (count, size) = (values.len() / shape.len(), one.len());
    let integers: Vec<i32> = outputs.as_ref().iter().collect();
    for (index, output) in integers.chunks(size).take(SHOWN).enumerate() {
        let best = output.iter().max().copied().unwrap_or_default();
        let place = output.iter().position(|&v| v == best).unwrap_or_default();
        println!("input {index}: largest of {size} outputs {best} at {place}");
    }
    if count > SHOWN {
        println!("... and {} more", count - SHOWN);
    }
    let per_input = elapsed / u32::try_from(count.max(1))?;
    println!("{count} inputs in {elapsed:.1?}, {per_input:.1?} per input");
    if let Some(path) = to {
        fs::write(path, npy(&integers, &[count, one.x, one.y, one.c]))?;
    }
    Ok(())
}

/// The bytes of all inputs, whose number a file of raw bytes leaves to its length.
fn read_inputs(path: &Path, shape: Shape) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let Some(rest) = bytes.strip_prefix(b"\x93NUMPY") else {
        return Ok(bytes);
    };
    // Major and minor version, then the length of the header in two bytes, or in four from version 2 on.
    let (length, begin) = match *rest {
        [1, _, a, b, ..] => (u32::from(u16::from_le_bytes([a, b])), 4),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]), 6),
        _ => return Err("INPUTS must be a .npy file of version 1, 2 or 3".into()),
    };
    let rest = &rest[begin..];
    let (header, values) = rest
        .split_at_checked(length as usize)
        .ok_or("INPUTS ends inside its header")?;
    let header = String::from_utf8_lossy(header).replace(' ', "");
    let expected = format!(",{},{},{})", shape.x, shape.y, shape.c);
    if !(header.contains("'descr':'|u1'")
        && header.contains("'fortran_order':False")
        && header.contains(&expected))
    {
        return Err(format!(
            "INPUTS must be uint8 in C order, of shape (n{expected}, received {}",
            header.trim()
        )
        .into());
    }
    Ok(values.to_vec())
}

/// A `.npy` file of int32 values.
fn npy(values: &[i32], shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let mut header = format!(
        "{{'descr': '<i4', 'fortran_order': False, 'shape': ({}), }}",
        sizes.join(", ")
    );
    // The values begin at a multiple of 64 bytes, after 10 bytes, the header and a line end.
    let fill = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', fill));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}
