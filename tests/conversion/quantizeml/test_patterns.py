"""Which sequences of layers become a layer of Akida, and that no other does. The tables here are a second copy."""

import itertools

import pytest

from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.quantizeml.akida1 import plan_akida1
from cnn2snn.errors import Cnn2SnnError, UnsupportedModelError
from tests.conversion.quantizeml.files import Model

FOLLOWERS = ("ReLU", "LUT", "MaxPool2D", "GAP")
# The layers that can have an output quantizer.
LAST = (
    "Conv2D",
    "DepthwiseConv2D",
    "SeparableConv2D",
    "Conv2DTranspose",
    "DepthwiseConv2DTranspose",
    "Dense",
    "BufferTempConv",
    "DepthwiseBufferTempConv",
    "Add",
    "ReLU",
    "LUT",
    "GAP",
)

# What may follow a layer, without what follows the Akida layer that they become.
AKIDA2 = {
    "Conv2D": ["", "ReLU", "MaxPool2D-ReLU", "ReLU-GAP", "GAP", "LUT", "MaxPool2D-LUT", "LUT-GAP"],
    "DepthwiseConv2D": ["", "ReLU", "MaxPool2D-ReLU", "LUT", "MaxPool2D-LUT"],
    "Conv2DTranspose": ["", "ReLU", "LUT"],
    "DepthwiseConv2DTranspose": ["", "ReLU", "LUT"],
    "Dense": ["", "ReLU"],
    "BufferTempConv": ["", "ReLU"],
    "DepthwiseBufferTempConv": ["", "ReLU"],
    "Add": [""],
    "Concatenate": [""],
}
AKIDA2_IMAGE = ["ReLU", "MaxPool2D-ReLU", "LUT", "MaxPool2D-LUT"]
AKIDA1 = {
    "Conv2D": ["", "ReLU", "MaxPool2D-ReLU", "GAP-ReLU", "GAP"],
    "SeparableConv2D": ["", "ReLU", "MaxPool2D-ReLU", "GAP-ReLU", "GAP"],
    "Dense": ["", "ReLU"],
}
AKIDA1_IMAGE = ["ReLU", "MaxPool2D-ReLU"]

SEQUENCES = ["-".join(tail) for length in range(4) for tail in itertools.product(FOLLOWERS, repeat=length)]


def quantizer(bits, signed=True):
    return {"output_quantizer": {"bitwidth": bits, "signed": signed, "axis": "per-tensor"}}


def add(model, kind, name, channels, bits, act_bits=8):
    """Adds a layer whose inputs have `channels`; `bits` is the width of its output quantizer, None for none."""
    quant = {} if bits is None else quantizer(bits)
    ranges = {} if bits is None else Model.ranges()
    weights = {"weight_quantizer": {"bitwidth": 4 if act_bits == 4 else 8}}
    random, neural = model.random, {**quant, **weights}
    if kind in ("Conv2D", "Conv2DTranspose"):
        transposed = kind == "Conv2DTranspose"
        kernel = random.normal(size=(3, 3, 4, channels) if transposed else (3, 3, channels, 4))
        strides = [2, 2] if transposed else [1, 1]
        config = {"filters": 4, "kernel_size": [3, 3], "padding": "same", "use_bias": False, "strides": strides}
        return model.add(f"Quantized{kind}", name, None, {"kernel": kernel, **ranges}, quant_config=neural, **config)
    if kind in ("DepthwiseConv2D", "DepthwiseConv2DTranspose"):
        kernel = random.normal(size=(3, 3, channels, 1))
        strides = [2, 2] if kind.endswith("Transpose") else [1, 1]
        config = {"kernel_size": [3, 3], "padding": "same", "use_bias": False, "strides": strides}
        if kind == "DepthwiseConv2D":
            neural["weight_quantizer"] = {**neural["weight_quantizer"], "axis": -2}
        variables = {"depthwise_kernel": kernel, **ranges}
        return model.add(f"Quantized{kind}", name, None, variables, quant_config=neural, **config)
    if kind == "SeparableConv2D":
        variables = {
            "depthwise_kernel": random.normal(size=(3, 3, channels, 1)),
            "pointwise_kernel": random.normal(size=(1, 1, channels, 4)),
            **ranges,
        }
        widths = {"dw_weight_quantizer": {"bitwidth": 4}, "pw_weight_quantizer": {"bitwidth": 4}}
        config = {"filters": 4, "kernel_size": [3, 3], "padding": "same", "use_bias": False}
        return model.add(f"Quantized{kind}", name, None, variables, quant_config={**quant, **widths}, **config)
    if kind == "Dense":
        variables = {"kernel": random.normal(size=(channels, 4)), **ranges}
        return model.add("QuantizedDense", name, None, variables, units=4, use_bias=False, quant_config=neural)
    if kind in ("BufferTempConv", "DepthwiseBufferTempConv"):
        depthwise = kind.startswith("Depthwise")
        kernel = random.normal(size=(2, channels) if depthwise else (1, 1, 2 * channels, 4))
        config = {"kernel_size": 2, "use_bias": False} | ({} if depthwise else {"filters": 4})
        return model.add(f"Quantized{kind}", name, None, {"kernel": kernel, **ranges}, quant_config=neural, **config)
    if kind in ("Add", "Concatenate"):
        sources = [model.last, model.last]
        sources[0] = model.conv(f"{name}_left", channels, channels, output_bits=8)
        model.last = sources[1]
        config = {"quant_config": quant} if kind == "Add" else {}
        return model.add(f"Quantized{kind}", name, sources, ranges if kind == "Add" else {}, **config)
    if kind == "ReLU":
        own = {} if bits is None else quantizer(bits, bits >= 8)
        return model.add("QuantizedReLU", name, None, ranges, max_value=6.0, quant_config=own)
    if kind == "LUT":
        return model.add("QuantizedActivation", name, None, ranges, activation="gelu", quant_config=quant)
    if kind == "MaxPool2D":
        return model.add("QuantizedMaxPool2D", name, padding="same")
    if kind == "GAP":
        return model.add("QuantizedGlobalAveragePooling2D", name, None, ranges, keepdims=True, quant_config=quant)
    raise AssertionError(kind)


def chain(model, kinds, channels, act_bits=8, prefix="layer"):
    """Adds a block. Its last layer that can has an output quantizer, layers before tables one of 11 bits."""
    able = [i for i, kind in enumerate(kinds) if kind in LAST]
    for i, kind in enumerate(kinds):
        behind = next((k for k in kinds[i + 1 :] if k != "MaxPool2D"), None)
        bits = 11 if behind == "LUT" and kind in LAST else None
        if able and i == able[-1]:
            bits = act_bits if kind == "ReLU" else 8
        add(model, kind, f"{prefix}_{i}", channels if i == 0 else 4, bits, act_bits)


def split(sequence):
    return sequence.split("-") if sequence else []


def refused(plan, model):
    """The error for a sequence: it names the layers, the sequence, the nearest that are allowed, and the remedy."""
    with pytest.raises(Cnn2SnnError) as caught:
        plan(model.network())
    error = caught.value
    if error.kind == "pattern":
        assert isinstance(error, UnsupportedModelError)
        assert '"layer_' in str(error)
        assert f"computes {error.received}, nearest are {error.expected[0]}" in str(error)
        assert error.remedy
    else:
        # A pooling behind a global average finds no map.
        assert error.kind == "input_shape"
    return error


@pytest.mark.parametrize("main", AKIDA2)
def test_the_sequences_of_the_table_and_no_others_become_layers_of_akida_2(main):
    for sequence in SEQUENCES:
        model = Model((1, 1, 5) if main == "Dense" else (8, 8, 5), "int8")
        if main in ("Add", "Concatenate"):
            model.conv("first", 5, 5, output_bits=8)
        chain(model, [main, *split(sequence)], 5)
        model.end()
        if sequence in AKIDA2[main]:
            *_, layer, dequantizer = plan_model(model.network()).layers
            assert layer.type_name == ("Dense1D" if main == "Dense" else main), sequence
            assert (layer.name, dequantizer.type_name) == ("layer_0", "Dequantizer")
        else:
            refused(plan_model, model)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_the_sequences_of_the_table_and_no_others_become_image_layers_of_akida_2(dtype):
    for sequence in SEQUENCES:
        model = Model((8, 8, 3), dtype)
        chain(model, ["Conv2D", *split(sequence)], 3)
        model.end()
        if dtype == "uint8" and sequence in AKIDA2_IMAGE:
            assert plan_model(model.network()).layers[0].type_name == "InputConv2D", sequence
        elif dtype == "int8" and sequence in AKIDA2["Conv2D"]:
            assert [layer.type_name for layer in plan_model(model.network()).layers[:2]] == ["InputData", "Conv2D"]
        elif sequence in AKIDA2["Conv2D"]:
            with pytest.raises(ValueError, match="only signed inputs"):
                plan_model(model.network())
        else:
            refused(plan_model, model)


FLATTEN, VECTOR, ROWS = ("Flatten", {}), ("Reshape", {"target_shape": [16]}), ("Reshape", {"target_shape": [8, 2]})
DROPOUT, TURN = ("Dropout", {"rate": 0.1}), ("Permute", {"dims": [2, 1, 3]})


def before_dense(layers, act_bits):
    """A model whose dense layer stands behind an image layer and `layers`."""
    model = Model((2, 2, 3))
    chain(model, ["Conv2D", "ReLU"], 3, act_bits)
    for i, (kind, config) in enumerate(layers):
        model.add(f"Quantized{kind}", f"layer_move_{i}", **config)
    model.dense("dense", 16, 5, quant_config={"weight_quantizer": {"bitwidth": act_bits}})
    return model.end()


@pytest.mark.parametrize(("plan", "act_bits"), [(plan_model, 8), (plan_akida1, 4)])
def test_what_may_stand_before_a_dense_layer(plan, act_bits):
    for layers in ([FLATTEN], [VECTOR], [ROWS, FLATTEN], [DROPOUT, FLATTEN, DROPOUT], [FLATTEN, VECTOR]):
        found = plan(before_dense(layers, act_bits).network()).layers
        names = [layer.name if plan is plan_model else layer.plan.name for layer in found]
        assert "dense" in names
    for layers in ([FLATTEN, FLATTEN], [ROWS, VECTOR], [FLATTEN, ROWS, FLATTEN], [TURN, FLATTEN]):
        refused(plan, before_dense(layers, act_bits))


@pytest.mark.parametrize("main", AKIDA1)
def test_the_sequences_of_the_table_and_no_others_become_layers_of_akida_1(main):
    names = {"Conv2D": "Convolutional", "SeparableConv2D": "SeparableConvolutional", "Dense": "FullyConnected"}
    for sequence in SEQUENCES:
        model = Model((8, 8, 3))
        chain(model, ["Conv2D", "ReLU"], 3, 4, prefix="first")
        if main == "Dense":
            model.add("QuantizedFlatten", "flatten")
        kinds = [main, *split(sequence)]
        chain(model, kinds, 256 if main == "Dense" else 4, 4)
        model.end()
        if sequence in AKIDA1[main]:
            # Akida 1.0 ends in levels of a ReLU or in potentials.
            last = model.layers[-2]
            if last["class_name"] != "Custom>QuantizedReLU":
                last["config"].get("quant_config", {}).pop("output_quantizer", None)
            assert plan_akida1(model.network()).layers[-1].plan.type_name == names[main], sequence
        else:
            refused(plan_akida1, model)


@pytest.mark.parametrize(
    ("plan", "kind", "nearest"),
    [(plan_akida1, "DepthwiseConv2D", "SeparableConv2D"), (plan_model, "SeparableConv2D", "DepthwiseConv2D")],
)
def test_a_layer_that_a_generation_lacks_is_near_the_one_that_it_has(plan, kind, nearest):
    model = Model((8, 8, 3))
    chain(model, ["Conv2D", "ReLU"], 3, 4, prefix="first")
    chain(model, [kind], 4, 4)
    error = refused(plan, model.end())
    generation = "1.0" if plan is plan_akida1 else "2.0"
    assert f"no layer of Akida {generation} computes {kind}, nearest are {nearest}, " in str(error)


def test_the_nearest_sequences_have_the_layers_of_the_one_that_was_found():
    model = Model((8, 8, 3))
    chain(model, ["Conv2D", "ReLU"], 3, prefix="first")
    chain(model, ["Conv2D", "GAP", "ReLU"], 4)
    average = "GlobalAveragePooling2D"
    expected = {f"Conv2D-{average}", "Conv2D-ReLU", f"Conv2D-ReLU-{average}"}
    assert set(refused(plan_model, model.end()).expected[:3]) == expected


def test_of_a_layer_that_is_like_no_other_the_simplest_sequences_are_named():
    model = Model((8, 8, 3))
    chain(model, ["Conv2D", "ReLU"], 3, 4, prefix="first")
    chain(model, ["Add"], 4, 4)
    model.conv("last", 4, 4)
    with pytest.raises(UnsupportedModelError, match=r"computes Add, nearest are Conv2D, Conv2D-ReLU, "):
        plan_akida1(model.end().network())
