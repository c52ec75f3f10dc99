"""Models of Akida 2.0 on devices."""

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import NP, BackendType, MapMode, PoolType, compute_minimal_memory
from tests.akida.akida2_models import model_of_every_layer
from tests.akida.test_akida2_fixtures import NAMES, Recording

# What stands in the way of each recorded network that is not placed whole: (layer, rule).
REFUSED = {
    "cnn_i4_w4_a4": [("conv2d", "weights_bits")],
    "float_int16_tensor": [("conv2d", "input_bits")],
    "k5valid_i4_w4_a4": [("conv2d", "weights_bits"), ("conv2d_1", "padding")],
    "k7pool_i8_w8_a8": [("conv2d_1", "pool_size")],
    "lut_i8_w8_a8": [("conv2d_2", "activation with max pooling"), ("conv2d_2", "the layer after max pooling")],
    "lut_i8_w8_a8_last16": [
        ("conv2d_2", "activation with max pooling"),
        ("conv2d_2", "the layer after max pooling"),
        ("dense", "output_bits"),
    ],
    "onnx_torch": [("/conv_47/Conv", "the layer after max pooling")],
    "pad_i4_w4_a4": [("conv2d", "weights_bits")],
    "pico_int16": [("pico", "layer type")],
    "skipavg_i4_w4_a4": [("conv2d", "weights_bits")],
}


def residual():
    """A model with a skip connection around two convolutions."""
    model = akida.Model(layers=[akida.InputConv2D((32, 32, 3), 8, 3, name="image"), akida.Conv2D(8, 3, name="stem")])
    stem = model.get_layer("stem")
    model.add(akida.Conv2D(8, 3, name="first"), [stem])
    model.add(akida.Conv2D(8, 3, name="second"))
    model.add(akida.Add(name="sum"), [model.get_layer("second"), stem])
    model.add(akida.Conv2D(8, 3, kernel_stride=2, pool_type=PoolType.NoPooling, name="last"))
    model.add(akida.Dequantizer(name="floats"))
    return model


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("unet_i4")])
def test_recorded_networks_are_placed_whole_but_for_published_limits(name):
    model = Recording(name).model()
    for device in (akida.TwoNodesIPv2(), akida.SixNodesIPv2()):
        found = [(violation.layer, violation.rule) for violation in model.check(device)]
        assert found == REFUSED.get(name, [])
        model.map(device, hw_only=not found)
        hardware = [s for s in model.sequences if s.backend == BackendType.Hardware]
        on_host = {layer.name for s in model.sequences if s not in hardware for layer in s.layers}
        assert on_host >= {layer for layer, _ in found}
        if not found:
            assert len(hardware) == 1
            kinds = {model.get_layer(layer).parameters.layer_type.name for layer in on_host}
            assert kinds <= {"Quantizer", "Dequantizer"}
        assert all(sequence.program_size is None for sequence in model.sequences)


def test_mapping_changes_no_result():
    model = Recording("skip_i8_w8_a8").model()
    inputs = np.random.default_rng(0).integers(0, 256, (3, *model.input_shape), np.uint8)
    before = model.forward(inputs)
    model.map(akida.SixNodesIPv2(), hw_only=True, mode=MapMode.HwPr)
    np.testing.assert_array_equal(model.forward(inputs), before)


def test_skip_connections_take_channels():
    model = residual()
    model.map(akida.create_device(8, 1, num_skip_dma_channel=1), hw_only=True)
    (pair,) = model.skip_connections
    assert [layer.name for layer in pair] == ["stem", "sum"]
    assert model.get_layer("sum").mapping.nps == ()
    without = akida.create_device(8, 1)
    (violation,) = model.check(without)
    assert str(violation) == (
        'layer "sum": skip connections at once must be at most 0, received 1; '
        "create the device with num_skip_dma_channel=1"
    )
    model.map(without)
    assert [s.name for s in model.sequences] == [
        "HW/image-stem",
        "HW/first-second",
        "SW/sum-sum",
        "HW/last-last",
        "SW/floats-floats",
    ]
    assert model.skip_connections == []
    model.map(None)
    assert model.skip_connections == []


def test_the_summary_tells_skip_connections_and_whose_counts_these_are(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    model = residual()
    model.map(akida.create_device(8, 1, num_skip_dma_channel=1, sram_size=NP.SramSize(20_000, 100)))
    model.summary()
    text = capsys.readouterr().out
    titles, _, row = text.splitlines()[2:5]
    assert (titles.split()[-2:], row.split()[-1]) == (["Skip", "DMAs"], "1")
    assert "Units of Akida 2.0 are counted by a model of this project, not by the vendor's." in text.splitlines()
    assert max(map(len, text.splitlines())) <= 80
    assert "size: about" not in text
    model.map(None)
    model.summary()
    assert "Akida 2.0" not in capsys.readouterr().out


def test_external_memory_is_told_at_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    layers = [akida.InputConv2D((128, 128, 3), 8, 3, kernel_stride=3, name="image"), akida.Conv2D(8, 3, name="conv")]
    layers.append(akida.Conv2D(16, 3, kernel_stride=2, name="half"))
    layers += [akida.DepthwiseConv2D(3, name="quarter", kernel_stride=2), akida.Dense1D(1000, name="dense")]
    model = akida.Model(layers=layers)
    model.map(akida.create_device(64, 1, sram_size=NP.SramSize(20_000, 20_000)))
    assert model.get_layer("dense").mapping is not None
    model.summary()
    text = capsys.readouterr().out
    assert "External (bytes)" in text
    assert "[128, 128, 3]" in text.split("Layer (type)")[0]
    assert max(map(len, text.splitlines())) <= 80


def test_minimal_memory_suffices_and_less_does_not():
    def device(input_bytes, weight_bytes):
        sram = NP.SramSize(input_bytes, weight_bytes)
        return akida.create_device(40, 2, num_skip_dma_channel=1, sram_size=sram)

    model = residual()
    model.map(device(3000, 300), hw_only=True, mode=MapMode.Minimal)
    counts = [len(layer.mapping.nps) for layer in model.layers if layer.mapping]
    memory = compute_minimal_memory(model)
    assert memory[0] <= 3000
    assert memory[1] <= 300
    model.map(device(*memory), hw_only=True, mode=MapMode.Minimal)
    assert [len(layer.mapping.nps) for layer in model.layers if layer.mapping] == counts
    assert compute_minimal_memory(model) == memory
    for less in ((memory[0] - 1, memory[1]), (memory[0], memory[1] - 1)):
        model.map(device(*less), mode=MapMode.Minimal)
        assert [len(layer.mapping.nps) for layer in model.layers if layer.mapping] != counts


def test_minimal_memory_of_akida1_leaves_external_weights_and_images_out():
    model = akida.Model(
        layers=[
            akida.InputConvolutional((32, 32, 3), (3, 3), 16, "image", weights_bits=8, act_bits=4),
            akida.FullyConnected(40, "classes", weights_bits=4, activation=False),
        ]
    )
    with pytest.raises(RuntimeError, match="the model is not mapped; call map first"):
        compute_minimal_memory(model)
    with pytest.raises(TypeError, match="model must be a Model"):
        compute_minimal_memory("AKD1000")
    model.map("AKD1000")
    (np_,) = model.get_layer("classes").mapping.nps
    assert np_.type == NP.Type.FNP2
    assert compute_minimal_memory(model) == (np_.input_size, 0)


def test_events_are_counted_and_nothing_is_estimated():
    model = model_of_every_layer()
    inputs = np.random.default_rng(1).uniform(-1, 1, (3, *model.input_shape)).astype(np.float32)
    for device in (akida.SixNodesIPv2(), akida.create_device(20, 2, 4, sram_size=NP.SramSize(10**5, 10**5))):
        model.map(device)
        statistics = model.measure(inputs)
        taps = model.forward_taps(inputs)
        for layer, tap in zip(model.layers[:-1], taps, strict=False):
            sparsity = statistics.layers[layer.name].sparsity
            assert sparsity == pytest.approx(1 - np.count_nonzero(tap) / tap.size)
        assert sum(layer.effective_macs for layer in statistics.layers.values()) > 0
        with pytest.raises(RuntimeError, match=f"no estimate for {device.name}: no public benchmark .* it takes$"):
            model.estimate()
