//! Models of Akida 2.0 for the tests of the interface.

use akida_sim::{
    BufferTempConv, Dequantizer, InputData, Model, ModelBuilder, Quantizer, Shape, TemporalParams,
    Weights,
};

/// Outputs are 10 times the input before, plus the newest input. Inputs have 16 bits, outputs 16 bits too.
pub(crate) fn queue() -> Model {
    let mut builder = ModelBuilder::new();
    let input = InputData::new(Shape::new(1, 1, 1), 16);
    builder.add("in", input, &[]).unwrap();
    let mut temporal = TemporalParams::new(2);
    temporal.post_ops.activation = akida_sim::Activation::NoActivation;
    temporal.post_ops.output_bits = 16;
    let queue = BufferTempConv {
        filters: 1,
        temporal,
    };
    let queue = builder.add("queue", queue, &[]).unwrap();
    let weights = Weights::new([1, 1, 2, 1], vec![10, 1]).unwrap();
    builder.set_variable(queue, "weights", weights).unwrap();
    builder.build().unwrap()
}

/// Floats of two channels, times 10 and 100 as integers of 8 bits, halved by predict.
pub(crate) fn floats() -> Model {
    let mut builder = ModelBuilder::new();
    let input_shape = Shape::new(1, 1, 2);
    let quantizer = Quantizer {
        input_shape,
        output_bits: 8,
        output_signed: true,
        channels_first: false,
    };
    let quantizer = builder.add("quantizer", quantizer, &[]).unwrap();
    builder
        .set_variable(quantizer, "scales", vec![10.0f32, 100.0])
        .unwrap();
    builder
        .add("in", InputData::new(input_shape, 8), &[])
        .unwrap();
    let last = builder.add("floats", Dequantizer, &[]).unwrap();
    builder
        .set_variable(last, "scales", vec![0.5f32, 0.5])
        .unwrap();
    builder.build().unwrap()
}
