"""`prepare`: ordinary models become what can be quantized, with equal outputs; `quantize` refuses what stays."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, set_akida_version
from cnn2snn._keras import keras
from cnn2snn.analysis import compare
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.transforms import prepare
from tests.keras.models import outputs, randomize
from tests.keras.ordinary_networks import TUTORIALS, chain, random_ordinary_network

L = keras.layers
RULES = {
    "fused_activation",
    "activation",
    "training_layer",
    "resizing",
    "zero_padding",
    "input_scaling",
    "late_normalization",
    "depthwise_bias",
}


def difference(model, other, inputs):
    """The largest difference of outputs, relative to them."""
    expected = outputs(model, inputs)
    assert outputs(other, inputs).shape == expected.shape
    return np.abs(outputs(other, inputs) - expected).max() / (1 + np.abs(expected).max())


def check(model):
    """What keeps a model from Akida 1.0."""
    with set_akida_version(AkidaVersion.v1):
        return cnn2snn.check_model_compatibility(model)


def rules(model):
    return {change.rule for change in prepare(model, return_changes=True)[1].found}


def kinds(model):
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


@pytest.mark.parametrize("build", TUTORIALS, ids=lambda build: build.__name__)
def test_tutorial_networks_go_through_to_the_chip(build):
    model = build()
    randomize(model)
    images = np.random.default_rng(2).integers(0, 256, (3, *model.inputs[0].shape[1:]), dtype=np.uint8)
    prepared, changes = prepare(model, return_changes=True)
    assert prepared.name == model.name
    assert changes
    assert difference(model, prepared, images) < 1e-5
    for ready in (model, prepared):
        assert check(ready)
        quantized = cnn2snn.quantize(ready, 4, 4, 8)
        converted = cnn2snn.convert(quantized)
        samples = images.reshape(-1, *converted.input_shape)
        assert compare(quantized, converted, samples).totals.unexplained == 0
        if converted.output_shape[2] > 1:
            assert converted.predict_classes(samples).shape == (3,)


@pytest.mark.parametrize("place", ["layers", "model"])
def test_augmentation_in_a_functional_model_computes_nothing_at_inference(place):
    augmentation = [L.RandomFlip("horizontal", name="flip"), L.RandomRotation(0.1, name="turn")]
    x = inputs = keras.Input((8, 8, 3))
    if place == "model":
        augmentation = [keras.Sequential(augmentation)]
    for layer in (*augmentation, L.Conv2D(4, 3, activation="relu", name="conv")):
        x = layer(x)
    model = keras.Model(inputs, L.Dense(3)(L.Flatten()(x)))
    prepared, changes = prepare(model, return_changes=True)
    assert [change.layer for change in changes.found] == ["conv", "flip", "turn"]
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(prepared(images), model(images, training=False))
    assert {"RandomFlip", "RandomRotation"} <= set(kinds(cnn2snn.quantize(model, 4, 4, 8)))
    assert check(model)


def test_normalizations_that_wait_for_each_other_are_all_folded():
    scaling = L.Rescaling([1.0, 0.5], [0.0, 0.1])
    before = [L.DepthwiseConv2D(3), L.BatchNormalization(), L.Conv2D(4, 1), L.ReLU()]
    model = chain((8, 8, 2), scaling, *before, L.BatchNormalization(), L.BatchNormalization(), L.Conv2D(3, 3))
    randomize(model)
    prepared = prepare(model)
    assert kinds(prepared) == ["Rescaling", "DepthwiseConv2D", "Conv2D", "ReLU", "Conv2D"]
    assert not prepare(prepared, return_changes=True)[1]
    assert np.size(prepared.layers[0].scale) == 1
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 2), dtype=np.uint8)
    assert difference(model, prepared, images) < 1e-5


@pytest.fixture(scope="module")
def seen():
    """What was done to the random networks: names of rules, and how many of them were converted."""
    return {"rules": set(), "converted": 0}


SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_keep_their_outputs_and_convert_once_they_are_quantized(seed, seen):
    model, images = random_ordinary_network(seed)
    before = [w.copy() for w in model.get_weights()]
    prepared, changes = prepare(model, return_changes=True)
    assert difference(model, prepared, images) < 1e-4
    seen["rules"] |= {change.rule for change in changes.found}
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    # Nothing is left to do.
    assert not prepare(prepared, return_changes=True)[1]
    for ready in (model, prepared):
        report = check(ready)
        try:
            quantized = cnn2snn.quantize(ready, 4, 4, 8)
        except UnsupportedModelError:
            assert not report.convertible
            continue
        # What quantize takes, conversion takes, but for borders of images that stand for no integer.
        assert {problem.rule for problem in report.problems} <= {"padding_value"}
        converted = cnn2snn.convert(quantized, padding_value=None if report else 0)
        assert compare(quantized, converted, images).totals.unexplained == 0
        seen["converted"] += 1


def test_random_networks_show_every_rule_but_resizing_and_most_are_converted(seen):
    """Runs after the networks, in the order of the file."""
    if not seen["rules"]:
        pytest.skip("the networks did not run")
    assert seen["rules"] == RULES - {"resizing"}
    assert seen["converted"] > len(SEEDS)


def test_quantize_keeps_what_training_needs_and_prepare_does_not():
    layers = [L.RandomFlip(name="flip"), L.Conv2D(4, 3, name="conv"), L.ReLU(), L.Dropout(0.2, name="drop")]
    model = chain((8, 8, 1), *layers, L.Flatten(), L.Dense(3))
    quantized, changes = cnn2snn.quantize(model, 4, 4, 8, return_changes=True)
    assert {"RandomFlip", "Dropout"} <= set(kinds(quantized))
    assert not changes
    prepared, changes = prepare(model, return_changes=True)
    assert not {"RandomFlip", "Dropout"} & set(kinds(prepared))
    assert [(change.layer, change.rule) for change in changes.found] == [
        ("flip", "training_layer"),
        ("drop", "training_layer"),
    ]
    assert str(changes).startswith('layer "flip": left out, as a RandomFlip computes nothing at inference')


TRAINING_LAYERS = {
    "AlphaDropout": (0.1,),
    "AugMix": (),
    "CutMix": (),
    "GaussianDropout": (0.1,),
    "GaussianNoise": (0.1,),
    "Identity": (),
    "MixUp": (),
    "RandAugment": (),
    "RandomBrightness": (0.1,),
    "RandomColorDegeneration": (0.1,),
    "RandomColorJitter": (),
    "RandomContrast": (0.1,),
    "RandomElasticTransform": (),
    "RandomErasing": (),
    "RandomFlip": (),
    "RandomGaussianBlur": (),
    "RandomGrayscale": (),
    "RandomHue": (0.1,),
    "RandomInvert": (),
    "RandomPerspective": (),
    "RandomPosterization": (4,),
    "RandomRotation": (0.1,),
    "RandomSaturation": (0.1,),
    "RandomSharpness": (0.1,),
    "RandomShear": (),
    "RandomTranslation": (0.1, 0.1),
    "RandomZoom": (0.1,),
    "SpatialDropout2D": (0.1,),
}


@pytest.mark.parametrize("name", [name for name in TRAINING_LAYERS if hasattr(L, name)])
def test_layers_that_only_train_compute_nothing_at_inference(name):
    layer = getattr(L, name)(*TRAINING_LAYERS[name])
    images = np.random.default_rng(3).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(chain((8, 8, 3), layer)(images, training=False)), images)
    model = chain((8, 8, 3), layer, L.Conv2D(2, 3), L.ReLU())
    assert rules(model) == {"training_layer"}
    cnn2snn.convert(cnn2snn.quantize(model, 4, 4, 8))


def test_resizing_to_the_size_that_is_there_is_left_out():
    model = chain((8, 8, 3), L.Resizing(8, 8), L.CenterCrop(8, 8), L.Conv2D(2, 3), L.ReLU())
    assert rules(model) == {"resizing"}
    assert kinds(cnn2snn.quantize(model, 4, 4, 8)) == ["QuantizedConv2D", "QuantizedReLU"]
    with pytest.raises(RuntimeError, match=r"Resizing.*compute it before the model"):
        cnn2snn.quantize(chain((9, 8, 3), L.Resizing(8, 8), L.Conv2D(2, 3), L.ReLU()), 4, 4, 8)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", {"max_value": None}),
        ("relu6", {"max_value": 6.0}),
        (lambda: L.ReLU(2.5), {"max_value": 2.5}),
    ],
)
def test_fused_activations_become_layers_of_their_names(dense, activation, expected):
    given = activation if isinstance(activation, str) else activation()
    layer = L.Dense(4, activation=given, name="it") if dense else L.Conv2D(4, 3, activation=given, name="it")
    prepared = prepare(chain((8, 8, 1), *([L.Flatten()] if dense else []), layer))
    relu = prepared.get_layer("it_relu")
    assert type(relu).__name__ == "ReLU"
    assert {"max_value": relu.get_config()["max_value"]} == expected
    assert prepared.get_layer("it").get_config()["activation"] == "linear"


def test_a_name_that_is_taken_gets_a_number():
    model = chain((8, 8, 1), L.Conv2D(4, 3, activation="relu", name="it"), L.Dropout(0.1, name="it_relu"))
    assert [layer.name for layer in cnn2snn.quantize(model, 4, 4).layers] == ["it", "it_relu_1", "it_relu"]


@pytest.mark.parametrize(
    ("zeros", "size", "kernel", "stride", "same"),
    [
        (1, 8, 3, 1, True),
        (1, 8, 3, 2, False),
        (((0, 1), (0, 1)), 8, 3, 2, True),
        (1, 9, 3, 2, True),
        (((0, 1), (0, 1)), 9, 3, 2, False),
        (2, 8, 5, 1, True),
        (1, 8, 5, 1, False),
        (2, 8, 3, 1, False),
        (((0, 2), (0, 2)), 8, 3, 2, True),
        (((0, 3), (0, 3)), 8, 3, 2, False),
        (((1, 1), (2, 2)), 8, (3, 5), 1, True),
    ],
)
def test_zero_padding_is_folded_where_it_is_that_of_same_and_only_there(zeros, size, kernel, stride, same):
    model = chain((size, size, 1), L.ZeroPadding2D(zeros, name="zeros"), L.Conv2D(4, kernel, strides=stride), L.ReLU())
    randomize(model)
    images = np.random.default_rng(4).integers(0, 256, (3, size, size, 1), dtype=np.uint8)
    assert rules(model) == ({"zero_padding"} if same else set())
    if same:
        assert difference(model, prepare(model), images) == 0
        quantized = cnn2snn.quantize(model, 4, 4, 8)
        assert compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0
        return
    with pytest.raises(RuntimeError, match=r'"zeros" .*are not those of padding="same" in "conv'):
        cnn2snn.quantize(model, 4, 4, 8)


def test_zero_padding_is_folded_past_layers_that_only_train():
    noise = [L.Dropout(0.1, name="drop"), L.GaussianNoise(0.1, name="noise")]
    model = chain((8, 8, 1), L.ZeroPadding2D(1, name="zeros"), *noise, L.Conv2D(4, 3), L.ReLU())
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    assert kinds(quantized) == ["Dropout", "GaussianNoise", "QuantizedConv2D", "QuantizedReLU"]
    assert quantized.get_layer("noise").output.shape == (None, 8, 8, 1)
    images = np.random.default_rng(4).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    assert compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0


@pytest.mark.parametrize("relu", [False, True])
def test_zeros_before_a_max_pooling_are_folded_behind_a_relu_only(relu):
    layers = [L.Conv2D(4, 3, padding="same"), *([L.ReLU()] if relu else [])]
    model = chain((8, 8, 1), *layers, L.ZeroPadding2D(1), L.MaxPooling2D(3, strides=1), *([] if relu else [L.ReLU()]))
    randomize(model)
    assert rules(model) == ({"zero_padding"} if relu else set())


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("reader", ["convolution", "separable", "dense", "pooled"])
def test_a_normalization_behind_an_activation_is_folded_forwards(reader, padding):
    behind = {
        "convolution": [L.Conv2D(3, 3, padding=padding, name="reader")],
        "separable": [L.SeparableConv2D(3, 3, padding=padding, name="reader")],
        "dense": [L.Flatten(), L.Dense(3, name="reader")],
        "pooled": [L.MaxPooling2D(2), L.Dropout(0.1), L.Conv2D(3, 3, padding=padding, name="reader")],
    }[reader]
    first = [L.Conv2D(4, 3, padding="same", name="first"), L.ReLU(2.0), L.BatchNormalization(name="late")]
    model = chain((8, 8, 1), *first, *behind)
    randomize(model)
    images = np.random.default_rng(4).integers(0, 3, (3, 8, 8, 1), dtype=np.uint8)
    prepared = prepare(model)
    assert difference(model, prepared, images) < 1e-5
    folded = reader != "separable" or padding == "valid"
    assert ("BatchNormalization" in kinds(prepared)) is not folded
    if not folded:
        with pytest.raises(
            RuntimeError, match=r'"late": it cannot be folded, as "reader" pads what it gives with zeros'
        ):
            cnn2snn.quantize(model, 4, 4, 8)
        return
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    assert compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0
    # A border takes a filter that gives one number, which its activation can give.
    added = 1 if padding == "same" and reader in ("convolution", "pooled") else 0
    assert prepared.get_layer("first").filters == 4 + added
    if added:
        relu = quantized.layers[kinds(quantized).index("QuantizedReLU") - len(kinds(quantized))]
        assert np.all(outputs(keras.Model(quantized.inputs[0], relu.output), images)[..., -1] == 2.0)


def test_a_negative_gamma_is_not_folded_through_a_maximum():
    first = [L.Conv2D(4, 3), L.ReLU(), L.BatchNormalization(name="late"), L.MaxPooling2D(2, name="pool")]
    model = chain((8, 8, 1), *first, L.Flatten(), L.Dense(3))
    cnn2snn.convert(cnn2snn.quantize(model, 4, 4, 8))
    model.get_layer("late").gamma.assign([1.0, -1.0, 1.0, 1.0])
    with pytest.raises(RuntimeError, match=r'"late": it cannot be folded, as "pool", which reads it, is a maximum'):
        cnn2snn.quantize(model, 4, 4, 8)


def test_normalizations_at_the_input_become_one_rescaling():
    norm = L.Normalization(name="norm")
    norm.adapt(np.random.default_rng(6).uniform(-1, 1, (20, 8, 8, 3)).astype(np.float32))
    model = chain((8, 8, 3), L.Rescaling(1 / 127, -1, name="scaling"), L.RandomFlip(), norm, L.Conv2D(4, 3), L.ReLU())
    randomize(model)
    images = np.random.default_rng(4).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    prepared = prepare(model)
    assert kinds(prepared) == ["Rescaling", "Conv2D", "ReLU"]
    assert difference(model, prepared, images) < 1e-5
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    assert kinds(quantized) == ["Rescaling", "RandomFlip", "QuantizedConv2D", "QuantizedReLU"]
    assert compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0


def test_numbers_per_channel_stay_where_a_border_would_need_them():
    norm = L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 2.0, 1.0], name="norm")
    model = chain((8, 8, 3), norm, L.Conv2D(4, 3, padding="same"), L.ReLU())
    images = np.random.default_rng(4).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    assert difference(model, prepare(model), images) < 1e-5
    with pytest.raises(RuntimeError, match=r'"norm" .*not one per channel; use padding="valid" in the first layer'):
        cnn2snn.quantize(model, 4, 4, 8)


def normalization_inside():
    return L.Normalization(mean=[1.0] * 3, variance=[2.0] * 3, axis=1, name="it")


LATE = {
    "AveragePooling2D": lambda: [L.AveragePooling2D(2, name="it")],
    "ZeroPadding2D": lambda: [L.ZeroPadding2D(1, name="it"), L.Conv2D(4, 3, strides=2), L.ReLU()],
    "Cropping2D": lambda: [L.Cropping2D(1, name="it")],
    "UpSampling2D": lambda: [L.UpSampling2D(2, name="it")],
    "Permute": lambda: [L.Permute((2, 1, 3), name="it")],
    "Softmax": lambda: [L.Softmax(name="it"), L.Conv2D(4, 3), L.ReLU()],
    "GlobalMaxPooling2D": lambda: [L.GlobalMaxPooling2D(name="it")],
    "Normalization": lambda: [
        L.Permute((1, 2, 3)),
        L.Normalization(mean=0.0, variance=1.0, axis=None, name="it"),
        L.ReLU(),
    ],
    "pooling on pooling": lambda: [L.MaxPooling2D(2), L.MaxPooling2D(2, name="it")],
    "GlobalAveragePooling2D behind ReLU": lambda: [L.GlobalAveragePooling2D(name="it")],
}


@pytest.mark.parametrize("fold_BN", [True, False])
@pytest.mark.parametrize("widths", [(4, 4), (4, 0), (0, 4)])
@pytest.mark.parametrize("name", LATE)
def test_what_conversion_always_refuses_is_refused_before_training(name, widths, fold_BN):
    layers = LATE[name]()
    flat = [] if name.startswith("Global") else [L.Flatten()]
    model = chain((8, 8, 1), L.Conv2D(3, 3, padding="same"), L.ReLU(), *layers, *flat, L.Dense(3))
    with pytest.raises(UnsupportedModelError, match='layer "it"') as caught:
        cnn2snn.quantize(model, *widths, fold_BN=fold_BN)
    assert all(";" in line for line in str(caught.value).splitlines())
    assert not check(model).convertible


@pytest.mark.parametrize("join", ["Add", "Multiply", "Subtract", "Average", "Maximum"])
def test_branches_that_are_not_concatenated_are_refused_before_training(join):
    x = keras.Input((8, 8, 1))
    branches = [L.ReLU()(L.Conv2D(3, 3)(x)) for _ in range(2)]
    model = keras.Model(x, L.Dense(3)(L.Flatten()(getattr(L, join)(name="it")(branches))))
    with pytest.raises(RuntimeError, match=r'layer "it".*2 inputs.*with Concatenate'):
        cnn2snn.quantize(model, 4, 4)


SHIFT = (1 / 8, -1.0)
INPUTS = {
    "a shift and two channels": ((8, 8, 2), [L.Rescaling(*SHIFT), L.Conv2D(4, 3, name="it")], "1 or 3 channels"),
    "a shift and no convolution": ((8, 8, 1), [L.Rescaling(*SHIFT), L.Flatten(), L.Dense(4, name="it")], "Conv2D"),
    "a scale below zero": ((8, 8, 1), [L.Rescaling(-1.0, name="it"), L.Conv2D(4, 3)], "greater than zero"),
    "a scale that is none": ((8, 8, 1), [L.Rescaling(np.nan, name="it"), L.Conv2D(4, 3)], "greater than zero"),
    "sizes that are not known": ((None, 8, 1), [L.Conv2D(4, 3, name="it"), L.GlobalAveragePooling2D()], "known sizes"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_that_can_be_neither_images_nor_values_are_refused_before_training(case):
    shape, layers, words = INPUTS[case]
    model = keras.Sequential(
        [keras.Input(shape, name="input"), *map(L.deserialize, map(L.serialize, layers)), L.ReLU()]
    )
    with pytest.raises(UnsupportedModelError, match=f'layer "(it|input)".*{words}') as caught:
        cnn2snn.quantize(model, 4, 4)
    assert caught.value.remedy
    assert not check(model).convertible


def test_a_second_layer_that_reads_shifted_images_is_refused_before_training():
    x = keras.Input((8, 8, 1))
    y = L.Rescaling(*SHIFT)(x)
    branches = [L.ReLU(6.0)(L.Conv2D(3, 3, name=name)(y)) for name in ("one", "two")]
    model = keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))
    with pytest.raises(UnsupportedModelError, match=r'layer "two": an image is read by one layer.*; split after'):
        cnn2snn.quantize(model, 4, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("role", ["kernel", "bias"])
def test_weights_that_are_not_finite_are_refused_before_training(role, value):
    model = chain((8, 8, 1), L.Conv2D(3, 3, name="it"), L.ReLU(), L.Flatten(), L.Dense(3))
    weight = getattr(model.get_layer("it"), role)
    values = np.asarray(weight).copy()
    values.flat[0] = value
    weight.assign(values)
    for widths in ((4, 4), (4, 0), (0, 4)):
        with pytest.raises(
            RuntimeError, match=f'layer "it": {role} must be finite, received {value}( in channel 0)?; train'
        ):
            cnn2snn.quantize(model, *widths)
    cnn2snn.quantize(model)


def test_all_problems_are_told_at_once_in_the_order_of_layers():
    layers = [
        L.Conv2D(4, 3, dilation_rate=2, name="dilated"),
        L.ReLU(),
        L.AveragePooling2D(2, name="average"),
        L.Conv2D(4, 3, activation="gelu", name="fused"),
        L.UpSampling2D(2, name="larger"),
        L.Flatten(),
        L.Dense(3),
    ]
    with pytest.raises(UnsupportedModelError) as caught:
        cnn2snn.quantize(chain((20, 20, 1), *layers), 4, 4)
    lines = str(caught.value).splitlines()
    assert [line.split('"')[1] for line in lines] == ["dilated", "average", "fused", "larger"]
    assert caught.value.layer == "dilated"


def test_widths_that_cannot_be_converted_are_still_allowed():
    model = chain((8, 8, 1), L.Conv2D(3, 3, name="it"), L.ReLU(), L.Flatten(), L.Dense(3))
    assert cnn2snn.quantize(model, 3, 8).get_layer("it").quantizer.bitwidth == 3
