"""The report of a conversion predicts every difference between the engine and the quantized network."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cnn2snn.conversion.akida1 import certificate
from cnn2snn.conversion.pipeline import convert_blocks
from tests.oracle import conversion
from tests.oracle import model as oracle
from tests.oracle.engine import from_engine
from tests.oracle.keras_networks import (
    NetworkGenerator,
    blocks_of,
    float32_reciprocal,
    linear_maps,
    positions_summed,
)


def test_every_difference_is_predicted_and_fitting_never_makes_more():
    """Random networks of every layer type, width and pooling against their exact ideal boundaries."""
    levels = differing = fewer = equal_filters = 0
    for seed in range(300, 330):
        rng = np.random.default_rng(seed)
        image = seed % 2 == 0
        generator = NetworkGenerator(seed)
        shape = (*(int(v) for v in rng.integers(3, 9, 2)), int(rng.choice([1, 3])))
        generator.grow(shape[:2], image=image)
        network = generator.model(shape)
        alpha, beta = Fraction(float(rng.uniform(5, 300))), Fraction(int(rng.integers(0, 256)) if image else 0)
        arguments = (network, (float(alpha), float(beta)), image)
        converted = convert_blocks(*arguments)
        floored = convert_blocks(*arguments, thresholds="floor")
        for fit, floor in zip(converted.blocks, floored.blocks, strict=True):
            assert np.all(fit.mismatches <= floor.mismatches)
            fewer += int(np.sum(floor.mismatches - fit.mismatches))
        inputs = rng.integers(0, 256 if image else 16, (6, *shape)).astype(np.uint8)
        for result in (converted, floored):
            checked = check(network, result, inputs, alpha, beta)
            levels, differing = levels + checked[0], differing + checked[1]
            equal_filters += checked[2]
    assert levels > 5000
    assert differing > 50
    assert fewer > 100
    assert equal_filters > 200


def check(network, converted, inputs, alpha, beta) -> tuple[int, int, int]:
    """Compares all levels with the ideal ones; returns how many there are, how many differ, and filters without any."""
    engine = converted.model
    described = from_engine(engine)
    results = oracle.evaluate(described, inputs)
    taps = engine.forward_taps(inputs)
    report = certificate.report(converted, "fit")
    blocks = zip(blocks_of(network), report.layers, strict=True)
    read, total, differing, equal = inputs, 0, 0, 0
    for layer, tap, result in zip(described, taps, results, strict=True):
        if layer.type == "InputData":
            continue
        block, found = next(blocks)
        assert np.all(found.lowest <= result.potentials.min(axis=(0, 1, 2)))
        assert np.all(found.highest >= result.potentials.max(axis=(0, 1, 2)))
        maps = linear_maps(block, layer, alpha, beta, positions_summed(block, read))
        check_float32(block, read, alpha, beta, result.potentials, maps, found)
        if block.activation is None:
            check_outputs(engine, inputs, result.potentials, maps, found)
            continue
        for f, linear in enumerate(maps):
            t, s = linear.ideal(block.step)
            ideal = np.array(conversion.ideal_boundaries(t, s, layer.act_bits))
            potentials = result.potentials[..., f]
            expected = np.count_nonzero(potentials[..., np.newaxis] > ideal, axis=-1)
            off = np.zeros(potentials.shape, int)
            entries = [d for d in found.differences if d.filter == f]
            for d in entries:
                assert ideal[d.level - 1] == d.ideal
                assert found.lowest[f] <= d.witness <= found.highest[f]
                assert (d.witness > d.ideal) != (d.witness > d.held)
                assert (d.ideal_level == d.level) == (d.witness > d.ideal)
                assert (d.held_level == d.level) == (d.witness > d.held)
                off += (potentials > d.held).astype(int) - (potentials > d.ideal)
            np.testing.assert_array_equal(tap[..., f] - expected, off)
            total, differing, equal = total + off.size, differing + np.count_nonzero(off), equal + (not entries)
            if f in found.dead:
                assert not np.any(tap[..., f])
            if f in found.saturated:
                assert np.all(tap[..., f] == 2**layer.act_bits - 1)
        read, alpha, beta = tap, float32_reciprocal(block.step), Fraction(0)
    return total, differing, equal


def check_outputs(engine, inputs, potentials, maps, found) -> None:
    """Float outputs lie within the bound of those of the quantized network."""
    predicted = engine.predict(inputs).astype(np.float64)
    for f, linear in enumerate(maps):
        t, a = linear.ideal_output()
        # Normalizations are merged in double precision, here in another order.
        bound = Fraction(found.output_error[f]) * (1 + Fraction(1, 10**12))
        for p, y in zip(potentials[..., f].ravel().tolist(), predicted[..., f].ravel().tolist(), strict=True):
            assert abs(Fraction(y) - (p - t) / a) <= bound


def check_float32(block, read, alpha, beta, potentials, maps, found) -> None:
    """Near boundaries Keras' float32 pre-activations lie within the bound of the exact ones, in potentials."""
    if block.activation is None:
        return
    x = ((read.astype(np.float64) - float(beta)) / float(alpha)).astype(np.float32)
    z = block.pre_activation(x).reshape(potentials.shape).astype(np.float64)
    for f, linear in enumerate(maps):
        t, s = linear.ideal(block.step)
        last = t + (2**block.activation.bitwidth - 2) * s
        near = (potentials[..., f] >= float(t) - 1) & (potentials[..., f] <= float(last) + 1)
        if np.isfinite(found.margins[f]):
            held = float(linear.scale) * (z[..., f] - float(linear.bias)) + float(linear.offset)
            error = np.abs(held - potentials[..., f])
            assert np.all(error[near] <= found.float32[f])
