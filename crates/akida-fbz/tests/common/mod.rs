//! Models to encode, and an independent writer of the container.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses its part"
)]

mod akida2;
mod golden;

use akida_sim::*;
pub use golden::{every_layer, every_layer_akida2, tiny, tiny_akida2};

/// Numbers that decide everything about a random model.
struct Source<'a> {
    numbers: std::iter::Cycle<std::slice::Iter<'a, u32>>,
    /// Whether sizes, names and graphs may be large.
    large: bool,
}

impl Source<'_> {
    fn next(&mut self) -> u32 {
        *self
            .numbers
            .next()
            .expect("the strategy gives some numbers")
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    fn size(&mut self, max: usize) -> usize {
        1 + self.below(max)
    }

    /// Whether to draw something large: one of `n` times.
    fn is_large(&mut self, n: usize) -> bool {
        self.large && self.below(n) == 0
    }

    /// Up to `max`; of large models sometimes with more bits than a byte has.
    fn wide(&mut self, max: usize) -> usize {
        let max = if self.is_large(8) { 1000 } else { max };
        self.size(max)
    }

    fn pair(&mut self, rows: usize, columns: usize) -> Pair {
        Pair::new(self.wide(rows), self.wide(columns))
    }

    /// An integer of a range, now and then an end of it.
    fn integer(&mut self, min: i64, max: i64) -> i32 {
        let value = match self.below(8) {
            0 => min,
            1 => max,
            _ => min + i64::from(self.next()) % (max - min + 1),
        };
        i32::try_from(value).expect("rules ask for no more")
    }

    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    fn conv(&mut self) -> ConvParams {
        ConvParams {
            // The weights of larger windows would take all the time.
            kernel_size: Pair::new(self.size(4), self.size(3)),
            filters: match self.is_large(8) {
                true => self.size(300),
                false => self.size(7),
            },
            padding: self.pick(&[Padding::Same, Padding::Valid]),
            kernel_stride: self.pair(2, 3),
            weights_bits: self.pick(&[1, 2, 4, 8]),
            pooling: match self.below(5) {
                0 => Pooling::GlobalAverage,
                1 | 2 => Pooling::Max {
                    size: self.pair(3, 2),
                    stride: self.pair(2, 3),
                },
                _ => Pooling::None,
            },
            act_bits: Some(self.pick(&[1, 2, 4])),
        }
    }

    fn scaling(&mut self) -> Option<InputScaling> {
        if self.below(2) == 0 {
            return None;
        }
        let scale = f64::from(1 + self.next() % 1000) / 7.0;
        let shift = f64::from(self.next() as i32) / 3.0;
        Some(InputScaling::new(scale, shift).unwrap())
    }

    fn variables(&mut self, connection: &Connection) -> Vec<Tensor> {
        let variables = connection.variables.iter();
        let tensor = |variable: &VariableSpec| {
            let count = 0..variable.count();
            match variable.rule {
                VariableRule::Weights { bits } => {
                    let max = (1i32 << (bits - 1)) - 1;
                    let value = |_| match bits {
                        1 => (self.next() % 2) as i8,
                        _ => ((self.next() as i32).rem_euclid(2 * max + 1) - max) as i8,
                    };
                    let shape = variable.weight_shape().unwrap();
                    Tensor::Weights(Weights::new(shape, count.map(value).collect()).unwrap())
                }
                VariableRule::Integers { format, .. } => {
                    let integer = |_| self.integer(format.min(), format.max());
                    Tensor::Integers(count.map(integer).collect())
                }
                VariableRule::Bounds => {
                    Tensor::Integers(count.map(|_| self.integer(-1, 255)).collect())
                }
                // Every finite positive number, the smallest ones as well.
                VariableRule::Positive => {
                    let step = |_| f32::from_bits(1 + self.next() % 0x7F7F_FFFF);
                    Tensor::Floats(count.map(step).collect())
                }
            }
        };
        variables.map(tensor).collect()
    }

    /// Adds a layer where it fits.
    fn add(
        &mut self,
        builder: &mut ModelBuilder,
        spec: impl Into<LayerSpec>,
        inbounds: &[usize],
    ) -> Option<usize> {
        let spec = spec.into();
        let names = ["", "é ü", "layer", "long"];
        let index = builder.layers().len();
        let name = match self.pick(&names) {
            "" => String::new(),
            "long" if self.large => format!("{index:0width$}", width = self.size(255)),
            start => format!("{start} {index}"),
        };
        let connection = builder.connect(&name, &spec, inbounds).ok()?;
        let variables = self.variables(&connection);
        Some(
            builder
                .add_with_variables(&name, spec, inbounds, variables)
                .unwrap(),
        )
    }
}

/// A model of up to a dozen layers of one generation, of all types, widths and borders, that the numbers determine.
pub fn model_of(numbers: &[u32]) -> Model {
    model_from(Source {
        numbers: numbers.iter().cycle(),
        large: false,
    })
}

/// A model like those of `model_of` with larger sizes, longer names and up to 60 layers.
pub fn large_model_of(numbers: &[u32]) -> Model {
    model_from(Source {
        numbers: numbers.iter().cycle(),
        large: true,
    })
}

fn model_from(mut source: Source<'_>) -> Model {
    match source.below(2) {
        0 => akida1(source),
        _ => akida2::model_from(source),
    }
}

fn akida1(mut source: Source<'_>) -> Model {
    let mut builder = ModelBuilder::new();
    let shape = match source.is_large(8) {
        true => Shape::new(1, 1, source.size(700)),
        false => Shape::new(source.wide(9), source.wide(7), source.size(5)),
    };
    let image = Shape {
        c: source.pick(&[1, 3]),
        ..shape
    };
    let conv = source.conv();
    let first = InputConvolutional {
        padding_value: source.next() as u8,
        ..InputConvolutional::new(image, conv)
    };
    if source.below(2) == 0 || source.add(&mut builder, first, &[]).is_none() {
        let bits = source.pick(&[1, 2, 4]);
        source.add(&mut builder, InputData::new(shape, bits), &[]);
    }
    let layers = match source.is_large(8) {
        true => 20,
        false => source.below(5),
    };
    for _ in 0..layers {
        let conv = source.conv();
        let last = builder.layers().len() - 1;
        match source.below(4) {
            0 => source.add(&mut builder, Convolutional { conv }, &[]),
            1 => source.add(&mut builder, SeparableConvolutional { conv }, &[]),
            2 => {
                let dense = FullyConnected {
                    weights_bits: conv.weights_bits,
                    act_bits: conv.act_bits,
                    ..FullyConnected::new(conv.filters)
                };
                source.add(&mut builder, dense, &[])
            }
            _ => {
                let wider = ConvParams {
                    filters: conv.filters + 1,
                    ..conv.clone()
                };
                let left = source.add(&mut builder, Convolutional { conv }, &[last]);
                let Some(left) = left else { continue };
                let right = SeparableConvolutional { conv: wider };
                let Some(right) = source.add(&mut builder, right, &[last]) else {
                    // A branch that nobody reads makes no model: the layers after it read it.
                    continue;
                };
                let mut inbounds = vec![right, left];
                for _ in 0..source.below(4) {
                    inbounds.push(source.pick(&[right, left]));
                }
                source.add(&mut builder, Concat, &inbounds)
            }
        };
    }
    if source.below(2) == 0 {
        let dense = FullyConnected {
            weights_bits: source.pick(&[1, 2, 4, 8]),
            act_bits: None,
            ..FullyConnected::new(source.size(10))
        };
        source.add(&mut builder, dense, &[]);
    }
    builder.set_input_scaling(source.scaling());
    builder.build().unwrap()
}

/// What eight steps of the polynomial of PNG make of each byte.
const STEPS: [u32; 256] = {
    let mut steps = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                crc >> 1 ^ 0xEDB8_8320
            };
            bit += 1;
        }
        steps[byte] = crc;
        byte += 1;
    }
    steps
};

/// CRC-32 as in PNG, byte by byte.
pub fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        STEPS[(crc as u8 ^ byte) as usize] ^ crc >> 8
    })
}

/// The fields of the header, to be changed one by one.
pub struct Container {
    pub version: u16,
    pub compression: u8,
    pub reserved: u8,
    pub payload_len: u64,
    pub stored: Vec<u8>,
}

impl Container {
    /// The container of a payload that is not compressed.
    pub fn plain(payload: &[u8]) -> Self {
        Self {
            version: 1,
            compression: 0,
            reserved: 0,
            payload_len: payload.len() as u64,
            stored: payload.to_vec(),
        }
    }

    /// The container of a deflate stream.
    pub fn deflate(stored: Vec<u8>, payload_len: u64) -> Self {
        Self {
            compression: 1,
            payload_len,
            ..Self::plain(&stored)
        }
    }

    /// The file, with the right checksum.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"\x89FBZ\r\n\x1a\n".to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend([self.compression, self.reserved, 0, 0, 0, 0]);
        file.extend(self.payload_len.to_le_bytes());
        file.extend((self.stored.len() as u64).to_le_bytes());
        file.extend(&self.stored);
        let crc = crc(&file);
        file[12..16].copy_from_slice(&crc.to_le_bytes());
        file
    }
}

/// The uncompressed payload of a valid file.
pub fn payload_of(file: &[u8]) -> Vec<u8> {
    match file[10] {
        0 => file[32..].to_vec(),
        _ => miniz_oxide::inflate::decompress_to_vec(&file[32..]).unwrap(),
    }
}
