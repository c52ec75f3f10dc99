"""`analysis.quantization`: what quantization costs, beside computations of its own."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

import cnn2snn
from cnn2snn import InvalidArgumentError, MaxPerAxisQuantizer, MaxQuantizer, UnsupportedModelError
from cnn2snn._keras import keras
from cnn2snn.analysis import quantization
from cnn2snn.analysis.cost import network as network_module
from cnn2snn.analysis.cost import walk as walk_module

layers = keras.layers
WEIGHTED = ("conv_a", "conv_b", "classes")
# Float32 sums in another order, as Keras has them, may cross a rounding boundary and change the class of a few samples
# of 300.
FEW = 3 / 300 + 1e-9


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) * 15).astype(np.uint8)
    return images[:1200] / np.float32(255), labels[:1200], images[1200:1500] / np.float32(255), labels[1200:1500]


@pytest.fixture(scope="module")
def trained(digits):
    """A float network that knows the digits."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", name="conv_a"),
            layers.ReLU(6.0, name="relu_a"),
            layers.Conv2D(16, 3, padding="same", name="conv_b"),
            layers.MaxPooling2D(name="pool"),
            layers.ReLU(name="relu_b"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="classes"),
        ]
    )
    model.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(digits[0], digits[1], epochs=6, batch_size=50, verbose=0)
    return model


@pytest.fixture(scope="module")
def samples(digits):
    return digits[2]


@pytest.fixture(scope="module")
def labels(digits):
    return digits[3]


@pytest.fixture(scope="module")
def quantized(trained):
    return cnn2snn.quantize(trained, 2, 4, 8)


@pytest.fixture(scope="module")
def cost(trained, quantized, samples, labels):
    return quantization(trained, quantized, samples, labels, apart=True)


def outputs(model, samples):
    return np.asarray(model(samples, training=False))


def accuracy(model, samples, labels):
    return np.mean(outputs(model, samples).argmax(axis=1) == labels)


def decibels(reference, given):
    return 10 * np.log10(np.sum(np.float64(reference) ** 2) / np.sum((np.float64(given) - reference) ** 2))


def with_widths(model, widths, activations=4, kind=MaxPerAxisQuantizer):
    """The quantized model whose layers have these widths of weights."""

    def choose(layer, default):
        return kind(bitwidth=widths.get(layer.name, default.bitwidth))

    return cnn2snn.quantize(model, 2, activations, 8, quantizer_function=choose)


class Exact(MaxPerAxisQuantizer):
    """A quantizer that leaves weights as they are."""

    def quantize(self, w):
        return w


def test_accuracies_are_those_of_the_models(cost, trained, quantized, samples, labels):
    converted = cnn2snn.convert(quantized, input_scaling=(255, 0))
    assert cost.metric == "accuracy"
    wanted = {"Float model": trained, "Quantized, quantizers off": trained, "Quantized model": quantized}
    for name, model in wanted.items():
        assert cost.network(name).accuracy == pytest.approx(accuracy(model, samples, labels), abs=FEW)
    images = np.rint(samples * 255).astype(np.uint8)
    assert cost.network("Converted model").accuracy == converted.evaluate(images, labels)
    assert cost.input_scaling == (255.0, 0.0)


def test_agreement_is_with_the_classes_of_the_float_model(cost, trained, quantized, samples):
    same = outputs(trained, samples).argmax(1) == outputs(quantized, samples).argmax(1)
    assert cost.network("Quantized model").agreement == pytest.approx(np.mean(same), abs=FEW)
    assert cost.network("Float model").agreement == 1


def test_top5_and_confusion_count_labels(cost, quantized, samples, labels):
    given = outputs(quantized, samples)
    order = np.argsort(-given, axis=1)[:, :5]
    score = cost.network("Quantized model")
    assert score.top5 == pytest.approx(np.mean((order == labels[:, np.newaxis]).any(axis=1)), abs=FEW)
    wanted = np.zeros((10, 10), int)
    for label, found in zip(labels, given.argmax(1), strict=True):
        wanted[label, found] += 1
    assert np.sum(score.confusion) == len(labels)
    assert np.abs(np.array(score.confusion) - wanted).sum() <= 2 * FEW * len(labels)


@pytest.mark.parametrize("name", WEIGHTED)
def test_the_loss_of_a_layer_alone_is_that_of_quantizing_it_alone(cost, trained, samples, labels, name):
    bits = 8 if name == "conv_a" else 2
    alone = cnn2snn.quantize_layer(
        trained, name, bits, lambda layer, default: MaxPerAxisQuantizer(bitwidth=default.bitwidth)
    )
    layer = cost.layer(name)
    lost = accuracy(trained, samples, labels) - accuracy(alone, samples, labels)
    sensitivity = layer.both if layer.activation is None else layer.of_weights
    assert sensitivity.loss_alone == pytest.approx(lost, abs=FEW)
    if layer.activation is not None:
        both = cnn2snn.quantize_layer(alone, layer.activation, 4)
        lost = accuracy(trained, samples, labels) - accuracy(both, samples, labels)
        assert layer.both.loss_alone == pytest.approx(lost, abs=FEW)


@pytest.mark.parametrize("name", WEIGHTED)
def test_the_gain_of_weights_is_that_of_leaving_them_in_float(cost, trained, quantized, samples, labels, name):
    def choose(layer, default):
        return Exact(bitwidth=8) if layer.name == name else default

    in_float = cnn2snn.quantize(trained, 2, 4, 8, quantizer_function=choose)
    layer = cost.layer(name)
    sensitivity = layer.both if layer.activation is None else layer.of_weights
    gained = accuracy(in_float, samples, labels) - accuracy(quantized, samples, labels)
    assert sensitivity.gain == pytest.approx(gained, abs=FEW)


def test_the_standard_error_is_that_of_the_paired_difference(cost, trained, quantized, samples, labels):
    def choose(layer, default):
        return Exact(bitwidth=8) if layer.name == "conv_b" else default

    in_float = cnn2snn.quantize(trained, 2, 4, 8, quantizer_function=choose)
    right = [outputs(model, samples).argmax(1) == labels for model in (in_float, quantized)]
    change = right[0].astype(float) - right[1]
    wanted = np.sqrt(np.mean((change - change.mean()) ** 2) / len(labels))
    assert cost.layer("conv_b").of_weights.gain_error == pytest.approx(wanted, rel=0.2)


def test_noise_is_that_of_the_formula(cost, trained, quantized, samples):
    def until(model, name):
        return keras.Model(model.inputs[0], model.get_layer(name).output)

    first = decibels(outputs(until(trained, "relu_a"), samples), outputs(until(quantized, "relu_a"), samples))
    assert cost.layer("conv_a").sqnr == pytest.approx(first, rel=1e-2)
    assert cost.layer("conv_a").sqnr_cumulated == pytest.approx(first, rel=1e-2)
    whole = decibels(outputs(trained, samples), outputs(quantized, samples))
    assert cost.layer("classes").sqnr_cumulated == pytest.approx(whole, rel=1e-2)
    assert cost.network("Quantized model").sqnr == pytest.approx(whole, rel=1e-2)
    received = outputs(until(quantized, "flatten"), samples)
    kernel, bias = (np.asarray(w) for w in trained.get_layer("classes").weights)
    own = decibels(received @ kernel + bias, outputs(quantized, samples))
    assert cost.layer("classes").sqnr == pytest.approx(own, rel=1e-2)


def test_activations_are_counted(cost, quantized, samples):
    before = keras.Model(quantized.inputs[0], quantized.get_layer("pool").output)
    received = outputs(before, samples)
    given = np.asarray(quantized.get_layer("relu_b")(received))
    layer = cost.layer("conv_b")
    assert (layer.activation, layer.act_bits, layer.levels, layer.holds) == ("relu_b", 4, 16, 15.0)
    assert layer.zeros == pytest.approx(np.mean(given == 0), abs=1e-3)
    assert layer.clipped == pytest.approx(np.mean(received > 15.5), abs=1e-3)
    assert layer.levels_used == pytest.approx(len(np.unique(given)), abs=1)
    assert layer.input_highest == pytest.approx(received.max(), rel=1e-2)
    assert layer.input_lowest == pytest.approx(received.min(), rel=1e-2)


def test_ranges_of_weights_stand_beside_the_grid(cost, trained):
    kernel = np.asarray(trained.get_layer("conv_b").kernel)
    layer = cost.layer("conv_b")
    assert layer.weights_bits == (2,)
    assert layer.weights_largest == pytest.approx(np.abs(kernel).max())
    # The grid of two bits is -m, 0, m, where m is the largest weight of the filter.
    tops = np.abs(kernel).max(axis=(0, 1, 2))
    assert layer.weights_hold == pytest.approx(tops.max())
    assert layer.weights_zeros == np.mean(np.abs(kernel) <= tops / 2)
    assert (layer.weights_levels_used, layer.weights_levels, layer.weights_clipped) == (3, 3, 0)


def test_a_layer_with_too_few_bits_is_found_and_its_remedy_keeps_its_promise(trained, samples, labels):
    widths = {"conv_a": 8, "conv_b": 2, "classes": 8}
    poor = with_widths(trained, widths, kind=MaxQuantizer)
    cost = quantization(trained, poor, samples, labels)
    assert cost.ranking[0] == "conv_b"
    advice = cost.advice[0]
    assert advice.bits == {"conv_b": {"weights": 4}}
    better = with_widths(trained, {**widths, "conv_b": 4}, kind=MaxQuantizer)
    gained = accuracy(better, samples, labels) - accuracy(poor, samples, labels)
    assert advice.gain == pytest.approx(gained, abs=FEW)
    assert gained > 0
    assert 'layer "conv_b": weights of 4 bits' in cost.text()


def test_ranges_are_advised_where_levels_are_wasted(trained, samples, labels):
    poor = with_widths(trained, {"conv_a": 8, "conv_b": 8, "classes": 8}, activations=4)
    for node in ("relu_a", "relu_b"):
        # All outputs are 0 or 1 of 15 levels.
        poor.get_layer(node)._initial_max = np.float32(100)
    cost = quantization(trained, poor, samples, labels)
    (advice,) = [advice for advice in cost.advice if "activation_ranges" in advice.what]
    ranged = cnn2snn.calibration.activation_ranges(poor, samples[::3], reference=trained)
    gained = accuracy(ranged, samples, labels) - accuracy(poor, samples, labels)
    assert advice.gain == pytest.approx(gained, abs=FEW)
    assert gained > 0


def test_what_helps_no_more_than_chance_is_no_advice(trained, samples, labels):
    good = cnn2snn.calibration.activation_ranges(cnn2snn.quantize(trained, 8, 4), samples[::3], reference=trained)
    cost = quantization(trained, good, samples, labels)
    assert cost.advice == []
    assert "Nothing that was tried helps by more than chance." in cost.text()


def test_a_fast_analysis_gives_the_gains_of_converted_models(trained, samples, labels):
    poor = with_widths(trained, {}, activations=2)
    cost = quantization(trained, poor, samples, labels, fast=True)
    images = np.rint(samples * 255).astype(np.uint8)

    def converted(model):
        return cnn2snn.convert(model, input_scaling=(255, 0)).evaluate(images, labels)

    wider = cnn2snn.quantize(trained, 2, 2, 8, config={"conv_b": {"weights": 8, "activations": 4}})
    layer = cost.layer("conv_b").both
    assert layer.gain == pytest.approx(converted(wider) - converted(poor), abs=1e-12)
    assert layer.loss_alone is None
    assert cost.fast


def test_layers_before_the_one_in_question_run_once(trained, quantized, samples, monkeypatch):
    runs = []
    call = network_module.Network.call

    def counted(self, node, inputs, mode):
        runs.append((node.name, mode))
        return call(self, node, inputs, mode)

    monkeypatch.setattr(network_module.Network, "call", counted)
    network = network_module.Network(quantized, trained)
    walk = walk_module.Walk(network, lambda: _Nothing(), ("both",), lambda runs: None)
    walk.add(samples[:8], None)
    # The first layer is switched once in each network; beside that it runs for reference, in the walk and its noise.
    assert runs.count(("conv_a", "float")) == 1 + 1 + 1 + 1
    assert runs.count(("conv_a", "quantized")) == 1 + 1 + 1
    # The last one runs once more for each layer before it.
    assert runs.count(("classes", "quantized")) == 1 + 2 + 1 + 1


class _Nothing:
    def add(self, outputs, reference, truth):
        pass


def test_the_result_does_not_depend_on_how_samples_are_split(trained, quantized, samples, labels, cost, monkeypatch):
    monkeypatch.setattr(walk_module, "_SAMPLES", 70)
    split = quantization(trained, quantized, samples, labels, apart=True)
    assert split.samples == cost.samples == 300
    for a, b in zip(split.layers, cost.layers, strict=True):
        assert a.both.gain == pytest.approx(b.both.gain, abs=FEW)
        assert a.both.loss_alone == pytest.approx(b.both.loss_alone, abs=FEW)
        assert a.zeros == pytest.approx(b.zeros, abs=1e-3)
        assert a.sqnr == pytest.approx(b.sqnr, rel=1e-2)


def test_branches_and_other_layers_are_walked(digits, samples):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255, name="rescaling")(inputs)
    x = layers.ReLU(6.0, name="relu")(layers.Conv2D(4, 3, padding="same", name="conv")(x))
    branches = [
        layers.ReLU(6.0, name=f"relu_{i}")(layers.SeparableConv2D(3, 3, padding="same", name=f"separable_{i}")(x))
        for i in range(2)
    ]
    x = layers.GlobalAveragePooling2D(name="gap")(
        layers.Conv2D(6, 1, name="wide")(layers.Concatenate(name="concat")(branches))
    )
    x = layers.ReLU(6.0, name="relu_wide")(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x))
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    cost = quantization(model, quantized, np.rint(samples[:20] * 255))
    assert [layer.layer for layer in cost.layers] == ["conv", "separable_0", "separable_1", "wide", "classes"]
    assert cost.metric == "agreement"
    assert cost.layer("separable_1").weights_bits == (4, 4)
    whole = decibels(outputs(model, samples[:20] * 255), outputs(quantized, samples[:20] * 255))
    assert cost.network("Quantized model").sqnr == pytest.approx(whole, rel=1e-3)
    converted, simulated = cost.network("Converted model"), cost.network("Quantized model")
    assert converted.agreement == pytest.approx(simulated.agreement, abs=0.1)
    assert cost.not_converted is None


def test_weights_that_moved_are_judged_by_the_float_weights_of_the_quantized_model(trained, quantized, samples, labels):
    moved = keras.models.clone_model(quantized)
    moved.set_weights(quantized.get_weights())
    moved.get_layer("classes").bias.assign_add(np.eye(10, dtype=np.float32)[3] * 100)
    cost = quantization(trained, moved, samples, labels)
    assert cost.network("Float model").accuracy == pytest.approx(accuracy(trained, samples, labels), abs=FEW)
    assert cost.network("Quantized, quantizers off").accuracy == np.mean(labels == 3)


def test_one_output_says_yes_or_no(samples):
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(3, 8, name="conv"), layers.ReLU(6.0), layers.Flatten(), layers.Dense(1)]
    )
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    wanted = outputs(model, samples)[:, 0] > 0
    cost = quantization(model, quantized, samples, wanted.astype(int))
    assert cost.network("Float model").accuracy == pytest.approx(1, abs=FEW)
    right = np.mean((outputs(quantized, samples)[:, 0] > 0) == wanted)
    assert cost.network("Quantized model").accuracy == pytest.approx(right, abs=FEW)


def test_integers_of_the_chip_are_taken_with_a_scaling(trained, quantized, samples, labels, cost):
    images = np.rint(samples * 255).astype(np.uint8)
    same = quantization(trained, quantized, images, labels, input_scaling=(255, 0))
    assert [s.accuracy for s in same.networks] == pytest.approx([s.accuracy for s in cost.networks], abs=FEW)


def test_a_model_that_cannot_be_converted_is_analyzed_all_the_same(trained, samples, labels):
    eight = cnn2snn.quantize(trained, 4, 8, 8)
    cost = quantization(trained, eight, samples, labels)
    assert cost.layer("conv_a").levels == 256
    assert "activation" in cost.not_converted
    assert "There is no converted model" in cost.text()
    with pytest.raises(Exception, match="relu_a"):
        quantization(trained, eight, samples, labels, fast=True)


def test_what_is_no_analysis_is_refused(trained, quantized, samples, labels):
    with pytest.raises(UnsupportedModelError, match="no quantized layer"):
        quantization(trained, trained, samples)
    with pytest.raises(InvalidArgumentError, match=r"labels must be in 0\.\.9"):
        quantization(trained, quantized, samples, labels + 10)
    with pytest.raises(InvalidArgumentError, match="as many labels"):
        quantization(trained, quantized, samples, labels[1:])
    with pytest.raises(InvalidArgumentError, match="one input shape"):
        quantization(keras.Sequential([keras.Input((4,)), layers.Dense(10)]), quantized, samples)
    with pytest.raises(InvalidArgumentError, match="must be integers"):
        quantization(trained, quantized, samples, input_scaling=(100, 0))


def test_json_has_what_the_text_shows_and_no_line_is_too_long(cost):
    values = json.loads(cost.to_json())
    assert values == json.loads(json.dumps(cost.to_dict(), allow_nan=False))
    assert [layer["layer"] for layer in values["layers"]] == list(WEIGHTED)
    assert max(map(len, cost.text(80).splitlines())) <= 80
    assert "Levels " not in cost.text(80).split("Own dB:")[0]
    text = cost.text(88)
    for word in ("Weights", "Activ.", "labels in rows", *WEIGHTED, "± "):
        assert word in text
    assert max(map(len, text.splitlines())) <= 88
    assert "<pre>" in cost._repr_html_()


def test_the_depthwise_channel_that_stands_out_is_told(samples):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.SeparableConv2D(4, 3, name="separable"), layers.ReLU(6.0), layers.Flatten()]
    )
    kernel = np.ones((3, 3, 3, 1), np.float32)
    kernel[:, :, 1] = 20
    model.get_layer("separable").depthwise_kernel.assign(kernel)
    quantized = cnn2snn.quantize(model, 4, 4, quantizer_function=lambda layer, default: MaxQuantizer(bitwidth=4))
    cost = quantization(model, quantized, np.ones((2, 8, 8, 3), np.float32))
    assert cost.layer("separable").weights_spread == 20
