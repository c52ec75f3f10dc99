"""Rust reads what the second implementation writes, and the reverse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnn2snn import _akida, akida
from tests.fbz import codec
from tests.oracle.engine import from_engine
from tests.oracle.random_networks import random_case

GOLDEN = Path(__file__).parents[2] / "crates" / "akida-fbz" / "tests" / "data"


def normal(network):
    """What a description says without what it leaves open: placeholders, and bits of no activation."""
    layers = []
    for layer in network:
        parameters = dict(layer.parameters)
        if parameters.get("pool_type") == "Max" and parameters["pool_stride"] == codec.NONE:
            parameters["pool_stride"] = parameters["pool_size"]
        parameters["act_bits"] = layer.act_bits
        if parameters.get("pool_type") not in (None, "Max"):
            parameters |= {"pool_size": codec.NONE, "pool_stride": codec.NONE}
        variables = {name: (v.dtype.str, v.shape, v.tolist()) for name, v in layer.variables.items()}
        layers.append((layer.type, layer.name, layer.inbounds, parameters, variables))
    return layers


@pytest.mark.parametrize("seed", range(40))
def test_both_implementations_read_what_the_other_writes(seed):
    network = random_case(seed).network
    scaling = None if seed % 2 else (0.1 * seed + 0.1, 0.3)
    for compress in (True, False):
        model = akida.Model.from_buffer(codec.write(network, scaling, compress))
        assert normal(from_engine(model)) == normal(network)
        assert model.input_scaling == scaling
    found, found_scaling = codec.read(model.to_buffer())
    assert normal(found) == normal(network)
    assert found_scaling == scaling
    np.testing.assert_array_equal(
        akida.Model.from_buffer(codec.write(found)).forward(random_case(seed).inputs),
        random_case(seed).results[-1].output,
    )


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.fbz")), ids=lambda path: path.stem)
def test_golden_files_are_read_alike(file):
    network, scaling = codec.read(file.read_bytes())
    model = akida.Model(file)
    assert normal(network) == normal(from_engine(model))
    assert scaling == model.input_scaling


def test_the_random_networks_have_every_layer_type_and_width():
    layers = [layer for seed in range(40) for layer in random_case(seed).network]
    assert {layer.type for layer in layers} == set(_akida.Spec.types())
    assert {layer.parameters.get("weights_bits") for layer in layers} == {None, 1, 2, 4, 8}
