"""Models on devices."""

import copy

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import NP, BackendType, MapMode
from cnn2snn.errors import MappingError


@pytest.fixture
def kws():
    """The keyword spotting network of the published tables."""
    options = {"weights_bits": 4, "act_bits": 4}
    layers = [akida.InputConvolutional((49, 10, 1), (5, 5), 64, "conv_0", kernel_stride=(2, 2), act_bits=4)]
    layers += [akida.SeparableConvolutional((3, 3), 64, f"separable_{i}", **options) for i in (1, 2, 3)]
    pooled = akida.SeparableConvolutional((3, 3), 64, "separable_4", pool_type=akida.PoolType.Average, **options)
    dense = akida.FullyConnected(33, "dense", weights_bits=4, activation=False)
    return akida.Model(layers=[*layers, pooled, dense])


@pytest.fixture
def mixed():
    """A model with a layer that no chip runs."""
    return akida.Model(
        layers=[
            akida.InputConvolutional((16, 16, 1), (3, 3), 8, "image", act_bits=4),
            akida.Convolutional((3, 3), 8, "wide", weights_bits=8, act_bits=4),
            akida.FullyConnected(4, "classes", weights_bits=4, activation=False),
        ]
    )


def test_a_model_is_in_software_before_it_is_mapped(kws):
    (sequence,) = kws.sequences
    assert (sequence.name, sequence.backend) == ("SW/conv_0-dense", BackendType.Software)
    assert list(sequence.layers) == kws.layers
    assert kws.device is None
    assert all(layer.mapping is None for layer in kws.layers)
    assert akida.Model().sequences == []


def test_a_mapped_model_says_where_everything_is(kws):
    assert kws.map(akida.AKD1000(), hw_only=True, mode=MapMode.Minimal) is None
    (sequence,) = kws.sequences
    assert (sequence.name, sequence.backend, sequence.program) == ("HW/conv_0-dense", BackendType.Hardware, None)
    assert [len(layer.mapping.nps) for layer in kws.layers] == [1, 1, 1, 1, 1, 1]
    assert kws.device.name == "AKD1000"
    assert kws.layers[0].mapping.components == {NP.Type.HRC: 1}
    assert kws.layers[5].mapping.components == {NP.Type.FNP3: 1}
    part = kws.layers[1].mapping.nps[0]
    assert (part.type, part.start_neuron, part.filters) == (NP.Type.CNP1, 0, 64)
    assert part.spatial_partition == NP.Space(0, 0, (25, 5))
    assert (part.input_size, part.weight_size, part.external_size) == (25 * 5 * 32, 64 * 32, 0)
    assert part.ident in {np.ident for np in kws.device.mesh.nps}


def test_all_nps_is_the_default(kws):
    kws.map("AKD1000")
    assert [len(layer.mapping.nps) for layer in kws.layers] == [1, 16, 16, 16, 16, 1]


def test_passes_follow_each_other(kws):
    kws.map("TwoNodesIPv1", mode=MapMode.HwPr)
    (sequence,) = kws.sequences
    assert len(sequence.passes) > 1
    assert [layer.name for part in sequence.passes for layer in part.layers] == [layer.name for layer in kws.layers]


def test_layers_are_left_to_software_unless_hardware_alone_is_asked_for(mixed):
    mixed.map("AKD1000")
    assert [s.name for s in mixed.sequences] == ["HW/image-image", "SW/wide-wide", "HW/classes-classes"]
    assert mixed.get_layer("wide").mapping is None
    with pytest.raises(MappingError, match='layer "wide": weights_bits must be one of 1, 2, 4, received 8') as caught:
        mixed.map("AKD1000", hw_only=True)
    assert [(v.layer, v.rule) for v in caught.value.violations] == [("wide", "weights_bits")]
    assert isinstance(caught.value, RuntimeError)
    assert mixed.device is not None, "a refused mapping leaves the one before"


def test_a_value_too_wide_is_refused_without_hardware_only_too(kws):
    variables = kws.get_layer("separable_2").variables
    variables["act_step"] = np.full(64, 77892.375, np.float32)
    with pytest.raises(
        RuntimeError, match=r"Error when programming layer 'separable_2': .* 1246278 cannot fit in a 20"
    ):
        kws.map("AKD1000")


def test_mapping_changes_no_result(model, inputs):
    before = model.forward(inputs)
    model.map("AKD1000")
    np.testing.assert_array_equal(model.forward(inputs), before)


def test_an_edit_unmaps(kws):
    for edit in (
        lambda: kws.get_layer("dense").set_variable("threshold", np.ones(33, np.int32)),
        lambda: kws.map(None),
        kws.pop_layer,
    ):
        kws.map("AKD1500")
        edit()
        assert kws.device is None
        assert kws.sequences[0].backend == BackendType.Software


def test_a_copy_is_not_mapped(kws):
    kws.map("AKD1500")
    assert copy.deepcopy(kws).device is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"device": "AKD3000"}, ValueError, "device must be one of AKD1000"),
        ({"device": 5}, TypeError, "device must be a Device"),
        ({"device": "AKD1000", "hw_only": 1}, TypeError, "hw_only must be a bool"),
        ({"device": "AKD1000", "mode": 7}, ValueError, "mode must be one of MapMode.AllNps"),
        ({"device": "AKD1000", "constraints": {}}, ValueError, "constraints must be None"),
    ],
)
def test_wrong_arguments_are_refused(kws, arguments, error, words):
    with pytest.raises(error, match=words):
        kws.map(**arguments)


def test_the_summary_of_a_network_with_external_weights_shows_its_shapes_whole_at_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    image = akida.InputConvolutional((160, 160, 3), (3, 3), 16, kernel_stride=(2, 2), weights_bits=8, act_bits=4)
    pooled = {"pool_type": akida.PoolType.Average, "weights_bits": 4, "act_bits": 4}
    last = akida.SeparableConvolutional((3, 3), 512, kernel_stride=(2, 2), weights_bits=4, act_bits=4)
    flat = akida.SeparableConvolutional((3, 3), 512, kernel_stride=(2, 2), **pooled)
    model = akida.Model(layers=[image, last, flat, akida.FullyConnected(1000, weights_bits=4, activation=False)])
    model.map("AKD1500")
    model.summary()
    text = capsys.readouterr().out
    assert "External memory (bytes)" in text
    assert "[160, 160, 3]" in text.split("Layer (type)")[0]
    assert max(map(len, text.splitlines())) <= 80
