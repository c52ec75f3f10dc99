"""Akida 2.0: networks of QuantizeML, built by the public classes, give the recorded integers in every layer."""

import json
from pathlib import Path

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida.layers import CLASSES, akida2

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "quantizeml"
ENUMS = {"activation": akida.ActivationType, "padding": akida.Padding, "pool_type": akida.PoolType}


def recorded():
    """The names of the recordings of Akida 2.0."""
    names = []
    for path in sorted(FOLDER.glob("*.npz")):
        with np.load(path) as arrays:
            if json.loads(str(arrays["meta"]))["ip_version"] == "v2":
                names.append(path.stem)
    return names


NAMES = recorded()


class Recording:
    """A network of QuantizeML.

    Attributes:
        arrays: inputs, variables and outputs by name.
        layers: what is said of each layer.
        is_clip: whether the first axis of inputs and outputs is time.
    """

    def __init__(self, name):
        with np.load(FOLDER / f"{name}.npz") as arrays:
            self.arrays = dict(arrays)
        meta = json.loads(str(self.arrays["meta"]))
        self.layers, self.is_clip = meta["layers"], bool(meta.get("calls"))

    def model(self):
        model = akida.Model()
        for index, layer in enumerate(self.layers):
            made = CLASSES[layer["type"]](**self.arguments(layer), name=layer["name"])
            model.add(made, [model.layers[inbound] for inbound in layer["inbounds"]])
            for name in layer["vars"]:
                values = self.arrays[f"{index}/{name}"]
                if values.ndim < 2:
                    values = np.broadcast_to(values, made.get_variable(name).shape)
                made.set_variable(name, values)
        return model

    def arguments(self, layer):
        """The arguments of a constructor. The sign of outputs of 4 bits is not among those that are recorded."""
        arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in layer["params"].items()}
        for name in arguments.keys() & ENUMS.keys():
            arguments[name] = ENUMS[name][arguments[name]]
        if layer["range"] and "output_bits" in arguments:
            arguments["output_signed"] = layer["range"][0] < 0
        return arguments

    def inputs(self, model):
        """Inputs in the shape that the model asks for; a clip has two leading axes."""
        values = self.arrays["x"]
        leading = values.shape[: 2 if self.is_clip else 1]
        return values.reshape(*leading, *model.input_shape)

    def outputs(self, index):
        """The recorded outputs of a layer; None where nothing was recorded."""
        exact = self.arrays.get(f"{index}/exact")
        return self.arrays.get(f"{index}/out") if exact is None else exact


@pytest.fixture(params=NAMES)
def recording(request):
    return Recording(request.param)


def test_recordings_are_there_and_have_every_layer_type():
    types = {layer["type"] for name in NAMES for layer in Recording(name).layers}
    assert types == {*akida2.__all__, "InputData"}


def test_every_layer_gives_the_recorded_integers(recording):
    model = recording.model()
    inputs = recording.inputs(model)
    assert inputs.dtype == model.input_dtype
    if recording.is_clip:
        session = model.session(inputs.shape[1])
        taps = [np.stack(outputs) for outputs in zip(*map(session.taps, inputs), strict=True)]
    else:
        taps = model.forward_taps(inputs)
    compared = 0
    for index, (layer, tap) in enumerate(zip(model.layers, taps, strict=True)):
        expected = recording.outputs(index)
        if expected is not None:
            np.testing.assert_array_equal(tap.reshape(expected.shape), expected, err_msg=layer.name)
            assert tap.dtype == layer.output_dtype
            compared += 1
    assert compared >= 2
    assert model.ip_version is akida.IpVersion.v2


def test_forward_predict_and_streams_are_those_of_every_layer(recording):
    model = recording.model()
    inputs = recording.inputs(model)
    steps = inputs if recording.is_clip else inputs[np.newaxis]
    last = []
    for step in steps:
        last.append(model.forward_taps(step)[-1])
    model.reset()
    outputs = [model.forward(step) for step in steps]
    np.testing.assert_array_equal(outputs, last)
    np.testing.assert_array_equal(model.session(len(steps[0])).run_clip(steps), last)
    model.reset()
    if isinstance(model.layers[-1], akida.Dequantizer):
        floats = np.stack([model.predict(step) for step in steps])
        np.testing.assert_array_equal(floats, model.dequantize(np.stack(last)))
        if not any(name.endswith("/exact") for name in recording.arrays):
            # Keras divides before it multiplies, in float32.
            recorded = recording.arrays["y"]
            np.testing.assert_allclose(floats.reshape(recorded.shape), recorded, rtol=1e-5, atol=1e-6)


def test_dictionary_and_text_bring_the_model_back(recording):
    model = recording.model()
    again = akida.Model.from_json(model.to_json())
    assert again.to_dict() == model.to_dict()
    assert [layer.parameters for layer in again.layers] == [layer.parameters for layer in model.layers]
    for ours, theirs in zip(model.layers, again.layers, strict=True):
        for name, values in ours.variables.items():
            assert theirs.get_variable(name).dtype == values.dtype
            np.testing.assert_array_equal(theirs.get_variable(name), values)
