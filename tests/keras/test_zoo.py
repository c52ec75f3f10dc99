"""Reference networks: the published numbers of parameters, and a way to the engine."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import zoo
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

PARAMETERS = [
    (zoo.ds_cnn_kws, {}, 23_713),
    (zoo.vgg_utk_face, {}, 459_249),
    (zoo.gxnor_mnist, {}, 1_633_074),
    (zoo.convtiny_dvs_gesture, {}, 139_040),
    (zoo.convtiny_dvs_handy, {}, 1_714_656),
    (zoo.mobilenet_imagenet, {"alpha": 1.0}, 4_233_024),
    (zoo.mobilenet_imagenet, {"alpha": 0.5}, 1_331_616),
    (zoo.mobilenet_imagenet, {"alpha": 0.25}, 469_584),
    (zoo.akidanet_imagenet, {"alpha": 1.0}, 4_445_000),
    (zoo.akidanet_imagenet, {"alpha": 0.5}, 1_384_856),
    (zoo.akidanet_imagenet, {"alpha": 0.25}, 483_392),
    (zoo.akidanet18_imagenet, {}, 2_366_312),
    (zoo.pointnet_plus_modelnet40, {}, 609_864),
    (zoo.yolo_base, {}, 6_645_630),
]

# Networks small enough for a test, the widths that they are usually quantized to (input weights, weights,
# activations), and the shape of the converted network's outputs.
SMALL = [
    (zoo.ds_cnn_kws, {}, (8, 4, 4), (1, 1, 33)),
    (zoo.vgg_utk_face, {}, (8, 2, 2), (1, 1, 1)),
    (zoo.gxnor_mnist, {}, (2, 2, 1), (1, 1, 10)),
    (zoo.convtiny_dvs_gesture, {}, (4, 4, 4), (1, 1, 10)),
    (zoo.convtiny_dvs_handy, {"input_shape": (33, 40, 2)}, (4, 4, 4), (1, 1, 9)),
    (zoo.mobilenet_imagenet, {"input_shape": (32, 32, 3), "alpha": 0.25, "classes": 7}, (8, 4, 4), (1, 1, 7)),
    (zoo.akidanet_imagenet, {"input_shape": (32, 32, 3), "alpha": 0.25, "classes": 7}, (8, 4, 4), (1, 1, 7)),
    (zoo.akidanet18_imagenet, {"input_shape": (32, 32, 3), "classes": 7}, (8, 4, 4), (1, 1, 7)),
    (zoo.pointnet_plus_modelnet40, {"input_shape": (64, 8, 3)}, (8, 4, 4), (1, 1, 40)),
    (zoo.yolo_base, {"input_shape": (32, 32, 3), "alpha": 0.25}, (8, 4, 4), (1, 1, 30)),
]


@pytest.mark.parametrize(("builder", "arguments", "expected"), PARAMETERS, ids=lambda v: getattr(v, "__name__", None))
def test_networks_have_the_published_numbers_of_parameters(builder, arguments, expected):
    assert builder(**arguments).count_params() == expected


@pytest.mark.parametrize(("builder", "arguments", "bits", "outputs"), SMALL, ids=lambda v: getattr(v, "__name__", None))
def test_networks_are_quantized_and_converted(builder, arguments, bits, outputs):
    model = builder(**arguments)
    quantized = cnn2snn.quantize(model, bits[1], bits[2], bits[0])
    is_image = model.input_shape[-1] in (1, 3)
    converted = cnn2snn.convert(quantized, input_is_image=is_image)
    shape = (1, *model.input_shape[1:])
    inputs = np.random.default_rng(0).integers(0, 256 if is_image else 16, shape, dtype=np.uint8)
    assert converted.forward(inputs).shape == (1, *outputs)
    assert converted.forward(inputs).dtype == np.int32


def test_akidanet_for_learning_on_the_chip_has_features_of_one_bit():
    base = zoo.akidanet_imagenet((32, 32, 3), alpha=0.25)
    model = zoo.akidanet_edge_imagenet(base, 5)
    assert model.output_shape == (None, 5)
    model = cnn2snn.quantize(model, 4, 4, 8)
    model = cnn2snn.quantize_layer(model, "spike_generator_relu", 1)
    model = cnn2snn.quantize_layer(model, "classifier", 2)
    converted = cnn2snn.convert(model)
    classifier = converted.get_layer("classifier")
    assert classifier.input_bits == 1
    assert classifier.parameters.weights_bits == 2


def test_akidanet_without_features_is_refused_as_base():
    base = zoo.akidanet_imagenet((32, 32, 3), alpha=0.25, include_top=False)
    with pytest.raises(UnsupportedModelError, match="include_top=True"):
        zoo.akidanet_edge_imagenet(base, 5)


def test_input_scaling_is_a_rescaling_layer_or_none():
    model = zoo.ds_cnn_kws(input_scaling=(128, -1))
    assert model.get_layer("rescaling").scale == 1 / 128
    assert model.get_layer("rescaling").offset == -1
    names = [layer.name for layer in zoo.ds_cnn_kws(input_scaling=None).layers]
    assert "rescaling" not in names
    with pytest.raises(InvalidArgumentError, match="greater than zero"):
        zoo.ds_cnn_kws(input_scaling=(0, 1))


def test_alpha_that_leaves_no_filter_is_refused():
    with pytest.raises(InvalidArgumentError, match="at least one of 32 filters"):
        zoo.mobilenet_imagenet(alpha=0.01)


def test_networks_with_weights_are_named_with_what_takes_their_place():
    with pytest.raises(AttributeError, match=r"ds_cnn_kws_pretrained.*without trained weights.*load_quantized_model"):
        zoo.ds_cnn_kws_pretrained  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        zoo.nothing  # noqa: B018
