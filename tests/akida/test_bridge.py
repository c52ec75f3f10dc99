"""Models carried to and from the vendor's runtime, which a stand-in plays."""

from types import SimpleNamespace

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import bridge
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from tests.akida import vendor_stand_in as vendor
from tests.oracle.engine import to_engine
from tests.oracle.random_networks import random_case


@pytest.fixture(autouse=True)
def forget_calls():
    vendor.calls.clear()


@pytest.fixture
def model(model):
    """Without input scaling, which the runtime's models do not carry."""
    model.input_scaling = None
    return model


def random_model(seed):
    network = random_case(seed).network
    return None if any(layer.type == "Concat" for layer in network) else to_engine(network)


def test_layers_are_made_by_documented_constructors(model):
    theirs = bridge.export_to(model, vendor)
    assert [layer.name for layer in theirs.layers] == ["image", "separable", "conv", "classes"]
    made = dict(call for call in vendor.calls if call[0] in ("InputConvolutional", "SeparableConvolutional"))
    assert made["InputConvolutional"] == {
        "name": "image",
        "input_shape": (8, 6, 3),
        "kernel_size": (3, 3),
        "filters": 4,
        "padding": vendor.Padding.Same,
        "kernel_stride": (1, 1),
        "weights_bits": 8,
        "pool_size": (-1, -1),
        "pool_type": vendor.PoolType.NoPooling,
        "pool_stride": (-1, -1),
        "activation": True,
        "act_bits": 4,
        "padding_value": 7,
    }
    assert made["SeparableConvolutional"]["pool_size"] == (2, 2)
    assert made["SeparableConvolutional"]["pool_type"] is vendor.PoolType.Max
    assert [call[1:] for call in vendor.calls if call[0] == "add"] == [
        ("image", []),
        ("separable", ["image"]),
        ("conv", ["separable"]),
        ("classes", ["conv"]),
    ]
    for ours, layer in zip(model.layers, theirs.layers, strict=True):
        assert ours.get_variable_names() == layer.get_variable_names()
        for name, values in ours.variables.items():
            assert np.array_equal(layer.get_variable(name), values)


def test_random_networks_come_back_equal():
    carried = 0
    for seed in range(60):
        model = random_model(seed)
        if model is not None:
            again = bridge.import_from(bridge.export_to(model, vendor))
            assert again.to_buffer() == model.to_buffer()
            carried += 1
    assert carried >= 30


def test_parameters_without_effect_may_hold_anything(model):
    theirs = bridge.export_to(model, vendor)
    image, _, _, classes = theirs.layers
    image.parameters.pool_size = image.parameters.pool_stride = (1, 1)
    classes.parameters.act_bits = 4
    assert bridge.import_from(theirs).to_buffer() == model.to_buffer()


def test_layer_that_the_runtime_lacks_is_refused():
    source = akida.InputData((2, 2, 1), name="source")
    left = akida.Convolutional((1, 1), 2, "left")
    right = akida.Convolutional((1, 1), 2, "right")
    model = akida.Model()
    model.add(source)
    model.add(left, [source])
    model.add(right, [source])
    model.add(akida.Concat("join"), [left, right])
    with pytest.raises(UnsupportedModelError, match=r'layer "join": the vendor\'s runtime has no Concat') as caught:
        bridge.export_to(model, vendor)
    assert caught.value.layer == "join"


def test_incomplete_model_is_not_exported():
    with pytest.raises(UnsupportedModelError):
        bridge.export_to(akida.Model(), vendor)
    assert not vendor.calls


def test_refusal_of_the_runtime_names_the_layer(model, monkeypatch):
    def refuse(self, name, values):
        raise ValueError("threshold out of range")

    monkeypatch.setattr(vendor.Convolutional, "set_variable", refuse)
    with pytest.raises(UnsupportedModelError, match=r'layer "conv": .* refused it: threshold out of range') as caught:
        bridge.export_to(model, vendor)
    assert isinstance(caught.value.__cause__, ValueError)


def test_variable_that_changes_on_its_way_is_noticed(model, monkeypatch):
    monkeypatch.setattr(vendor.FullyConnected, "get_variable", lambda self, name: self._variables[name] * 0)
    with pytest.raises(UnsupportedModelError, match=r'layer "classes": .* does not give back the'):
        bridge.export_to(model, vendor)


def test_another_shape_is_noticed(model, monkeypatch):
    monkeypatch.setattr(vendor._Convolution, "_size", lambda self, size, window, stride: size)
    with pytest.raises(UnsupportedModelError, match=r'layer "separable": .*another shape; expected \[4, 3, 5\]'):
        bridge.export_to(model, vendor)
    monkeypatch.undo()
    theirs = bridge.export_to(model, vendor)
    theirs.layers[1].output_dims = [9, 9, 5]
    with pytest.raises(UnsupportedModelError, match=r'layer "separable": its output has another shape here'):
        bridge.import_from(theirs)


def test_layer_that_is_unknown_here_is_not_imported(model):
    theirs = bridge.export_to(model, vendor)
    theirs.add(vendor.Shiftmax(name="old"))
    with pytest.raises(UnsupportedModelError, match=r'layer "old": Shiftmax is not among') as caught:
        bridge.import_from(theirs)
    assert caught.value.layer == "old"


def test_unknown_member_is_refused(model):
    theirs = bridge.export_to(model, vendor)
    theirs.layers[2].parameters.pool_type = SimpleNamespace(name="Median")
    with pytest.raises(InvalidArgumentError, match=r'layer "conv": pool_type must be one of .*, received Median'):
        bridge.import_from(theirs)


def test_values_that_are_not_allowed_here_are_refused(model):
    theirs = bridge.export_to(model, vendor)
    theirs.layers[3]._variables["weights"][0, 0, 0, 0] = -8
    with pytest.raises(InvalidArgumentError, match=r'layer "classes": weights must be'):
        bridge.import_from(theirs)


def test_what_is_not_the_vendors_is_refused(model):
    with pytest.raises(InvalidTypeError, match="this one has no Padding, PoolType, InputConvolutional"):
        bridge.export_to(model, SimpleNamespace(Model=vendor.Model))
    with pytest.raises(InvalidTypeError, match=r"model must be a cnn2snn\.akida\.Model"):
        bridge.export_to(vendor.Model(), vendor)
    with pytest.raises(InvalidTypeError, match="the model: it has no layers"):
        bridge.import_from(object())
    theirs = bridge.export_to(model, vendor)
    del theirs.layers[2].parameters.kernel_size
    with pytest.raises(InvalidTypeError, match=r'layer "conv": its parameters: it has no kernel_size'):
        bridge.import_from(theirs)
