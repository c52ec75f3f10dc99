"""Models in memory are read through the same neutral form as files."""

from collections import UserDict, UserList

import numpy as np
import pytest

from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.quantizeml import is_quantizeml_model, read_h5, read_keras_model
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.quantizeml.files import small


class Weight:
    def __init__(self, name, values):
        self.name = name
        self.values = values

    def numpy(self):
        return self.values


class Functional:
    """What the reader needs of a model of tf_keras."""

    def __init__(self, model):
        self.config = model.config()["config"]
        self.layers = []
        for entry in model.layers:
            cls = type(entry["class_name"].rpartition(">")[2], (), {})
            layer = cls()
            layer.name = entry["name"]
            weights = model.variables[entry["name"]].items()
            layer.weights = [Weight(f"{layer.name}/{name}:0", values) for name, values in weights]
            self.layers.append(layer)

    def get_config(self):
        return tracked(self.config)


def tracked(value):
    """The same configuration in objects that are neither dict nor list, as Keras keeps those of layers."""
    if isinstance(value, dict):
        return UserDict({key: tracked(item) for key, item in value.items()})
    return UserList(map(tracked, value)) if isinstance(value, list) else value


def test_a_model_in_memory_gives_the_layers_of_its_file(tmp_path):
    model = small()
    first = plan_model(read_keras_model(Functional(model)))
    second = plan_model(read_h5(model.save(tmp_path)))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    for a, b in zip(first.layers, second.layers, strict=True):
        assert a.parameters == b.parameters
        assert a.variables.keys() == b.variables.keys()
        for name in a.variables:
            np.testing.assert_array_equal(a.variables[name], b.variables[name])


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("quantizeml.layers.dense", "QuantizedDense", True),
        ("quantizeml.layers.quantizer_layers", "Dequantizer", True),
        # QuantizeML has layers for models that are to be quantized.
        ("quantizeml.layers.buffer_temp_conv", "BufferTempConv", False),
        ("cnn2snn.quantization_layers", "QuantizedDense", False),
    ],
)
def test_a_quantized_model_is_told_by_the_classes_of_its_layers(module, name, expected):
    model = Functional(small())
    for layer in model.layers:
        layer.__class__ = type("Layer", (), {})
    model.layers[1].__class__ = type(name, (), {"__module__": module})
    assert is_quantizeml_model(model) is expected


def test_objects_that_are_no_models_are_refused():
    with pytest.raises(TypeError, match="received int"):
        read_keras_model(3)


def test_a_subclass_that_is_neither_functional_nor_sequential_is_refused():
    class Model:
        layers = []

        def get_config(self):
            return {}

    with pytest.raises(UnsupportedModelError, match="Functional or Sequential"):
        read_keras_model(Model())


def test_a_weight_that_the_class_does_not_have_is_refused():
    model = Functional(small())
    model.layers[1].weights.append(Weight("conv/gamma:0", np.zeros(2, np.float32)))
    with pytest.raises(UnsupportedModelError, match="no variable 'conv/gamma:0'"):
        read_keras_model(model)


def test_a_model_of_tf_keras_is_read():
    """Layers of its own stand for those of QuantizeML: the names of classes and weights are what counts."""
    keras = pytest.importorskip("tf_keras")

    @keras.utils.register_keras_serializable()
    class QuantizedDense(keras.layers.Dense):
        def get_config(self):
            return {**super().get_config(), "quant_config": {"weight_quantizer": {"bitwidth": 8}}}

    @keras.utils.register_keras_serializable()
    class Dequantizer(keras.layers.Layer):
        pass

    inputs = keras.Input((6,), dtype="int8", name="inputs")
    outputs = Dequantizer(name="end")(QuantizedDense(4, use_bias=False, name="dense")(inputs))
    layers = plan_model(read_keras_model(keras.Model(inputs, outputs))).layers
    assert [(layer.name, layer.type_name) for layer in layers] == [
        ("inputs", "InputData"),
        ("dense", "Dense1D"),
        ("end", "Dequantizer"),
    ]
    assert layers[1].variables["weights"].shape == (6, 4)
