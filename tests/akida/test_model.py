"""Building, running and looking at models."""

import inspect
import math

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import Model
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Model, "(filename=None, layers=None)"),
        (Model.add, "(self, layer, inbound_layers=())"),
        (Model.forward, "(self, inputs, batch_size=0, *, threads=0)"),
        (Model.predict, "(self, inputs, batch_size=0, *, threads=0)"),
        (Model.predict_classes, "(self, inputs, num_classes=0, batch_size=0, *, threads=0)"),
        (Model.evaluate, "(self, inputs, labels, num_classes=0, batch_size=0, *, threads=0)"),
    ],
)
def test_signature_is_the_documented_one(method, expected):
    signature = inspect.signature(method)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    plain = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    assert str(plain) == expected


def test_layers_are_added_in_sequence(model):
    names = ["image", "separable", "conv", "classes"]
    assert [layer.name for layer in model.layers] == names
    assert model.get_layer_count() == 4
    assert model.get_layer("conv") is model.get_layer(2) is model.get_layer(-2) is model.layers[2]
    assert model.input_shape == [8, 6, 3]
    assert model.output_shape == [1, 1, 10]
    assert model.ip_version is akida.IpVersion.v1
    assert model.macs == sum(layer.macs for layer in model.layers)


def test_input_scaling_is_two_numbers_or_none(model):
    model.input_scaling = (np.float32(0.5), -3)
    assert model.input_scaling == (0.5, -3.0)
    model.input_scaling = None
    assert model.input_scaling is None
    for wrong in [(0, 0), (1, np.nan), (1, 2, 3)]:
        with pytest.raises(InvalidArgumentError, match="input_scaling must be"):
            model.input_scaling = wrong
    for wrong in [1, "ab", (1, None), (True, 0)]:
        with pytest.raises(InvalidTypeError, match="input_scaling must be a tuple of 2 numbers"):
            model.input_scaling = wrong
    assert model.input_scaling is None


def test_unnamed_layers_are_named():
    model = Model(layers=[akida.InputData((1, 1, 2)), akida.FullyConnected(2)])
    names = [layer.name for layer in model.layers]
    assert all(names)
    assert len(set(names)) == 2


def test_branches_are_joined_in_the_order_of_inbounds():
    source = akida.InputData((2, 2, 1), input_bits=4, name="source")
    left = akida.Convolutional((1, 1), 2, "left", weights_bits=4, act_bits=4)
    right = akida.Convolutional((1, 1), 3, "right", weights_bits=4, act_bits=4)
    join = akida.Concat("join")
    model = Model()
    model.add(source)
    model.add(left, [source])
    model.add(right, [source])
    model.add(join, [right, left])
    assert [layer.name for layer in join.inbounds] == ["right", "left"]
    left.set_variable("weights", np.full((1, 1, 1, 2), 2, np.int8))
    right.set_variable("weights", np.full((1, 1, 1, 3), 3, np.int8))
    outputs = model.forward(np.full((1, 2, 2, 1), 4, np.uint8))
    assert outputs[0, 0, 0].tolist() == [12, 12, 12, 8, 8]


def test_unfinished_model_is_neither_run_nor_saved(tmp_path):
    source = akida.InputData((1, 1, 2), name="source")
    model = Model(layers=[source, akida.FullyConnected(2, "left")])
    model.add(akida.FullyConnected(2, "right"), [source])
    inputs = np.zeros((1, 1, 1, 2), np.uint8)
    for act in (
        lambda: model.forward(inputs),
        lambda: model.save(tmp_path / "m.fbz"),
        model.to_buffer,
        model.explain_plan,
    ):
        with pytest.raises(UnsupportedModelError, match='layer "left": its output must be read'):
            act()
    assert not (tmp_path / "m.fbz").exists()
    model.add(akida.Concat("join"), model.layers[1:])
    assert model.forward(inputs).shape == (1, 1, 1, 4)


def test_empty_model():
    model = Model()
    assert model.layers == []
    assert model.get_layer_count() == model.macs == 0
    assert repr(model) == "<Model without layers>"
    for read in (
        lambda: model.input_shape,
        lambda: model.output_shape,
        lambda: model.forward(np.zeros((1, 1, 1, 1), np.uint8)),
        model.to_buffer,
    ):
        with pytest.raises(UnsupportedModelError):
            read()
    with pytest.raises(InvalidArgumentError):
        model.pop_layer()
    with pytest.raises(InvalidArgumentError, match="the model has no layer"):
        model.get_layer(0)


def test_popped_layer_can_be_added_to_another_model(model):
    layer = model.get_layer("classes")
    model.pop_layer()
    assert model.get_layer_count() == 3
    assert model.forward(np.zeros((1, 8, 6, 3), np.uint8)).shape == (1, 4, 3, 6)
    with pytest.raises(UnsupportedModelError):
        layer.get_variable("weights")
    other = Model(layers=[akida.InputData((1, 1, 3)), layer])
    assert layer.get_variable("weights").shape == (1, 1, 3, 10)
    assert not layer.get_variable("weights").any()
    assert other.layers[1] is layer


def test_layer_has_one_place(model):
    layer = model.layers[-1]
    for target in (model, Model(layers=[akida.InputData((1, 1, 2))])):
        with pytest.raises(InvalidArgumentError, match='layer "classes": it is in a model already'):
            target.add(layer)


def test_inbounds_are_layers_of_the_model(model):
    stranger = akida.InputData((1, 1, 2), name="stranger")
    with pytest.raises(InvalidArgumentError, match='"stranger", which is not in it; add it first'):
        model.add(akida.Concat(), [stranger])
    Model(layers=[stranger])
    with pytest.raises(InvalidArgumentError, match='"stranger", which is not in it'):
        model.add(akida.Concat(), [stranger])
    with pytest.raises(InvalidTypeError, match="inbound_layers must be a list"):
        model.add(akida.Concat(), model.layers[0])
    with pytest.raises(InvalidTypeError, match="every inbound must be a layer"):
        model.add(akida.Concat(), ["image"])
    with pytest.raises(InvalidTypeError, match="layer must be a layer"):
        model.add("image")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (akida.FullyConnected(2, "more"), 'layer "more": every inbound must be a layer with activ'),
        (akida.InputData((1, 1, 2), name="more"), 'layer "more": a later layer must be'),
        (akida.FullyConnected(2, "conv"), 'layer "conv": the name must be unique'),
    ],
)
def test_refused_layer_leaves_the_model_as_it_was(model, layer, message):
    before = model.to_buffer()
    with pytest.raises(InvalidArgumentError) as error:
        model.add(layer)
    assert str(error.value).startswith(message)
    assert error.value.layer == layer.name
    assert model.to_buffer() == before
    assert model.get_layer_count() == 4


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("nobody", ValueError),
        (4, ValueError),
        (-5, ValueError),
        (1.0, TypeError),
        (None, TypeError),
    ],
)
def test_unknown_layer_is_an_error(model, key, error):
    with pytest.raises(error):
        model.get_layer(key)


def test_constructor_takes_a_file_or_layers(tmp_path):
    with pytest.raises(InvalidArgumentError):
        Model(tmp_path / "m.fbz", layers=[])
    with pytest.raises(InvalidTypeError):
        Model(3)
    with pytest.raises(InvalidTypeError):
        Model(layers=akida.InputData((1, 1, 1)))


def test_forward_gives_potentials_without_activation(model, inputs):
    outputs = model.forward(inputs)
    assert outputs.dtype == np.int32
    assert outputs.shape == (11, 1, 1, 10)


def test_forward_gives_levels_with_activation(model, inputs):
    model.pop_layer()
    outputs = model.forward(inputs)
    assert outputs.dtype == np.uint8
    assert outputs.shape == (11, 4, 3, 6)
    assert 0 < outputs.max() <= 15


def test_outputs_belong_to_the_caller(model, inputs):
    outputs = model.forward(inputs)
    before = outputs.copy()
    outputs += 1
    np.testing.assert_array_equal(model.forward(inputs), before)


def test_input_data_passes_inputs_on(events):
    inputs = np.arange(12, dtype=np.uint8).reshape(1, 2, 3, 2)
    np.testing.assert_array_equal(events.forward(inputs), inputs)


def test_fully_connected_reads_the_first_axis_fastest():
    model = Model(
        layers=[
            akida.InputData((2, 3, 2), name="in"),
            akida.FullyConnected(1, "out", weights_bits=2, activation=False),
        ]
    )
    weights = np.zeros((1, 1, 12, 1), np.int8)
    weights[0, 0, 11] = 1
    model.get_layer("out").set_variable("weights", weights)
    inputs = np.arange(12, dtype=np.uint8).reshape(1, 2, 3, 2)
    assert model.forward(inputs).item() == inputs[0, 1, 2, 1]


def test_edited_variable_changes_the_next_run(model, inputs):
    before = model.forward(inputs)
    layer = model.get_layer("classes")
    layer.set_variable("weights", -layer.get_variable("weights"))
    np.testing.assert_array_equal(model.forward(inputs), -before)


@pytest.mark.parametrize("batch_size", [0, 1, 4, 100])
@pytest.mark.parametrize("threads", [0, 1, 2, 7])
def test_batches_and_threads_do_not_change_results(model, inputs, batch_size, threads):
    expected = np.concatenate([model.forward(x[np.newaxis]) for x in inputs])
    outputs = model.forward(inputs, batch_size, threads=threads)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.repeat(x, 2, axis=3)[..., ::2],
        lambda x: x[::-1][::-1],
        lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    ],
)
def test_any_memory_layout_is_read(model, inputs, view):
    np.testing.assert_array_equal(model.forward(view(inputs)), model.forward(inputs))


def test_read_only_and_mapped_inputs_are_read(model, inputs, tmp_path):
    expected = model.forward(inputs)
    np.save(tmp_path / "x.npy", inputs)
    np.testing.assert_array_equal(model.forward(np.load(tmp_path / "x.npy", mmap_mode="r")), expected)
    inputs.flags.writeable = False
    np.testing.assert_array_equal(model.forward(inputs), expected)


def test_no_inputs_give_no_outputs(model, inputs):
    none = inputs[:0]
    assert model.forward(none).shape == (0, 1, 1, 10)
    assert model.forward(none).dtype == np.int32
    assert model.predict(none).shape == (0, 1, 1, 10)
    assert model.predict_classes(none).shape == (0,)
    assert [tap.shape[0] for tap in model.forward_taps(none)] == [0] * 4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x.tolist(), TypeError, "inputs must be a numpy.ndarray, received list"),
        (lambda x: None, TypeError, "inputs must be a numpy.ndarray, received NoneType"),
        (lambda x: x.astype(np.int32), ValueError, "inputs must be of dtype uint8, received int32"),
        (lambda x: x.astype(bool), ValueError, "inputs must be of dtype uint8, received bool"),
        (lambda x: x[:, :4], ValueError, "inputs must be of shape (n, 8, 6, 3), received (11, 4,"),
        (
            lambda x: x[0],
            ValueError,
            "inputs must be of shape (n, 8, 6, 3), received (8, 6, 3); f",
        ),
        (lambda x: x.ravel(), ValueError, "inputs must be of shape (n, 8, 6, 3), received (1584,)"),
    ],
)
@pytest.mark.parametrize("method", ["forward", "predict", "predict_classes", "forward_taps"])
def test_refused_inputs_are_explained(model, inputs, method, change, error, message):
    with pytest.raises(error) as caught:
        getattr(model, method)(change(inputs))
    assert str(caught.value).startswith(message)
    assert caught.value.kind == "inputs"


def test_single_sample_gets_advice(model, inputs):
    with pytest.raises(InvalidArgumentError, match=r"inputs\[numpy\.newaxis\]"):
        model.forward(inputs[0])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_value_beyond_input_bits_is_found(bits):
    model = Model(layers=[akida.InputData((2, 3, 2), input_bits=bits)])
    inputs = np.full((3, 2, 3, 2), 2**bits - 1, np.uint8)
    np.testing.assert_array_equal(model.forward(inputs), inputs)
    inputs[2, 1, 0, 1] += 1
    message = rf"in 0\.\.={2**bits - 1} \(input_bits {bits}\), received {2**bits} at \[2, 1, 0, 1\]"
    with pytest.raises(InvalidArgumentError, match=message):
        model.forward(inputs)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"batch_size": -1}, ValueError),
        ({"threads": -1}, ValueError),
        ({"batch_size": 1.5}, TypeError),
        ({"threads": "2"}, TypeError),
    ],
)
def test_refused_run_options(model, inputs, arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        model.forward(inputs, **arguments)


def test_taps_are_the_outputs_of_every_layer(model, inputs):
    taps = model.forward_taps(inputs)
    for tap, layer in zip(taps, model.layers, strict=True):
        assert tap.shape == (11, *layer.output_dims)
        assert tap.dtype == (np.int32 if layer.output_bits is None else np.uint8)
    np.testing.assert_array_equal(taps[-1], model.forward(inputs))
    model.pop_layer()
    np.testing.assert_array_equal(taps[-2], model.forward(inputs))


def test_plan_is_explained(model):
    choices = model.explain_plan()
    operations = {}
    for choice in choices:
        operations.setdefault(choice.layer, []).append(choice.kernel.split("-")[1])
    # The sums of a separable layer may become bytes between its two operations.
    operations["separable"] = [name for name in operations["separable"] if name != "split"]
    assert operations == {
        "image": ["dense"],
        "separable": ["depthwise", "dense"],
        "conv": ["dense"],
        "classes": ["dense"],
    }
    for choice in choices:
        assert all(name and reason for name, reason in choice.declined)


def test_memory_of_a_plan_holds_all_weights(model):
    memory = model.plan_memory()
    assert list(memory.packed) == [layer.name for layer in model.layers]
    for layer in model.layers:
        weights = [values.size for name, values in layer.variables.items() if name.startswith("weights")]
        assert memory.packed[layer.name] >= sum(weights)
    assert memory.scratch >= sum(math.prod(layer.output_dims) for layer in model.layers)


def test_repr_is_short(model):
    assert repr(model) == "<Model of 4 layers: [8, 6, 3] to [1, 1, 10]>"
