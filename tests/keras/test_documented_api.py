"""Every name of the published documentation, at its documented place, with its documented arguments."""

import importlib
import inspect

import pytest

import cnn2snn

_CONV = "strides=(1, 1), padding='valid', use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros'"

# Place and name, arguments with their defaults. Further arguments may follow, with defaults.
SIGNATURES = {
    "cnn2snn.quantize": "model, weight_quantization=0, activ_quantization=0, input_weight_quantization=None, "
    "fold_BN=True, quantizer_function=None",
    "cnn2snn.quantize_layer": "model, target_layer, bitwidth, quantizer_function=None",
    "cnn2snn.convert": "model, file_path=None, input_scaling=None, input_is_image=True",
    "cnn2snn.check_model_compatibility": "model, input_is_image=True, device=None, input_dtype='uint8'",
    "cnn2snn.load_quantized_model": "filepath, custom_objects=None, compile_model=True",
    "cnn2snn.set_akida_version": "version",
    "cnn2snn.get_akida_version": "",
    "cnn2snn.quantization_ops.WeightQuantizer": "bitwidth",
    "cnn2snn.quantization_ops.LinearWeightQuantizer": "bitwidth",
    "cnn2snn.quantization_ops.get": "identifier",
    "cnn2snn.StdWeightQuantizer": "threshold=3, bitwidth=4",
    "cnn2snn.StdPerAxisQuantizer": "threshold=3, bitwidth=4",
    "cnn2snn.MaxQuantizer": "bitwidth=4",
    "cnn2snn.MaxPerAxisQuantizer": "bitwidth=4",
    "cnn2snn.QuantizedConv2D": f"filters, kernel_size, quantizer, {_CONV}",
    "cnn2snn.QuantizedDense": "units, use_bias=True, quantizer=None, kernel_initializer='glorot_uniform', "
    "bias_initializer='zeros'",
    "cnn2snn.QuantizedSeparableConv2D": "filters, kernel_size, quantizer, quantizer_dw=None, strides=(1, 1), "
    "padding='valid', use_bias=True",
    "cnn2snn.QuantizedDepthwiseConv2D": "kernel_size, quantizer, strides=(1, 1), padding='valid', use_bias=True",
    "cnn2snn.QuantizedActivation": "bitwidth",
    "cnn2snn.ActivationDiscreteRelu": "bitwidth=1",
    "cnn2snn.QuantizedReLU": "bitwidth=1, max_value=None",
    "cnn2snn.transforms.sequentialize": "model",
    "cnn2snn.transforms.syncretize": "model",
    "cnn2snn.transforms.invert_batchnorm_pooling": "model",
    "cnn2snn.transforms.fold_batchnorm": "model",
    "cnn2snn.transforms.cross_layer_scaling": "model",
    "cnn2snn.transforms.weights_homogeneity": "model",
    "cnn2snn.transforms.normalize_separable_layer": "layer",
    "cnn2snn.transforms.normalize_separable_model": "model",
    "cnn2snn.transforms.reshape": "model_keras, input_x, input_y",
    "cnn2snn.calibration.QuantizationSampler": "model, samples, batch_size=None",
    "cnn2snn.calibration.QuantizationSampler.select_layer": "self, layer, include_activation=False",
    "cnn2snn.calibration.QuantizationSampler.quantized_outputs": "self, batch_index=0",
    "cnn2snn.calibration.QuantizationSampler.float_outputs": "self, batch_index=0",
    "cnn2snn.calibration.QuantizationSampler.quantization_error": "self, metric",
    "cnn2snn.calibration.bias_correction": "model, samples, batch_size=None",
    "cnn2snn.calibration.adaround": "model, samples, optimizer, epochs, loss=..., batch_size=None, "
    "include_activation=False",
    "cnn2snn.calibration.activations_rescaling": "model, samples, batch_size=None",
    "cnn2snn.layer_blocks.conv_block": "inputs, filters, kernel_size, pooling=None, post_relu_gap=False, "
    "pool_size=(2, 2), add_batchnorm=False, add_activation=True",
    "cnn2snn.layer_blocks.separable_conv_block": "inputs, filters, kernel_size, strides=1, padding='same', "
    "use_bias=True, pooling=None, post_relu_gap=False, pool_size=(2, 2), add_batchnorm=False, add_activation=True, "
    "fused=True, name=None, kernel_initializer='glorot_uniform', pointwise_regularizer=None",
    "cnn2snn.layer_blocks.dense_block": "inputs, units, add_batchnorm=False, add_activation=True",
    "cnn2snn.gamma_constraint.add_gamma_constraint": "model",
    "cnn2snn.gamma_constraint.MinValueConstraint": "min_value=0.01",
}

TOP_LEVEL = (
    "ActivationDiscreteRelu",
    "AkidaVersion",
    "MaxPerAxisQuantizer",
    "MaxQuantizer",
    "QuantizedActivation",
    "QuantizedConv2D",
    "QuantizedDense",
    "QuantizedDepthwiseConv2D",
    "QuantizedReLU",
    "QuantizedSeparableConv2D",
    "StdPerAxisQuantizer",
    "StdWeightQuantizer",
    "__version__",
    "check_model_compatibility",
    "cnn2snn_objects",
    "convert",
    "get_akida_version",
    "load_quantized_model",
    "quantize",
    "quantize_layer",
    "set_akida_version",
)

MODULES = {
    "quantization_ops": (
        "LinearWeightQuantizer",
        "MaxPerAxisQuantizer",
        "MaxQuantizer",
        "StdPerAxisQuantizer",
        "StdWeightQuantizer",
        "WeightQuantizer",
    ),
    "quantization_layers": (
        "ActivationDiscreteRelu",
        "QuantizedActivation",
        "QuantizedConv2D",
        "QuantizedDense",
        "QuantizedDepthwiseConv2D",
        "QuantizedReLU",
        "QuantizedSeparableConv2D",
    ),
}

PROPERTIES = (
    ("quantization_ops", "WeightQuantizer", ("bitwidth", "scale_factor", "quantize", "get_config")),
    ("quantization_ops", "StdWeightQuantizer", ("threshold", "sigma_")),
    ("quantization_ops", "MaxQuantizer", ("max_range_",)),
    ("quantization_layers", "QuantizedActivation", ("step", "threshold", "get_config")),
)


def find(path):
    """The object at a dotted path, through attributes of the package alone."""
    found = cnn2snn
    for name in path.split(".")[1:]:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("path", SIGNATURES)
def test_arguments_are_the_documented_ones(path):
    documented = inspect.signature(eval(f"lambda {SIGNATURES[path]}: None")).parameters.values()
    actual = list(inspect.signature(find(path)).parameters.values())
    for given, parameter in zip(documented, actual, strict=False):
        assert parameter.name == given.name
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        if given.default is ...:
            assert parameter.default is not inspect.Parameter.empty
        else:
            assert parameter.default == given.default
    assert len(actual) >= len(documented)
    for parameter in actual[len(documented) :]:
        optional = parameter.default is not inspect.Parameter.empty
        assert optional or parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_name_is_exported_by_the_package(name):
    assert hasattr(cnn2snn, name)
    assert name in dir(cnn2snn)


@pytest.mark.parametrize("module", MODULES)
def test_names_are_in_their_documented_module(module):
    imported = importlib.import_module(f"cnn2snn.{module}")
    for name in MODULES[module]:
        assert inspect.isclass(getattr(imported, name))


@pytest.mark.parametrize(("module", "name", "members"), PROPERTIES)
def test_members_that_users_override_or_read_are_there(module, name, members):
    cls = getattr(importlib.import_module(f"cnn2snn.{module}"), name)
    for member in members:
        assert hasattr(cls, member)
    if module == "quantization_ops":
        assert cnn2snn.MaxQuantizer(4).kmax_ == 7


def test_objects_for_loading_are_the_documented_classes():
    expected = {
        "StdWeightQuantizer",
        "StdPerAxisQuantizer",
        "MaxQuantizer",
        "MaxPerAxisQuantizer",
        "QuantizedConv2D",
        "QuantizedSeparableConv2D",
        "QuantizedDense",
        "ActivationDiscreteRelu",
        "QuantizedReLU",
        "MinValueConstraint",
    }
    assert expected <= set(cnn2snn.cnn2snn_objects)
    assert all(cls.__name__ == name for name, cls in cnn2snn.cnn2snn_objects.items())


def test_versions_are_the_documented_ones():
    assert {version.name: version.value for version in cnn2snn.AkidaVersion} == {"v1": "v1", "v2": "v2"}
