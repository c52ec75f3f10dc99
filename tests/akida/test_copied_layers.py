"""Models made of layers of other models, which are copied with their variables."""

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.errors import InvalidArgumentError
from tests.akida.akida2_models import model_of_every_layer, stateful_model
from tests.akida.conftest import fill


def test_the_first_layers_of_a_model_give_what_they_give_in_it(model, inputs):
    taps = model.forward_taps(inputs)
    for count, expected in enumerate(taps, 1):
        cut = akida.Model(layers=model.layers[:count])
        np.testing.assert_array_equal(cut.forward(inputs), expected)
        assert cut.input_scaling == model.input_scaling
    assert akida.Model(layers=model.layers).to_buffer() == model.to_buffer()


def test_an_input_is_put_before_layers_from_the_middle(model, inputs):
    taps = model.forward_taps(inputs)
    for begin in range(1, len(taps)):
        cut = akida.Model(layers=model.layers[begin:])
        assert isinstance(cut.layers[0], akida.InputData)
        assert cut.layers[0].name == f"{model.layers[begin].name}_input"
        np.testing.assert_array_equal(cut.forward(taps[begin - 1]), taps[-1])


def test_copies_share_nothing_with_their_originals(model, inputs):
    before = model.to_buffer()
    cut = akida.Model(layers=model.layers[:2])
    cut.get_layer("separable").set_variable("threshold", np.zeros(5, np.int32))
    cut.add(akida.FullyConnected(3))
    assert model.to_buffer() == before
    assert [layer.name for layer in model.layers] == ["image", "separable", "conv", "classes"]


def test_layers_without_a_model_are_taken_as_they_are(model):
    last = akida.FullyConnected(3, "own", activation=False)
    cut = akida.Model(layers=[*model.layers[:1], last])
    assert cut.layers[1] is last


def test_a_copy_reads_the_layer_before_it_where_that_of_its_original_is_left_out():
    source, middle, last = (akida.FullyConnected(4, name) for name in ("source", "middle", "last"))
    whole = akida.Model(layers=[akida.InputData((1, 1, 4)), source, middle, last])
    fill(whole)
    cut = akida.Model(layers=[source, last])
    assert [layer.name for layer in cut.layers] == ["source_input", "source", "last"]
    assert cut.get_layer("last").inbounds == [cut.get_layer("source")]
    np.testing.assert_array_equal(cut.get_layer("last").variables["weights"], last.variables["weights"])


def test_branches_stay_branches():
    source = akida.InputData((1, 1, 4), name="source")
    network = akida.Model(layers=[source])
    network.add(akida.FullyConnected(3, "left"), [source])
    network.add(akida.FullyConnected(5, "right"), [source])
    network.add(akida.Concat("join"), network.layers[1:])
    network.add(akida.FullyConnected(2, "last"))
    fill(network)
    assert akida.Model(layers=network.layers).to_buffer() == network.to_buffer()
    with pytest.raises(InvalidArgumentError, match=r'"join": it reads "left", "right", which must all be among'):
        akida.Model(layers=network.layers[3:])
    with pytest.raises(InvalidArgumentError, match=r'"join": it reads "left", "right", which must all be among'):
        akida.Model(layers=[source, network.get_layer("left"), network.get_layer("join")])


def test_layers_of_akida_2_are_copied_as_well():
    model = model_of_every_layer()
    x = np.random.default_rng(1).normal(size=(2, 8, 6, 3)).astype(np.float32)
    taps = model.forward_taps(x)
    assert akida.Model(layers=model.layers).to_buffer() == model.to_buffer()
    for count in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11):
        # All but the one that ends with a branch which nobody joins.
        np.testing.assert_array_equal(akida.Model(layers=model.layers[:count]).forward(x), taps[count - 1])


def test_an_input_that_no_input_layer_gives_is_refused():
    """Accumulators, and fewer than 8 bits with a sign, exist inside of models only."""
    model = model_of_every_layer()
    with pytest.raises(ValueError, match="input_bits"):
        akida.Model(layers=model.layers[-1:])
    signed = akida.Model(
        layers=[
            akida.InputConv2D((4, 4, 1), 2, 3, output_bits=4, activation=akida.ActivationType.NoActivation),
            akida.Dense1D(2, name="dense"),
        ]
    )
    with pytest.raises(ValueError, match='"dense": it reads 4 bits with a sign, which no InputData gives'):
        akida.Model(layers=signed.layers[1:])


def test_copies_of_layers_with_state_begin_anew():
    model = stateful_model()
    x = np.random.default_rng(2).integers(-100, 100, (1, *model.input_shape)).astype(model.input_dtype)
    first = model.forward(x)
    model.forward(x)
    np.testing.assert_array_equal(akida.Model(layers=model.layers).forward(x), first)


def test_what_is_no_layer_is_refused(model):
    for layers in ([3], [model.layers[0], "conv"], model.layers[0]):
        with pytest.raises(TypeError, match="layer"):
            akida.Model(layers=layers)
