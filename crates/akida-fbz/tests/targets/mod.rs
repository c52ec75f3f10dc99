//! What the fuzz targets do with their bytes, one function per target. The programs in `fuzz/` call them, and so does
//! the test that replays what fuzzing has found.

#![allow(dead_code, unreachable_pub, reason = "each program uses its part")]

pub mod build;

use crate::common::{Container, payload_of};
use akida_fbz::{DecodeError, Limits, Location, decode_with, encode_with};
use akida_sim::device::Device;
use akida_sim::map::{self, MapMode};
use akida_sim::{Inputs, Model, Plan, Pooling, RunOptions, Session, ops};

/// Far below the defaults, so that a run takes little time, and the same for all targets.
const LIMITS: Limits = Limits::DEFAULT
    .with_max_payload(4 << 20)
    .with_max_weights(1 << 22);

/// Bytes to a model, and nothing else.
pub fn decode(data: &[u8]) {
    checked(data);
}

/// The same behind the checksum: `data` is the payload, or the compressed bytes after a length.
pub fn decode_payload(data: &[u8]) {
    checked(&file_around(data));
}

/// A model that is decoded is written, read and written again.
pub fn decode_encode(data: &[u8]) {
    let file = file_around(data);
    if let Some(model) = checked(&file) {
        let written = encode_with(&model, &LIMITS).expect("what was read can be written");
        let again = decode_with(&written, &LIMITS).expect("what was written can be read");
        assert_eq!(again, model);
        assert_eq!(encode_with(&again, &LIMITS).as_ref(), Ok(&written));
        let payload = payload_of(&written);
        let plain = Container::plain(&payload).bytes();
        assert_eq!(decode_with(&plain, &LIMITS).as_ref(), Ok(&model));
    }
}

/// A model that is decoded runs, and gives what the definition gives.
pub fn run_model(data: &[u8]) {
    let Some(model) = checked(&file_around(data)) else {
        return;
    };
    if is_small(&model) {
        run(model);
    }
}

/// A model that is decoded is checked against every device, and a small one placed in every mode, or every reason
/// against it is told.
pub fn map_model(data: &[u8]) {
    let Some(model) = checked(&file_around(data)) else {
        return;
    };
    let devices = [
        Device::akd1000(),
        Device::akd1500(),
        Device::two_nodes_ip_v1(),
    ];
    for device in &devices {
        for violation in map::check(&model, device).unwrap() {
            let message = violation.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
        }
        // A check takes the time of the file, whatever maps it describes.
        if !is_small(&model) {
            continue;
        }
        for mode in [MapMode::Minimal, MapMode::AllNps, MapMode::HwPr] {
            for hw_only in [false, true] {
                match map::map(&model, device, mode, hw_only) {
                    Ok(mapping) => assert_eq!(mapping.layers().len(), model.layers().len()),
                    Err(error) => assert!(!error.violations().is_empty(), "{error}"),
                }
            }
        }
    }
}

/// The file whose payload `data` is. A valid payload begins with an offset that four divides: when the first byte is
/// odd, the two next bytes are the length of the payload, and the rest is the compressed bytes that give it.
fn file_around(data: &[u8]) -> Vec<u8> {
    match data {
        [first, low, high, stored @ ..] if first % 2 == 1 => {
            let length = u64::from(u16::from_le_bytes([*low, *high]));
            Container::deflate(stored.to_vec(), length).bytes()
        }
        _ => Container::plain(data).bytes(),
    }
}

fn checked(file: &[u8]) -> Option<Model> {
    decode_with(file, &LIMITS)
        .inspect_err(|error| check_error(error, file.len()))
        .ok()
}

/// Every error has a place inside the file and a message of one line.
pub fn check_error(error: &DecodeError, length: usize) {
    match error.location() {
        Location::Byte(offset) => assert!(*offset <= length as u64, "{error}"),
        Location::Field(path) => assert!(!path.is_empty(), "{error}"),
        other => panic!("a location that is not known: {other}"),
    }
    let message = error.to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
}

/// Whether a model runs in less than a millisecond or so, which placing it takes as well.
fn is_small(model: &Model) -> bool {
    let work = model.layers().iter().try_fold(0u64, |sum, layer| {
        let connection = layer.connection();
        let shapes = [
            connection.input.shape,
            connection.potential_shape,
            connection.output.shape,
        ];
        let elements = shapes.iter().map(|shape| shape.len() as u64).sum::<u64>();
        let window = connection.operation.windows().map_or(1, |windows| {
            let pooled = match windows.pooling {
                Pooling::Max { size, .. } => size.cells(),
                Pooling::None | Pooling::GlobalAverage => 1,
            };
            // Weights that are a matrix are read once, which the multiply-accumulates count.
            match windows.is_fully_connected() {
                true => 1,
                false => windows.size.cells().max(pooled) as u64,
            }
        });
        let one = elements.checked_mul(window)?;
        sum.checked_add(connection.macs)?.checked_add(one)
    });
    work.is_some_and(|work| work < 50_000)
}

/// Inputs of a model, in the type that it takes.
enum Sample {
    U8(Vec<u8>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    F32(Vec<f32>),
}

impl Sample {
    /// Inputs that differ for each `number`.
    fn of(model: &Model, number: u32) -> Self {
        let signal = model.input();
        let numbers = (0..signal.shape.len()).map(|index| {
            let mixed = (index as u32)
                .wrapping_add(number)
                .wrapping_mul(0x9E37_79B9);
            mixed >> 11
        });
        if model.takes_floats() {
            let float = |n: u32| (n % 4001) as f32 / 7.0 - 250.0;
            return Self::F32(numbers.map(float).collect());
        }
        let format = signal.format;
        let values = (format.max() - format.min() + 1) as u32;
        let value = move |n: u32| i64::from(n % values) + format.min();
        match (format.signed, format.bytes()) {
            (false, _) => Self::U8(numbers.map(|n| value(n) as u8).collect()),
            (true, 1) => Self::I8(numbers.map(|n| value(n) as i8).collect()),
            (true, _) => Self::I16(numbers.map(|n| value(n) as i16).collect()),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        match self {
            Self::U8(values) => values.into(),
            Self::I8(values) => values.into(),
            Self::I16(values) => values.into(),
            Self::F32(values) => values.into(),
        }
    }
}

fn run(model: Model) {
    let samples = [0, 1, 2].map(|number| Sample::of(&model, number));
    let mut stream = ops::Stream::new(&model);
    let expected = samples.each_ref().map(|sample| {
        if !model.has_state() {
            stream = ops::Stream::new(&model);
        }
        let outputs = stream.run(&model, sample.inputs());
        outputs.expect("the inputs are in range")
    });
    let has_state = model.has_state();
    let plan = Plan::new(model);
    let mut session = Session::new(&plan, 1).expect("a small model has small states");
    for (sample, expected) in samples.iter().zip(&expected) {
        let inputs = sample.inputs();
        let taps = match has_state {
            true => session.taps(&plan, inputs, &RunOptions::default()),
            false => plan.taps(inputs, &RunOptions::default()),
        };
        assert_eq!(&taps.expect("a valid model runs"), expected);
    }
    let mut scratch = plan.scratch();
    let last = plan.run(&mut scratch, samples[0].inputs());
    let expected = expected[0].last().map(|values| values.as_ref());
    assert_eq!(last.ok(), expected);
}
