"""compare counts every difference, attributes it to its cause, and names faults that were put in on purpose."""

import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn.analysis import compare
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedDense, QuantizedReLU, QuantizedSeparableConv2D
from cnn2snn.quantization_ops import MaxPerAxisQuantizer
from cnn2snn.transforms import snap_to_chip

L = keras.layers


def lively():
    """A network in whose layers all channels take many levels."""
    q = MaxPerAxisQuantizer(4)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            QuantizedConv2D(4, 3, MaxPerAxisQuantizer(8), padding="same", name="conv"),
            QuantizedReLU(4, 1.5, name="conv_relu"),
            QuantizedSeparableConv2D(6, 3, q, padding="same", name="separable"),
            L.MaxPooling2D(2, name="separable_pool"),
            QuantizedReLU(4, 1.0, name="separable_relu"),
            QuantizedConv2D(5, 3, q, padding="same", name="last_conv"),
            L.GlobalAveragePooling2D(name="gap"),
            QuantizedReLU(4, 1.0, name="gap_relu"),
            QuantizedDense(3, q, name="classes"),
            L.Softmax(name="softmax"),
        ],
        name="lively",
    )
    rng = np.random.default_rng(12)
    for layer in model.layers:
        layer.set_weights(
            [
                rng.normal(0.2, 0.1, w.shape) if w.ndim == 1 else rng.normal(0, 1.2 / np.sqrt(w[..., 0].size), w.shape)
                for w in layer.get_weights()
            ]
        )
    return model


SCALING = (255, 0)


@pytest.fixture
def pair():
    return lively(), cnn2snn.convert(lively(), input_scaling=SCALING)


@pytest.fixture
def exact():
    """A pair whose activations agree, so that every difference is of the fault that a test puts in."""
    snapped = snap_to_chip(lively(), SCALING)
    return snapped, cnn2snn.convert(snapped, input_scaling=SCALING)


def copy_with(model, index, layer, **variables):
    """The model with another layer at `index`, whose variables are those of the old one, or others."""
    result = akida.Model()
    for i, old in enumerate(model.layers):
        new = layer if i == index else akida.Model.from_dict(model.to_dict()).layers[i]
        if i != index:
            values = dict(old.variables)
            new = type(old)(**{k: v for k, v in old.parameters._values.items() if k != "layer_type"}, name=old.name)
        else:
            values = {**old.variables, **variables}
        result.add(new, [result.get_layer(inbound.name) for inbound in old.inbounds])
        for name, array in values.items():
            new.set_variable(name, array)
    result.input_scaling = model.input_scaling
    return result


def test_every_value_is_counted(pair, images):
    report = compare(*pair, images)
    assert [layer.layer for layer in report.layers] == ["conv", "separable", "last_conv", "classes"]
    assert [layer.total for layer in report.layers] == [16 * 64 * 4, 16 * 16 * 6, 16 * 5, 16 * 3]
    assert [layer.is_output for layer in report.layers] == [False, False, False, True]
    for layer in report.layers:
        causes = (layer.propagated, layer.format, layer.float_rounding, layer.edited, layer.unexplained)
        assert sum(causes) == layer.differing
    assert report.totals.total == sum(layer.total for layer in report.layers[:3])
    assert (report.totals.edited, report.totals.unexplained, report.edits) == (0, 0, [])


def test_samples_may_be_none_or_more_than_a_batch(pair, images):
    assert compare(*pair, images[:0]).totals.total == 0
    many = np.tile(images, (9, 1, 1, 1))
    report, once = compare(*pair, many), compare(*pair, images)
    assert report.totals.differing == 9 * once.totals.differing
    assert report.first == once.first


def test_the_formats_limit_is_named_and_measured(pair, images):
    """Boundaries that no threshold and step hold: the potential lies between the ideal one and the one held."""
    quantized, converted = pair
    report = compare(quantized, converted, images)
    first = report.first
    assert first.cause == "format"
    assert "snap_to_chip" in first.explanation
    assert first.potential == first.expected
    assert first.margin == pytest.approx(first.expected - first.boundary)
    assert abs(first.margin) < 1
    assert first.keras == first.engine + (1 if first.margin > 0 else -1)


def test_the_outputs_differ_by_the_rounding_of_biases(pair, images):
    quantized, converted = pair
    (outputs,) = (layer for layer in compare(quantized, converted, images).layers if layer.is_output)
    step = converted.layers[-1].get_variable("act_step")
    assert 0 < outputs.largest
    assert outputs.format + outputs.propagated == outputs.differing
    snapped = snap_to_chip(quantized, SCALING)
    report = compare(snapped, cnn2snn.convert(snapped, input_scaling=SCALING), images)
    (outputs,) = (layer for layer in report.layers if layer.is_output)
    assert outputs.differing == 0
    assert outputs.largest < 1e-3 / step.min()


def test_nothing_differs_after_snapping(exact, images):
    report = compare(*exact, images)
    assert (report.totals.format, report.totals.unexplained, report.edits) == (0, 0, [])


def test_an_engine_that_contradicts_its_variables_is_unexplained(pair, images, monkeypatch):
    """One level of the second layer is wrong; the layers after it follow from what Keras and the engine had."""
    quantized, converted = pair
    taps = converted.forward_taps(images)
    expected = compare(quantized, converted, images)
    taps[1] = taps[1].copy()
    keras_level = int(taps[1][3, 1, 2, 4])
    taps[1][3, 1, 2, 4] = keras_level + 1 if keras_level < 15 else 0
    monkeypatch.setattr(type(converted), "forward_taps", lambda self, inputs: taps)
    report = compare(quantized, converted, images)
    assert (expected.totals.unexplained, report.layers[1].unexplained) == (0, 1)
    first = report.first
    assert (first.layer, first.sample, first.position, first.channel) == ("separable", 3, (1, 2), 4)
    assert first.cause == "unexplained"
    assert "report" in first.explanation


def test_float32_rounding_in_keras_is_recognised():
    """Every potential lies on a boundary, but for the rounding of the step and of Keras' sums."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            L.Rescaling(1 / 255),
            QuantizedConv2D(1, 1, MaxPerAxisQuantizer(4), use_bias=False, name="conv"),
            QuantizedReLU(4, max_value=float(np.float32(15 * 14 / 2550))),
        ]
    )
    model.get_layer("conv").set_weights([np.full((1, 1, 1, 1), 0.7, np.float32)])
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    report = compare(model, cnn2snn.convert(model), ramp)
    assert report.totals.float_rounding > 0
    assert report.totals.unexplained == 0
    assert report.first.cause == "float_rounding"
    assert abs(report.first.margin) < 1e-3


def scaled_model(padding="same"):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            QuantizedConv2D(6, 3, MaxPerAxisQuantizer(4), padding=padding, name="conv"),
            QuantizedReLU(4, 2.0),
            L.Flatten(),
            QuantizedDense(3, MaxPerAxisQuantizer(4), name="dense"),
        ]
    )
    rng = np.random.default_rng(8)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, 0.4, w.shape) for w in layer.get_weights()])
    return model


def test_an_input_scaling_may_be_an_array(images):
    """As for convert; a shift that pads the border with another value than 0."""
    model = scaled_model()
    scaling = np.array([64.0, 100.0])
    report = compare(model, cnn2snn.convert(model, input_scaling=scaling), images, scaling)
    assert (report.totals.unexplained, report.edits, report.input_scaling) == (0, [], (64.0, 100.0))


def test_the_models_own_input_scaling_is_the_default(images, tmp_path):
    model = scaled_model()
    cnn2snn.convert(model, tmp_path / "m.fbz", input_scaling=(128, 128))
    report = compare(model, akida.Model(tmp_path / "m.fbz"), images)
    assert (report.totals.unexplained, report.edits, report.input_scaling) == (0, [], (128.0, 128.0))


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(
    ("right", "wrong"), [((128, 128), (255, 0)), ((255, 0), (1, 0)), ((100, 100), (100, 128)), ((255, 0), (230, 0))]
)
def test_a_wrong_input_scaling_is_named(images, right, wrong, stored):
    """Converted for one scaling and compared with another; the model says its own, or does not."""
    model = scaled_model()
    converted = cnn2snn.convert(model, input_scaling=wrong)
    if not stored:
        converted.input_scaling = None
    report = compare(model, converted, images, right)
    assert [edit.cause for edit in report.edits] == ["input_scaling"]
    assert (report.first.cause, report.first.layer) == ("input_scaling", "conv")
    assert f"{wrong[0]:g} x" in report.first.explanation
    assert report.totals.unexplained == 0


@pytest.mark.parametrize(
    ("layer", "order", "words"),
    [
        (1, lambda w: w[::-1, ::-1], "flipped on both axes"),
        (2, lambda w: w[::-1], "flipped from top to bottom"),
        (2, lambda w: w.swapaxes(0, 1), "rows and columns exchanged"),
        (0, lambda w: w[::-1, ::-1], "flipped on both axes"),
        (3, lambda w: -w, "negated"),
    ],
)
def test_a_flipped_kernel_is_named(exact, images, layer, order, words):
    quantized, converted = exact
    target = converted.layers[layer]
    target.set_variable("weights", np.ascontiguousarray(order(target.get_variable("weights"))))
    report = compare(quantized, converted, images)
    assert (report.first.cause, report.first.layer) == ("kernel", target.name)
    assert words in report.first.explanation
    assert report.totals.unexplained == 0
    assert report.first.potential != report.first.expected


def test_rows_of_a_matrix_in_the_order_of_keras_are_named(images):
    model = scaled_model()
    converted = cnn2snn.convert(model)
    last = converted.layers[-1]
    weights = last.get_variable("weights").reshape(6, 8, 8, 3).transpose(2, 1, 0, 3)
    last.set_variable("weights", np.ascontiguousarray(weights.reshape(1, 1, 384, 3)))
    report = compare(model, converted, images)
    assert (report.first.cause, report.first.layer) == ("kernel", "dense")
    assert "order of Keras" in report.first.explanation


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_a_changed_threshold_is_named(exact, images, layer):
    quantized, converted = exact
    target = converted.layers[layer]
    threshold = target.get_variable("threshold")
    steps = target.get_variable("act_step")
    threshold[2] -= int(2 * steps[2]) + 1
    target.set_variable("threshold", threshold)
    report = compare(quantized, converted, images)
    assert (report.first.cause, report.first.layer, report.first.channel) == ("threshold", target.name, 2)
    assert "of 1 of" in report.first.explanation
    assert f"instead of {threshold[2] + int(2 * steps[2]) + 1}" in report.first.explanation
    assert report.totals.unexplained == 0


def test_a_changed_step_is_named(exact, images):
    quantized, converted = exact
    target = converted.layers[1]
    steps = target.get_variable("act_step")
    steps[1] *= np.float32(1.7)
    target.set_variable("act_step", steps)
    report = compare(quantized, converted, images)
    assert (report.first.cause, report.first.layer, report.first.channel) == ("act_step", "separable", 1)


def test_a_wrong_padding_value_is_named(images):
    model = snap_to_chip(scaled_model(), (128, 128))
    converted = cnn2snn.convert(model, input_scaling=(128, 128))
    first = converted.layers[0]
    arguments = {k: v for k, v in first.parameters._values.items() if k != "layer_type"}
    wrong = akida.InputConvolutional(**{**arguments, "padding_value": 0}, name="conv")
    report = compare(model, copy_with(converted, 0, wrong), images)
    assert (report.first.cause, report.first.layer) == ("padding_value", "conv")
    assert "the border of the image is 0; the input that stands for 0 is 128" in report.first.explanation
    assert 0 in report.first.position or 7 in report.first.position


def test_a_border_that_is_no_integer_is_said_to_be_inexact(images):
    model = scaled_model()
    converted = cnn2snn.convert(model, input_scaling=(127.5, 127.5), padding_value=128)
    report = compare(model, converted, images)
    assert (report.edits, report.totals.unexplained) == ([], 0)
    assert report.totals.format > 0
    first = report.first
    assert first.cause == "format"
    assert 0 in first.position or 7 in first.position
    assert "127.5 stands for 0, which is no integer: borders are inexact" in first.explanation


def test_floored_thresholds_are_no_edit(pair, images):
    quantized, _ = pair
    fitted = compare(quantized, cnn2snn.convert(quantized, input_scaling=SCALING), images)
    floored = compare(quantized, cnn2snn.convert(quantized, input_scaling=SCALING, thresholds="floor"), images)
    assert floored.edits == []
    assert floored.totals.unexplained == 0
    assert floored.totals.format > fitted.totals.format


def test_edited_weights_are_counted(exact, images):
    quantized, converted = exact
    target = converted.layers[1]
    weights = target.get_variable("weights_pw")
    weights[0, 0, :2, 3] = [7, -7] if weights[0, 0, 0, 3] != 7 else [-7, 7]
    changed = int(np.count_nonzero(weights != target.get_variable("weights_pw")))
    target.set_variable("weights_pw", weights)
    report = compare(quantized, converted, images)
    assert (report.first.cause, report.first.layer, report.first.channel) == ("weights", "separable", 3)
    assert f"{changed} of 24 values of weights_pw, in 1 of 6 filters" in report.first.explanation


def test_of_several_edits_the_one_that_shows_is_the_cause(exact, images):
    quantized, converted = exact
    target = converted.layers[1]
    weights, steps = target.get_variable("weights_pw"), target.get_variable("act_step")
    weights[..., 0] = 0
    steps[4] *= np.float32(3)
    target.set_variable("weights_pw", weights)
    target.set_variable("act_step", steps)
    report = compare(quantized, converted, images)
    assert {edit.cause for edit in report.edits} == {"weights", "act_step"}
    assert report.first.cause == {0: "weights", 4: "act_step"}[report.first.channel]
    assert str(report).count("Also in layer") == 1


def test_a_fault_comes_before_inexact_boundaries_of_earlier_layers(pair, images):
    quantized, converted = pair
    target = converted.layers[2]
    target.set_variable("weights", np.ascontiguousarray(target.get_variable("weights")[::-1, ::-1]))
    report = compare(quantized, converted, images)
    assert report.layers[1].format > 0
    assert (report.first.layer, report.first.cause) == ("last_conv", "kernel")


def test_a_flatter_engine_is_no_edit(exact, images):
    """Another step with the same boundaries gives the same levels."""
    quantized, converted = exact
    target = converted.layers[0]
    steps = target.get_variable("act_step")
    target.set_variable("act_step", np.nextafter(steps, np.float32(np.inf)))
    assert compare(quantized, converted, images).edits == []


def test_nested_models_are_compared(images):
    inner = keras.Sequential([keras.Input((8, 8, 1)), QuantizedConv2D(2, 3, MaxPerAxisQuantizer(4)), QuantizedReLU(4)])
    model = keras.Sequential([keras.Input((8, 8, 1)), inner, L.Flatten(), QuantizedDense(3, MaxPerAxisQuantizer(4))])
    assert compare(model, cnn2snn.convert(model), images).totals.unexplained == 0


def test_a_model_of_other_layers_is_refused(pair):
    other = cnn2snn.convert(scaled_model())
    with pytest.raises(ValueError, match=r'layer 0 must be InputConvolutional "conv" .* received .* 4 bits; convert'):
        compare(pair[0], other, np.zeros((1, 8, 8, 1), np.uint8))
    other = akida.Model.from_buffer(pair[1].to_buffer())
    other.pop_layer()
    with pytest.raises(ValueError, match=r'layer 3 must be FullyConnected "classes".* received nothing'):
        compare(pair[0], other, np.zeros((1, 8, 8, 1), np.uint8))
    with pytest.raises(TypeError, match="akida_model must be"):
        compare(pair[0], pair[0], np.zeros((1, 8, 8, 1), np.uint8))


@pytest.mark.parametrize("samples", [np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 9, 1)), [[1]]])
def test_samples_of_another_shape_are_refused(pair, samples):
    with pytest.raises(
        ValueError, match=r"uint8 array of shape \(n, 8, 8, 1\), as the Akida model takes them, received"
    ):
        compare(*pair, samples)


def test_samples_that_were_made_for_keras_are_refused(pair, images):
    with pytest.raises(ValueError, match=r"integers in 0\.\.255, received 0\.\d+; .* inputs \* 255 \+ 0, rounded"):
        compare(*pair, images / 255)
    with pytest.raises(ValueError, match=r"samples must be uint8, received int64; .*astype"):
        compare(*pair, images.astype(np.int64))


def test_samples_out_of_range_are_refused():
    model = keras.Sequential([keras.Input((5,)), QuantizedDense(3, MaxPerAxisQuantizer(4)), QuantizedReLU(4)])
    converted = cnn2snn.convert(model, input_is_image=False)
    with pytest.raises(ValueError, match=r"must be integers in 0\.\.15, received 16"):
        compare(model, converted, np.array([[0] * 5, [1, 2, 16, 4, 5]], np.uint8).reshape(2, 1, 1, 5))


def test_text_fits_its_width(pair, images):
    quantized, converted = pair
    converted.layers[1].set_variable("weights", np.zeros((3, 3, 4, 1), np.int8))
    report = compare(quantized, converted, np.tile(images, (40, 1, 1, 1)))
    for width in (80, 120):
        lines = report.text(width).splitlines()
        assert max(map(len, lines)) <= width
    assert lines[0].split()[:4] == ["layer", "values", "differ", "by"]
    assert any(line.startswith('First: layer "separable", sample 0') for line in lines)
    assert str(report) == report.text(80)


def test_the_report_is_json(pair, images):
    report = compare(*pair, images)
    values = json.loads(json.dumps(report.to_dict()))
    assert values["samples"] == 16
    assert [layer["layer"] for layer in values["layers"]] == ["conv", "separable", "last_conv", "classes"]
    assert values["first"]["position"] == list(report.first.position)


def test_the_figure_shows_every_layer(pair, images, tmp_path):
    figure = compare(*pair, images).figure()
    figure.savefig(tmp_path / "figure.png")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["conv", "separable", "last_conv", "classes"]
