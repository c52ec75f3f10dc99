"""Networks from Keras on chips."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida, zoo
from cnn2snn._keras import keras
from cnn2snn.akida import MapMode

# With the widths that they are usually quantized to: input weights, weights, activations.
NETWORKS = {
    "akidanet": (zoo.akidanet_imagenet, {"input_shape": (96, 96, 3), "alpha": 0.25, "classes": 2}, (8, 4, 4)),
    "mobilenet": (zoo.mobilenet_imagenet, {"input_shape": (96, 96, 3), "alpha": 0.25, "classes": 10}, (8, 4, 4)),
    "ds_cnn": (zoo.ds_cnn_kws, {}, (8, 4, 4)),
    "vgg": (zoo.vgg_utk_face, {}, (8, 2, 2)),
    "gxnor": (zoo.gxnor_mnist, {}, (2, 2, 1)),
    "convtiny": (zoo.convtiny_dvs_gesture, {}, (4, 4, 4)),
    "yolo": (zoo.yolo_base, {"input_shape": (96, 96, 3), "alpha": 0.25}, (8, 4, 4)),
    "convtiny_handy": (zoo.convtiny_dvs_handy, {}, (4, 4, 4)),
    "pointnet": (zoo.pointnet_plus_modelnet40, {"input_shape": (256, 8, 3)}, (8, 4, 4)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_reference_networks_run_on_both_chips_alone(name):
    builder, arguments, (image, weights, activations) = NETWORKS[name]
    model = builder(**arguments)
    quantized = cnn2snn.quantize(model, weights, activations, image)
    check_alone_on_both_chips(cnn2snn.convert(quantized, input_is_image=model.input_shape[-1] in (1, 3)))


def test_a_network_that_ends_in_spikes_runs_on_both_chips_alone():
    base = zoo.akidanet_imagenet((96, 96, 3), alpha=0.25, classes=2)
    model = cnn2snn.quantize(zoo.akidanet_edge_imagenet(base, 10), 4, 4, input_weight_quantization=8)
    model = cnn2snn.quantize_layer(model, "spike_generator_relu", 1)
    check_alone_on_both_chips(cnn2snn.convert(cnn2snn.quantize_layer(model, "classifier", 2)))


def test_akidanet18_has_a_first_kernel_that_the_chips_lack():
    model = cnn2snn.quantize(zoo.akidanet18_imagenet((96, 96, 3), classes=2), 4, 4, 8)
    found = cnn2snn.convert(model).check("AKD1500")
    broken = [(violation.layer, violation.rule) for violation in found if violation.effect == "software"]
    assert broken == [("conv_0", "kernel_size"), ("conv_0", "kernel_stride")]


def check_alone_on_both_chips(network):
    """Maps a network with steps and thresholds that fit, in every mode."""
    for layer in network.layers:
        # Steps of networks that were never trained can be too wide for any chip.
        if "act_step" in layer.variables:
            layer.variables["act_step"] = np.ones_like(layer.variables["act_step"])
            layer.variables["threshold"] = np.zeros_like(layer.variables["threshold"])
    for device in (akida.AKD1000(), akida.AKD1500()):
        for mode in MapMode:
            network.map(device, hw_only=True, mode=mode)
            (sequence,) = network.sequences
            assert list(sequence.layers) == network.layers


def tutorial_network(gamma, thresholds):
    """A separable layer one of whose batch normalization gammas is `gamma`. Folded, its scale would be bounded."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv_0"),
            layers.BatchNormalization(name="conv_0_norm"),
            layers.ReLU(6.0, name="conv_0_relu"),
            layers.SeparableConv2D(8, 3, padding="same", use_bias=False, name="separable_8"),
            layers.BatchNormalization(name="separable_8_norm"),
            layers.ReLU(6.0, name="separable_8_relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(4, name="classes"),
        ]
    )
    norm = model.get_layer("separable_8_norm")
    norm.set_weights([np.where(np.arange(8) == 5, gamma, 1.0).astype(np.float32), *norm.get_weights()[1:]])
    return cnn2snn.convert(cnn2snn.quantize(model, 4, 4, 8, fold_BN=False), thresholds=thresholds)


def test_a_tiny_gamma_gives_the_documented_error_and_names_its_filter():
    tutorial_network(gamma=1.0, thresholds="floor").map("AKD1000", hw_only=True)
    with pytest.raises(RuntimeError, match="Error when programming layer 'separable_8': ") as caught:
        tutorial_network(gamma=1e-6, thresholds="floor").map("AKD1000")
    text = str(caught.value)
    assert "act_step of filter 5 (1 filter in all)" in text
    assert "cannot fit in a 20-bit unsigned integer" in text
    assert "constrain every gamma to 0.01 or more" in text


def test_fitted_thresholds_and_steps_of_a_filter_out_of_reach_fit_the_chip():
    tutorial_network(gamma=1e-6, thresholds="fit").map("AKD1000", hw_only=True)


def test_a_network_refused_before_training_fits_once_its_normalizations_know_their_inputs():
    keras.utils.set_random_seed(1)
    model = zoo.akidanet_imagenet((96, 96, 3), alpha=0.25, classes=2)
    inputs = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3)).repeat(8, 1).repeat(8, 2).astype(np.float32)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.5

    def convert():
        return cnn2snn.convert(cnn2snn.quantize(model, 4, 4, 8))

    with pytest.raises(RuntimeError, match=r"train it .*; global average pooling sums 9 positions"):
        convert().map("AKD1000")
    for _ in range(8):
        model(inputs, training=True)
    convert().map("AKD1000", hw_only=True)
