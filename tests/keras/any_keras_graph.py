"""Random Keras models over every layer that Keras has: shapes with None, shared layers, several inputs and outputs.

Nothing is asked of them but that Keras itself builds them.
"""

import functools
import inspect
import warnings

import numpy as np

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.errors import Cnn2SnnError

L = keras.layers

_SHAPES = (
    (8, 8, 3),
    (9, 7, 1),
    (8, 8, 2),
    (None, None, 3),
    (None, 8, 1),
    (8, None, 4),
    (1, 1, 6),
    (6,),
    (1,),
    (None,),
    (6, 4),
    (None, 4),
    (4, 4, 4, 2),
    (None, 4, 4, 2),
    (2, 4, 4, 4, 2),
    (8, 8, None),
    (),
)

_ACTIVATIONS = sorted(
    name
    for name, function in vars(keras.activations).items()
    if callable(function) and not name.startswith("_") and name not in ("get", "serialize", "deserialize", "glu")
)

# What arguments may be, by name. The first of each is taken where an argument is required.
_VALUES = {
    "filters": (4, 1, 3),
    "units": (4, 1),
    "kernel_size": (3, 1, 2, (3, 1)),
    "pool_size": (2, 1, 3),
    "strides": (1, 2, None, (1, 2)),
    "padding": ("same", "valid"),
    "data_format": (None, "channels_last", "channels_first"),
    "dilation_rate": (1, 2),
    "groups": (1, 2),
    "depth_multiplier": (1, 2),
    "activation": (None, *_ACTIVATIONS),
    "use_bias": (True, False),
    "rate": (0.3, 0.0),
    "stddev": (0.1,),
    "axis": (-1, 1, 2, 3),
    "scale": (1.0, 0.0, -2.0, 1 / 255, [1.0, 2.0, 3.0], True, False),
    "offset": (0.0, -1.0, [0.0, 1.0, 2.0]),
    "center": (True, False),
    "max_value": (6.0, None, 0.5, 1),
    "negative_slope": (0.0, 0.2),
    "threshold": (0.0, 0.5),
    "alpha": (0.3,),
    "target_shape": ((-1,), (1, 1, 6), (6,), (4, -1), (3, 64)),
    "dims": ((1,), (2, 1), (3, 1, 2), (1, 2, 3)),
    "n": (2,),
    "size": (2, 1),
    "cropping": (1, 0),
    "height": (6,),
    "width": (6,),
    "height_factor": (0.2,),
    "width_factor": (0.2,),
    "factor": (0.2,),
    "l2": (0.01,),
    "input_dim": (10,),
    "output_dim": (4,),
    "num_heads": (2,),
    "key_dim": (4,),
    "head_dim": (4,),
    "num_query_heads": (2,),
    "num_key_value_heads": (1,),
    "axes": (-1, 1),
    "equation": ("...x,xy->...y",),
    "output_shape": (4, (None, 4)),
    "num_bins": (4,),
    "bin_boundaries": ([0.0, 1.0],),
    "num_tokens": (8,),
    "max_tokens": (8,),
    "keepdims": (False, True),
    "return_sequences": (False, True),
    "return_state": (False, True),
    "go_backwards": (False, True),
    "unroll": (False, True),
    "mask_value": (0.0,),
    "function": (),
    "trainable": (True, False),
    "dtype": (None, "float32", "float64", "float16", "mixed_float16", "bfloat16", "int32"),
    "name": (None,),
    "epsilon": (1e-3, 1e-12),
    "momentum": (0.9,),
}


def _layer_classes():
    found = {}
    for name in dir(L):
        cls = getattr(L, name)
        if inspect.isclass(cls) and issubclass(cls, L.Layer):
            found.setdefault(cls, name)
    left_out = (L.Layer, L.InputLayer, L.Lambda, L.Wrapper)
    return [cls for cls in found if cls not in left_out]


CLASSES = _layer_classes()
_MERGES = [cls for cls in CLASSES if cls.__name__ in ("Add", "Average", "Concatenate", "Dot", "Maximum", "Multiply")]
_MERGES += [cls for cls in CLASSES if cls.__name__ in ("Minimum", "Subtract", "Attention", "AdditiveAttention")]
# Those that a convertible network may have, which are drawn more often.
_USUAL = [
    cls
    for cls in CLASSES
    if cls.__name__
    in (
        *("Activation", "BatchNormalization", "Conv2D", "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "ReLU"),
        *(
            "GlobalAveragePooling2D",
            "MaxPooling2D",
            "Rescaling",
            "Reshape",
            "SeparableConv2D",
            "Softmax",
            "Concatenate",
        ),
    )
]


class Drawer:
    """Draws the parts of a model; every choice follows from the seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.used = []

    def chance(self, probability):
        return bool(self.rng.random() < probability)

    def pick(self, choices):
        return choices[int(self.rng.integers(len(choices)))]

    def layer(self):
        """A layer of any class, of this package's as well, or one that has been used already."""
        if self.used and self.chance(0.06):
            return self.pick(self.used)
        layer = self.quantized() if self.chance(0.15) else self.of_keras()
        self.used.append(layer)
        return layer

    def of_keras(self):
        cls = self.pick(_USUAL if self.chance(0.6) else CLASSES)
        if cls.__name__ in ("Bidirectional", "TimeDistributed", "SpectralNormalization", "RNN"):
            inner = L.LSTMCell(3) if cls.__name__ == "RNN" else (L.LSTM(3) if "Bi" in cls.__name__ else L.Dense(3))
            return cls(inner)
        arguments = {}
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            required = parameter.default is inspect.Parameter.empty
            if name in ("self", "args", "kwargs") or name not in _VALUES:
                continue
            if required and _VALUES[name]:
                arguments[name] = _VALUES[name][0]
            elif _VALUES[name] and self.chance(0.12 if name in ("data_format", "dtype", "trainable") else 0.3):
                arguments[name] = self.pick(_VALUES[name])
        if self.chance(0.02):
            arguments["dtype"] = self.pick(_VALUES["dtype"])
        return cls(**arguments)

    def quantized(self):
        cls = self.pick([cnn2snn.MaxQuantizer, cnn2snn.MaxPerAxisQuantizer, cnn2snn.StdPerAxisQuantizer])
        quantizer = cls(bitwidth=self.pick([2, 3, 4, 8]))
        return self.pick(
            [
                lambda: cnn2snn.QuantizedConv2D(4, self.pick([1, 3]), quantizer, padding=self.pick(["same", "valid"])),
                lambda: cnn2snn.QuantizedSeparableConv2D(4, 3, quantizer, strides=self.pick([1, 2])),
                lambda: cnn2snn.QuantizedDepthwiseConv2D(3, quantizer, use_bias=self.chance(0.5)),
                lambda: cnn2snn.QuantizedDense(4, quantizer),
                lambda: cnn2snn.QuantizedReLU(self.pick([1, 2, 3, 4, 9]), self.pick([None, 6.0])),
                lambda: cnn2snn.ActivationDiscreteRelu(self.pick([1, 2, 4])),
            ]
        )()

    def source(self):
        shape = self.pick(_SHAPES[:4] if self.chance(0.6) else _SHAPES)
        options = {"batch_size": 2} if self.chance(0.05) else {}
        if self.chance(0.05):
            options["dtype"] = self.pick(["uint8", "int32", "float64", "float16", "bool", "string"])
        return keras.Input(shape, **options)

    def applied(self, x, length, training=False):
        """`length` layers after one another, as far as Keras takes them, and what they give."""
        layers = []
        for _ in range(4 * length):
            if len(layers) >= length:
                break
            for layer in self.block() if self.chance(0.4) else [self.tried_layer()]:
                options = {"training": self.chance(0.5)} if training and self.chance(0.05) else {}
                made = _tried(lambda layer=layer, x=x, options=options: layer(x, **options))
                if hasattr(made, "shape"):
                    layers.append(layer)
                    x = made
        return layers, x

    def tried_layer(self):
        return _tried(self.layer) or L.Identity()

    def block(self):
        """What convertible networks are made of, and a little else."""
        neural = self.pick(
            [
                L.Conv2D(4, self.pick([1, 3]), padding=self.pick(["same", "valid"]), strides=self.pick([1, 1, 2])),
                L.SeparableConv2D(4, 3, padding="same"),
                L.DepthwiseConv2D(3, padding="same", use_bias=self.chance(0.5)),
                L.Dense(4),
                self.quantized(),
            ]
        )
        others = [
            L.BatchNormalization(scale=self.chance(0.8)),
            self.pick([L.MaxPooling2D(2), L.GlobalAveragePooling2D(), L.MaxPooling2D(3, 2, padding="same")]),
            self.pick([L.ReLU(6.0), L.ReLU(), cnn2snn.QuantizedReLU(4)]),
        ]
        self.rng.shuffle(others)
        return [neural, *(layer for layer in others if self.chance(0.6))]

    def sequential(self, length):
        source = self.source()
        layers, _ = self.applied(source, length)
        shape = [] if self.chance(0.05) else [keras.Input(source.shape[1:])]
        return keras.Sequential([*shape, *layers])

    def functional(self, length):
        inputs = [self.source() for _ in range(self.pick([1] * 10 + [2, 3]))]
        tensors = list(inputs)
        while length > 0:
            step = self.pick([1, 2, 3])
            length -= step
            # The newest is the likeliest, so that models grow long.
            x = tensors[-1] if self.chance(0.75) else self.pick(tensors)
            if self.chance(0.15):
                here = [x, *(self.pick(tensors) for _ in range(self.pick([1, 1, 2])))]
                made = _tried(lambda here=here: self.pick(_MERGES)()(here))
            elif self.chance(0.1):
                made = _tried(lambda x=x: self.nested(x))
            elif self.chance(0.05):
                made = _tried(lambda x=x: self.operation(x))
            else:
                made = self.applied(x, step, training=True)[1]
            made = made if isinstance(made, (list, tuple)) else [made]
            tensors += [tensor for tensor in made if hasattr(tensor, "shape")]
        outputs = [tensors[-1], *(self.pick(tensors) for _ in range(self.pick([0] * 12 + [1, 2])))]
        kind = self.rng.random()
        if kind < 0.03:
            outputs = {f"output_{i}": tensor for i, tensor in enumerate(outputs)}
        inputs = inputs[0] if len(inputs) == 1 and self.chance(0.8) else inputs
        return keras.Model(inputs, outputs if len(outputs) > 1 or kind > 0.97 else outputs[0])

    def operation(self, x):
        return self.pick([lambda: x + 1.0, lambda: x * x, lambda: x[:, :1], lambda: -x, lambda: 2.0 / (x + 1.0)])()

    def nested(self, tensor):
        inner = keras.Input(tensor.shape[1:])
        layers, x = self.applied(inner, self.pick([1, 2, 3]))
        model = keras.Sequential([inner, *layers]) if self.chance(0.4) else keras.Model(inner, x)
        self.used.append(model)
        return model(tensor)

    def odd(self):
        """A network that can be quantized and converted, but for a layer that is put in, left out or exchanged."""
        image = self.chance(0.7)
        source = self.source() if self.chance(0.3) else keras.Input((10, 10, self.pick([1, 3, 4])) if image else (12,))
        layers = [L.Rescaling(1 / 255)] if self.chance(0.3) else []
        for _ in range(self.pick([1, 2, 3])) if image else ():
            layers += [
                self.pick([L.Conv2D, L.SeparableConv2D])(self.pick([2, 4]), 3, padding=self.pick(["same", "valid"])),
                *self.pick([[], [L.BatchNormalization()], [L.MaxPooling2D(2), L.BatchNormalization()]]),
                L.ReLU(self.pick([6.0, None])),
            ]
        last = self.pick([[L.Flatten()], [L.Conv2D(3, 1), L.GlobalAveragePooling2D(), L.ReLU(6.0)]]) if image else []
        layers += [*last, L.Dense(4), L.ReLU(), L.Dense(2), *self.pick([[], [L.Softmax()]])]
        for _ in range(self.pick([0, 1, 1, 2])):
            place = int(self.rng.integers(len(layers)))
            layers[place : place + self.pick([0, 0, 1])] = self.pick([[], [self.tried_layer()], [self.tried_layer()]])
        x, taken = source, []
        for layer in layers:
            made = _tried(lambda layer=layer, x=x: layer(x))
            if hasattr(made, "shape"):
                x, taken = made, [*taken, layer]
        return keras.Model(source, x) if self.chance(0.5) else keras.Sequential([keras.Input(source.shape[1:]), *taken])

    def model(self):
        if self.chance(0.4):
            return self.odd()
        length = self.pick([0, 1, 2, 3, 5, 8, 12])
        return self.sequential(length) if self.chance(0.35) else self.functional(length)


def _tried(make):
    """What Keras makes; None where it refuses."""
    try:
        return make()
    except Exception:
        return None


@functools.lru_cache(maxsize=32)
def random_model(seed):
    """A model with random weights, or None where Keras does not build one."""
    keras.utils.set_random_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _tried(Drawer(seed).model)
    rng = np.random.default_rng(seed)
    for weight in () if model is None else model.weights:
        if "float" in str(weight.dtype):
            low = 0.2 if "variance" in weight.name else -0.5
            weight.assign(rng.uniform(low, 1.0, tuple(weight.shape)))
    return model


_KEEPING = (
    cnn2snn.transforms.syncretize,
    cnn2snn.transforms.cross_layer_scaling,
    cnn2snn.transforms.sequentialize,
    cnn2snn.transforms.fold_batchnorm,
    cnn2snn.transforms.fold_rescaling,
    cnn2snn.transforms.invert_batchnorm_pooling,
    cnn2snn.transforms.normalize_separable_model,
    cnn2snn.transforms.prepare,
)


def _keeping(transform, seed):
    """The transform of a model, and an error where it does not keep what a float model computes."""

    def use(model):
        transformed = transform(model)
        is_quantized = any(isinstance(layer, _QUANTIZED) for layer in model._flatten_layers())
        shape = model.inputs[0].shape[1:]
        # A Sequential model without layers cannot be called.
        is_empty = isinstance(transformed, keras.Sequential) and not transformed.layers
        if is_quantized or is_empty or None in shape or model.inputs[0].dtype != "float32":
            return
        x = np.random.default_rng(seed).uniform(0, 1, (2, *shape)).astype(np.float32)
        expected = _tried(lambda: np.asarray(model(x, training=False)))
        if expected is None or not np.isfinite(expected).all():
            return
        got = np.asarray(transformed(x, training=False))
        bound = 1e-3 * (1 + np.abs(expected).max())
        assert np.abs(got - expected).max() <= bound, f"{got.ravel()[:4]} instead of {expected.ravel()[:4]}"

    return use


_QUANTIZED = (
    *(cnn2snn.QuantizedConv2D, cnn2snn.QuantizedSeparableConv2D, cnn2snn.QuantizedDepthwiseConv2D),
    *(cnn2snn.QuantizedDense, cnn2snn.QuantizedActivation),
)


def uses(seed):
    """What is done with a model: pairs of a name and a function of the model."""
    rng = np.random.default_rng(seed)
    weights, activations, first = (int(rng.choice([0, 2, 4, 8, 3])), int(rng.choice([0, 1, 2, 4])), 8)
    image, fold = bool(rng.random() < 0.6), bool(rng.random() < 0.8)
    device = [None, None, "AKD1000", "AKD1500", "TwoNodesIPv2", "SixNodesIPv2"][int(rng.integers(6))]

    def quantize_and_convert(model):
        quantized = cnn2snn.quantize(model, weights, activations, first, fold)
        cnn2snn.check_model_compatibility(quantized, image, device)
        cnn2snn.convert(quantized, input_is_image=image)

    return (
        ("check", lambda model: str(cnn2snn.check_model_compatibility(model, image, device))),
        ("quantize and convert", quantize_and_convert),
        ("convert", lambda model: cnn2snn.convert(model, input_is_image=image)),
        ("conversion_report", lambda model: str(cnn2snn.conversion_report(model, input_is_image=image))),
        *((transform.__name__, _keeping(transform, seed)) for transform in _KEEPING),
        ("reshape", lambda model: cnn2snn.transforms.reshape(model, 12, 10)),
        ("quantize_layer", lambda model: cnn2snn.quantize_layer(model, int(rng.integers(-2, 4)), 4)),
    )


def findings(seed):
    """Every use of the model of a seed that ended in an exception of another kind, with the exception."""
    model = random_model(seed)
    found = []
    for name, use in uses(seed) if model is not None else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                use(model)
        except Cnn2SnnError:
            pass
        except Exception as error:
            found.append((name, error))
    return found
