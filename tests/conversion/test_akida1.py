"""Blocks built by hand become models of Akida 1.0, with NumPy and the engine alone."""

import numpy as np

from cnn2snn.conversion.akida1 import build_model, certificate
from cnn2snn.conversion.scaling import InputScaling
from tests.conversion.networks import branched_network, image_network
from tests.fresh_interpreter import run_without_keras
from tests.oracle import layers
from tests.oracle import model as oracle
from tests.oracle.engine import from_engine

# Two integers stand for a unit of the network's inputs.
DOUBLED = InputScaling.of(2.0, 0.0, "input_scaling")
SAME = InputScaling.of(1.0, 0.0, "default")

# The potentials of `image_network`'s convolution for this image are 43, 17, 28, 68 and -3, 24, 11, -3; its boundaries,
# 8 · (3 / 2 - bias) + n · 24, lie at 8, 32, 56 and 20, 44, 68.
IMAGE = np.array([[10, 20, 3], [0, 7, 30], [5, 1, 2]], np.uint8).reshape(1, 3, 3, 1)
LEVELS = [[[2, 0], [1, 1]], [[1, 0], [3, 0]]]
# Rows of the matrix in the order row, column, filter: 2·1 + 1·3 - 1·1 - 1·2 + 3·1, -2·3 + 1·0 + 1·2 + 1·1 - 3·1.
POTENTIALS = [5, -6]
# A unit of the last layer is 2 / 3 potentials: 3 / 2 · 5 + 3, 3 / 2 · -6.
OUTPUTS = [10.5, -9.0]


def test_a_convolution_and_a_dense_layer_give_the_integers_worked_by_hand():
    converted = build_model(image_network(), DOUBLED, input_is_image=True)
    model = converted.model
    levels, potentials = model.forward_taps(IMAGE)
    assert levels[0].tolist() == LEVELS
    assert potentials.ravel().tolist() == POTENTIALS
    assert model.predict(IMAGE).ravel().tolist() == OUTPUTS
    assert [b.mismatches.tolist() for b in converted.blocks] == [[0, 0], [0, 0]]
    assert certificate.report(converted, "fit").equal


def test_blocks_are_converted_and_run_without_tensorflow(tmp_path):
    result = run_without_keras(
        """
        import cnn2snn.conversion.akida1
        from tests.conversion import test_akida1
        test_akida1.test_a_convolution_and_a_dense_layer_give_the_integers_worked_by_hand()
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_converted_blocks_agree_with_the_oracle_and_with_the_network_in_real_numbers():
    blocks = branched_network()
    converted = build_model(blocks, SAME, input_is_image=False)
    assert certificate.report(converted, "fit").equal
    inputs = np.random.default_rng(1).integers(0, 16, (20, 4, 4, 2)).astype(np.uint8)
    taps = converted.model.forward_taps(inputs)
    results = oracle.evaluate(from_engine(converted.model), inputs)
    for tap, result in zip(taps, results, strict=True):
        assert np.array_equal(tap, result.output)
    outputs = {"": inputs.astype(np.float64)}
    for block, tap in zip(blocks.blocks.values(), taps[1:], strict=True):
        read = [outputs[name] for name in block.inbounds]
        if block.weights is None:
            outputs[block.name] = np.concatenate(read, axis=-1)
            continue
        outputs[block.name] = real_outputs(block, read[0])
        assert np.array_equal(outputs[block.name] / block.activation.step, tap)


def real_outputs(block, x):
    """What a block of `branched_network` gives; all its numbers are short enough for doubles to hold sums exactly."""
    z = correlation(x, block)
    if block.weights.depthwise is not None:
        z = z @ block.weights.kernel[0, 0].astype(np.float64)
    z = z + block.weights.bias
    for one in block.normalizations:
        z = one.scale * z + one.offset
    if block.max_pooling is not None:
        z = np.maximum.reduce([z[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])
    if block.global_average:
        z = z.mean(axis=(1, 2), keepdims=True)
    step = block.activation.step
    return step * np.clip(np.ceil(z / step - 0.5), 0, 2**block.activation.bits - 1)


def correlation(x, block):
    weights = block.weights
    kernel = (weights.kernel if weights.depthwise is None else weights.depthwise).astype(np.float64)
    rows, top = layers.axis_windows(x.shape[1], kernel.shape[0], 1, "Same")
    padded = np.pad(x, ((0, 0), (top, kernel.shape[0] - 1 - top), (top, kernel.shape[0] - 1 - top), (0, 0)))
    z = 0
    for u in range(kernel.shape[0]):
        for v in range(kernel.shape[1]):
            cells = padded[:, u : u + rows, v : v + rows]
            z = z + (cells @ kernel[u, v] if weights.depthwise is None else cells * kernel[u, v, :, 0])
    return z


def test_floored_thresholds_are_those_of_the_rule():
    model = build_model(image_network(), DOUBLED, input_is_image=True, thresholds="floor").model
    # H8: the threshold is floored, the step that of four bits.
    assert model.layers[0].get_variable("threshold").tolist() == [8, 20]
    assert model.layers[0].get_variable("act_step").tolist() == [6, 6]
