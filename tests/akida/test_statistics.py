"""Sparsity, events, effective multiply-accumulates, and estimates made of them."""

import numpy as np
import pytest

from cnn2snn import akida


def test_statistics_are_those_of_the_outputs_of_each_layer(model, inputs):
    taps = model.forward_taps(inputs)
    statistics = model.measure(inputs)
    assert statistics == model.statistics
    assert statistics.samples == len(inputs)
    assert list(statistics.layers) == [layer.name for layer in model.layers]
    reads = [inputs, *taps[:-1]]
    for layer, read, output in zip(model.layers, reads, taps, strict=True):
        counted = statistics.layers[layer.name]
        assert counted.sparsity == pytest.approx((output == 0).mean(), abs=1e-12)
        assert counted.events == pytest.approx(np.count_nonzero(read) / len(inputs), rel=1e-12)
        density = np.count_nonzero(read) / read.size
        assert counted.effective_macs == pytest.approx(layer.macs * density, rel=1e-12)
    assert statistics.effective_macs == pytest.approx(sum(s.effective_macs for s in statistics.layers.values()))


def test_events_of_a_joined_map_are_those_of_its_inbounds():
    source = akida.InputData((1, 1, 4), name="source")
    network = akida.Model(layers=[source])
    network.add(akida.FullyConnected(3, "left"), [source])
    network.add(akida.FullyConnected(5, "right"), [source])
    network.add(akida.Concat("join"), network.layers[1:])
    for layer in network.layers[1:3]:
        layer.set_variable("threshold", np.full(layer.output_dims[2], -1, np.int32))
    statistics = network.measure(np.zeros((2, 1, 1, 4), np.uint8))
    assert statistics.layers["source"].sparsity == 1
    assert (statistics.layers["join"].events, statistics.layers["join"].sparsity) == (8, 0)


def test_sparsity_has_its_documented_form(model, inputs):
    sparsity = akida.evaluate_sparsity(model, inputs)
    assert sparsity == {name: layer.sparsity for name, layer in model.statistics.layers.items()}


def test_statistics_do_not_outlive_an_edit(model, inputs):
    assert not model.statistics
    model.measure(inputs)
    model.get_layer("conv").set_variable("threshold", np.zeros(6, np.int32))
    assert not model.statistics


def test_wrong_inputs_are_refused(model):
    with pytest.raises(ValueError, match="shape"):
        model.measure(np.zeros((1, 2, 2, 3), np.uint8))
    with pytest.raises(TypeError):
        model.measure([[1]])


def image_network(filters):
    return akida.Model(
        layers=[
            akida.InputConvolutional((32, 32, 1), (3, 3), filters, "image", act_bits=4),
            akida.FullyConnected(4, "classes", weights_bits=4, activation=False),
        ]
    )


def test_an_estimate_is_worked_out_from_the_constants_of_the_device():
    network = image_network(8)
    network.map("AKD1500", hw_only=True)
    network.measure(np.ones((1, 32, 32, 1), np.uint8))
    estimate = network.estimate()
    image, classes = estimate.layers["image"], estimate.layers["classes"]
    # 2.01 cycles per output, 1.94 per weight, at 400 MHz; outputs are all zero, images all one.
    assert image.latency_ms == pytest.approx(2.01 * 32 * 32 * 8 / 400e3)
    assert classes.latency_ms == pytest.approx(1.94 * 32 * 32 * 8 * 4 / 400e3)
    assert estimate.latency_ms == pytest.approx(image.latency_ms + classes.latency_ms)
    assert estimate.fps == pytest.approx(1000 / estimate.latency_ms)
    assert classes.energy_mj == pytest.approx(112.5 * classes.latency_ms / 1e3)
    assert image.energy_mj == pytest.approx(112.5 * image.latency_ms / 1e3 + 25.01e-9 * 32 * 32 * 9 * 8)
    assert str(estimate).startswith("estimated, not measured: ")
    assert 0 < estimate.latency_error[0] < estimate.latency_error[1]
    assert "held out" in estimate.source


def test_there_is_no_estimate_without_its_grounds(model, inputs):
    images = np.ones((1, 32, 32, 1), np.uint8)
    network = image_network(8)
    with pytest.raises(RuntimeError, match="not mapped"):
        network.estimate()
    network.map("AKD1000")
    with pytest.raises(RuntimeError, match="call measure"):
        network.estimate()
    network.measure(images)
    with pytest.raises(RuntimeError, match="no estimate for AKD1000: no public benchmark"):
        network.estimate()
    model.map("AKD1500")
    model.measure(inputs)
    with pytest.raises(RuntimeError, match="runs in software"):
        model.estimate()
