"""Networks that nobody recorded: conversion against the evaluation of the network, which was written apart from it."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, set_akida_version
from cnn2snn.analysis import compare
from tests.analysis.random_networks import random_akida1_network, random_network

SEEDS = range(100)


@functools.cache
def example(seed):
    """Of a network its report, the outputs of all layers on random inputs, and the comparison on them."""
    with tempfile.TemporaryDirectory() as folder:
        path = random_network(seed).save(Path(folder))
        kept = []
        try:
            model = cnn2snn.convert(path, report=kept.append)
        except cnn2snn.UnsupportedModelError as error:
            return error
        rng, dtype = np.random.default_rng(seed), np.dtype(model.input_dtype)
        ends = np.iinfo(dtype)
        inputs = rng.integers(ends.min, ends.max + 1, (4, *model.input_shape)).astype(dtype)
        inputs[0], inputs[1] = ends.min, ends.max
        return (
            kept[0],
            model,
            dict(zip(_names(model), model.forward_taps(inputs), strict=True)),
            compare(path, model, inputs),
        )


def _names(model):
    return [layer.name for layer in model.layers]


def converted():
    return [example(seed) for seed in SEEDS if not isinstance(example(seed), Exception)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_engine_gives_the_integers_of_the_network(seed):
    """Only float32 may tell them apart, and only in layers of which the report says so."""
    found = example(seed)
    if isinstance(found, Exception):
        assert found.kind == "bias"
        return
    proved, _, _, comparison = found
    allowed = {layer.name for layer in proved.layers if not layer.float32_equal}
    assert comparison
    assert comparison.edits == []
    for layer in comparison.layers:
        assert layer.differing == layer.float_rounding + layer.propagated
        assert not layer.float_rounding or layer.layer in allowed


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_lie_within_the_intervals_of_the_report(seed):
    found = example(seed)
    if isinstance(found, Exception):
        return
    proved, _, taps, _ = found
    for layer in proved.layers:
        values = taps[layer.name].reshape(-1, layer.filters).astype(np.int64)
        assert np.all(values >= layer.lowest_output), layer.name
        assert np.all(values <= layer.highest_output), layer.name
        stuck = [*layer.dead, *layer.saturated]
        assert np.all(values[:, stuck] == layer.lowest_output[stuck]), layer.name


def test_nearly_all_of_these_networks_convert_and_hold_what_the_tests_are_about():
    found = converted()
    assert len(found) > 90
    types = {layer.parameters.layer_type.name for _, model, _, _ in found for layer in model.layers}
    assert types >= {
        "InputConv2D",
        "InputData",
        "Conv2D",
        "DepthwiseConv2D",
        "Conv2DTranspose",
        "DepthwiseConv2DTranspose",
        "Add",
        "Concatenate",
        "Dense1D",
    }
    layers = [layer for proved, _, _, _ in found for layer in proved.layers]
    assert any(layer.dead for layer in layers)
    assert any(layer.ties for layer in layers)
    assert any(layer.attained for layer in layers)
    varied = [np.ptp(taps[layer.name].astype(np.int64)) for p, _, taps, _ in found for layer in p.layers]
    assert np.mean(np.array(varied) > 0) > 0.8


@pytest.mark.parametrize("thresholds", ["fit", "floor"])
@pytest.mark.parametrize("seed", range(60))
def test_models_of_akida_1_differ_where_their_report_says_so(seed, thresholds, tmp_path):
    """Boundaries that no threshold holds, and what follows from them; nothing else."""
    path = random_akida1_network(seed).save(tmp_path)
    kept = []
    with set_akida_version(AkidaVersion.v1):
        if _is_refused_for_its_bias(path):
            return
        model = cnn2snn.convert(path, thresholds=thresholds, report=kept.append)
    samples = np.random.default_rng(seed).integers(0, 256, (4, *model.input_shape), np.uint8)
    found = compare(path, model, samples)
    assert found
    inexact = {layer.name for layer in kept[0].layers if layer.differences}
    rounded = {layer.name for layer in kept[0].layers if not layer.keras_equal}
    for layer in found.layers:
        assert layer.unexplained == layer.edited == 0
        if not layer.is_output:
            assert not layer.format or layer.layer in inexact
            assert not layer.float_rounding or layer.layer in rounded


def _is_refused_for_its_bias(path):
    """A filter of zeros may have a bias that no accumulator holds."""
    try:
        cnn2snn.convert(path)
    except cnn2snn.UnsupportedModelError as error:
        return error.kind == "bias"
    return False
