"""AkidaNet: MobileNet with plain convolutions in its first layers, which are faster on the chip; and its variants."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.layer_blocks import separable_conv_block
from cnn2snn.zoo._parts import COMMON, classifier, conv, input_layer, separable, width

__all__ = ["akidanet18_imagenet", "akidanet_edge_imagenet", "akidanet_imagenet"]

# Filters and stride of each layer.
_CONV = ((32, 2), (64, 1), (128, 2), (128, 1))
_SEPARABLE = ((256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


def akidanet_imagenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    alpha: float = 1.0,
    include_top: bool = True,
    classes: int = 1000,
    input_scaling: tuple[float, float] | None = (128, -1),
) -> keras.Model:
    """AkidaNet for ImageNet; 4,445,000 parameters (1,384,856 at alpha 0.5, 483,392 at 0.25), usually 8/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        alpha: factor of the number of filters.
        include_top: whether global average pooling and the last layer are there.
        classes: number of classes.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model that gives potentials, not probabilities.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    for number, (filters, strides) in enumerate(_CONV):
        x = conv(x, number, width(filters, alpha), strides=strides)
    last = len(_CONV) + len(_SEPARABLE) - 1
    for number, (filters, strides) in enumerate(_SEPARABLE, start=len(_CONV)):
        average = include_top and number == last
        x = separable(x, number, width(filters, alpha), strides=strides, pooling="global_avg" if average else None)
    if include_top:
        x = classifier(x, classes, use_bias=True)
    return keras.Model(inputs, x, name=f"akidanet_{alpha:.2f}_{input_shape[0]}")


def akidanet18_imagenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    include_top: bool = True,
    classes: int = 1000,
    input_scaling: tuple[float, float] | None = (128, -1),
) -> keras.Model:
    """AkidaNet of 18 layers for ImageNet; 2,366,312 parameters, usually 8/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        include_top: whether global average pooling and the last layer are there.
        classes: number of classes.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model that gives potentials, not probabilities.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    x = conv(x, 0, 64, 4, strides=4)
    for stage, (block, filters) in enumerate(((conv, 64), (conv, 128), (separable, 256), (separable, 512))):
        for i in range(4):
            average = include_top and (stage, i) == (3, 3)
            x = block(
                x,
                4 * stage + i + 1,
                filters,
                strides=2 if stage > 0 and i == 0 else 1,
                pooling="global_avg" if average else None,
            )
    if include_top:
        x = keras.layers.Dense(classes, name="classifier")(x)
    return keras.Model(inputs, x, name=f"akidanet18_{input_shape[0]}")


def akidanet_edge_imagenet(base_model: keras.Model, classes: int) -> keras.Model:
    """An AkidaNet whose features have 1 bit, so that a last layer can learn on the chip.

    Quantize it like its base, then the activation of its features to 1 bit and its last layer to 2 bits, for instance:

        model = cnn2snn.quantize(akidanet_edge_imagenet(base, 100), 4, 4, input_weight_quantization=8)
        model = cnn2snn.quantize_layer(model, "spike_generator_relu", 1)
        model = cnn2snn.quantize_layer(model, "classifier", 2)

    Args:
        base_model: an AkidaNet with its last layer (`include_top`), whose place the new layers take, or one that ends
            in features (batch, channels).
        classes: number of classes.

    Returns:
        A float Keras model with the weights of `base_model`, whose layers it shares.

    Raises:
        UnsupportedModelError: `base_model` has no features (batch, channels).
    """
    x = base_model.output
    if base_model.layers[-1].name == "classifier":
        x = base_model.layers[-1].input
    if len(x.shape) != 2:
        raise UnsupportedModelError(
            f'model "{base_model.name}" must end in features (batch, channels), received {tuple(x.shape)}',
            kind="output_shape",
            expected="(batch, channels)",
            received=tuple(x.shape),
            remedy="build it with include_top=True",
        )
    layers = keras.layers
    x = layers.Reshape((1, 1, x.shape[-1]), name="reshape_1")(x)
    x = separable_conv_block(x, 2048, 3, name="spike_generator", add_activation=False, **COMMON)
    # One bit is 0 or 1.
    x = layers.ReLU(1.0, name="spike_generator_relu")(x)
    x = layers.Dense(classes, use_bias=False, name="classifier")(x)
    x = layers.Reshape((classes,), name="reshape_2")(x)
    return keras.Model(base_model.input, x, name=f"{base_model.name}_edge")
