"""Models of Akida 2.0 carried to and from the vendor's runtime, which a stand-in plays."""

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import bridge
from cnn2snn.errors import InvalidTypeError, UnsupportedModelError
from tests.akida import vendor_stand_in as vendor
from tests.akida.akida2_models import model_of_every_layer, stateful_model


@pytest.fixture(autouse=True)
def forget_calls():
    vendor.calls.clear()


@pytest.fixture(params=[model_of_every_layer, stateful_model])
def model(request):
    return request.param()


def small(**arguments):
    """One convolution that has no bounds."""
    options = {"filters": 2, "kernel_size": 1, "name": "conv"} | arguments
    return akida.Model(layers=[akida.InputData((2, 2, 3), input_bits=8, name="in"), akida.Conv2D(**options)])


def test_models_of_every_layer_come_back_equal(model):
    again = bridge.import_from(bridge.export_to(model, vendor))
    assert again.to_dict() == model.to_dict()


def test_arguments_are_those_that_are_documented():
    bridge.export_to(small(activation=True, pool_type=akida.PoolType.Max, pool_size=2), vendor)
    assert dict(call for call in vendor.calls if call[0] == "Conv2D")["Conv2D"] == {
        "name": "conv",
        "filters": 2,
        "kernel_size": 1,
        "padding": vendor.Padding.Same,
        "kernel_stride": 1,
        "pool_type": vendor.PoolType.Max,
        "pool_size": 2,
        "pool_stride": 2,
        "activation": vendor.ActivationType.ReLU,
        "output_bits": 8,
        "buffer_bits": 32,
        "post_op_buffer_bits": 32,
        "weights_bits": 8,
    }
    assert ("InputData", {"name": "in", "input_shape": (2, 2, 3), "input_bits": 8}) in [
        (kind, {k: v for k, v in values.items() if v is not None})
        for kind, values in (call for call in vendor.calls if len(call) == 2)
    ]


def test_bounds_that_no_filter_has_are_not_set():
    model = small()
    theirs = bridge.export_to(model, vendor)
    assert ("set_variable", "conv", "max_value") not in vendor.calls
    assert bridge.import_from(theirs).layers[1].get_variable("max_value").tolist() == [-1, -1]
    model.layers[1].set_variable("max_value", np.array([3, 255], np.int16))
    theirs = bridge.export_to(model, vendor)
    assert theirs.layers[1].get_variable("max_value").dtype == np.uint8
    assert bridge.import_from(theirs).layers[1].get_variable("max_value").tolist() == [3, 255]
    model.layers[1].set_variable("max_value", np.array([3, -1], np.int16))
    with pytest.raises(UnsupportedModelError, match=r'layer "conv": .* bounds for some of its filters only'):
        bridge.export_to(model, vendor)


def test_values_that_the_runtime_does_not_hold_are_refused():
    model = small()
    model.layers[1].set_variable("output_scales", np.array([255, 256], np.uint16))
    with pytest.raises(UnsupportedModelError, match=r'layer "conv": .* holds output_scales as uint8'):
        bridge.export_to(model, vendor)


def test_a_sign_that_the_runtime_derives_otherwise_is_refused():
    model = small(output_bits=4, output_signed=True)
    with pytest.raises(UnsupportedModelError, match=r"derives another output_signed; expected True, received False"):
        bridge.export_to(model, vendor)


def test_a_sign_comes_from_the_documented_property(monkeypatch):
    theirs = bridge.export_to(small(output_bits=4), vendor)
    monkeypatch.setattr(vendor._Akida2, "output_signed", True)
    assert bridge.import_from(theirs).layers[1].parameters.output_signed is True
    monkeypatch.delattr(vendor._Akida2, "output_signed")
    assert bridge.import_from(theirs).layers[1].parameters.output_signed is False


def test_variables_that_the_runtime_lacks_may_be_without_effect(monkeypatch):
    make = vendor._Akida2._neural

    def without_shifts(self, weights, output_dims, *, first):
        make(self, weights, output_dims, first=first)
        del self._variables[first]

    monkeypatch.setattr(vendor._Akida2, "_neural", without_shifts)
    model = small()
    theirs = bridge.export_to(model, vendor)
    assert bridge.import_from(theirs).to_dict() == model.to_dict()
    model.layers[1].set_variable("input_shift", np.array([0, 0, 1], np.uint8))
    with pytest.raises(UnsupportedModelError, match=r'layer "conv": .* no variable input_shift'):
        bridge.export_to(model, vendor)
    del theirs.layers[1]._variables["weights"]
    with pytest.raises(UnsupportedModelError, match=r'layer "conv": it has no variable weights'):
        bridge.import_from(theirs)


def test_single_values_stand_for_all_channels():
    theirs = bridge.export_to(small(), vendor)
    theirs.layers[1]._variables["output_shift"] = np.array([-3], np.int8)
    assert bridge.import_from(theirs).layers[1].get_variable("output_shift").tolist() == [-3, -3]


def test_activations_of_earlier_releases_are_bools():
    theirs = bridge.export_to(small(), vendor)
    theirs.layers[1].parameters.activation = False
    layer = bridge.import_from(theirs).layers[1]
    assert layer.parameters.activation is akida.ActivationType.NoActivation


def test_runtime_of_another_generation_is_refused(monkeypatch):
    monkeypatch.delattr(vendor, "ActivationType")
    monkeypatch.delattr(vendor, "Conv2D")
    with pytest.raises(InvalidTypeError, match="this one has no ActivationType, Conv2D"):
        bridge.export_to(small(), vendor)
    bridge.export_to(akida.Model(layers=[akida.InputData((1, 1, 2))]), vendor)
