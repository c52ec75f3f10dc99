"""Devices, and what they refuse of a model."""

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import NP


def network(act_step=1.0, **separable):
    options = {"weights_bits": 4, "act_bits": 4, **separable}
    model = akida.Model(
        layers=[
            akida.InputConvolutional((32, 32, 3), (3, 3), 8, "image", weights_bits=8, act_bits=4),
            akida.SeparableConvolutional((3, 3), 16, "separable_8", **options),
            akida.FullyConnected(10, "classes", weights_bits=4, activation=False),
        ]
    )
    variables = model.get_layer("separable_8").variables
    variables["act_step"] = variables["act_step"] * act_step
    return model


@pytest.mark.parametrize(
    ("device", "desc", "count"),
    [
        (akida.AKD1000(), "VirtualDevice/BC.00.000.002", 80),
        (akida.AKD1500(), "VirtualDevice/BC.A1.003.009", 32),
        (akida.TwoNodesIPv1(), "VirtualDevice/BC.A1.003.006", 8),
    ],
)
def test_documented_devices(device, desc, count):
    assert device.desc == desc
    assert desc.endswith(str(device.version))
    assert device.ip_version == akida.IpVersion.v1
    mesh = device.mesh
    assert len(mesh.nps) == len({np.ident for np in mesh.nps}) == count
    assert mesh.hrc == NP.Info.hrc()
    assert (mesh.hrc.types, mesh.hrc.has_lut) == ({NP.Type.HRC}, False)
    assert (mesh.skip_dmas, device.revision) == ((), None)
    assert sum(NP.Type.FNP2 in np.types for np in mesh.nps) == 1


def test_a_created_device_has_the_nps_asked_for():
    sram = NP.SramSize(input_bytes=1000, weight_bytes=2000)
    device = akida.create_device(3, 2, include_hrc=False, sram_size=sram, hw_version=akida.AKD1500_v1)
    types = [set(np.types) for np in device.mesh.nps]
    assert types == [{NP.Type.CNP1}] * 3 + [{NP.Type.FNP2}, {NP.Type.FNP3}]
    assert (device.mesh.hrc, device.mesh.np_sram_size) == (None, sram)
    assert (device.name, device.version) == ("custom", akida.AKD1500_v1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_cnp_tnp": -1}, "num_cnp_tnp must be an integer in 0..=4096"),
        ({"num_skip_dma_channel": 1, "hw_version": akida.NSoC_v2}, "Akida 1.0 has no skip connections"),
        ({"num_skip_dma_channel": -1}, "num_skip_dma_channel must be an integer in 0..=4096"),
        ({"hw_version": akida.HwVersion(0xBC, 0xA2, 1, 1)}, "hw_version must be one of BC.00.000.002.*BC.A2.001.000"),
        ({"hw_version": akida.HwVersion(0xBC, 0xB1, 1, 0)}, "hw_version must be one of"),
        ({"revision": "2.13"}, "revision must be one of '2.14', '2.10', or None, received '2.13'"),
        ({"revision": "2.14", "hw_version": akida.NSoC_v2}, "revision must be None for a device of Akida 1.0"),
    ],
)
def test_a_device_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        akida.create_device(**{"num_cnp_tnp": 4, "num_fnp": 1, **arguments})


def test_a_device_is_found_by_name_whatever_the_case():
    assert network().check("akd1000") == []
    with pytest.raises(
        ValueError, match="device must be one of AKD1000, AKD1500, TwoNodesIPv1, TwoNodesIPv2, SixNodesIPv2"
    ):
        network().check("AKD2000")
    with pytest.raises(TypeError, match="device must be a Device or one of"):
        network().check(1000)


def test_all_violations_come_at_once_with_their_fields():
    found = network(kernel_stride=(3, 3), padding=akida.Padding.Valid).check(akida.AKD1000())
    assert [(v.layer, v.rule) for v in found] == [("separable_8", "kernel_stride"), ("separable_8", "padding")]
    first = found[0]
    assert (first.received, first.allowed) == ("(3, 3)", "one of (1, 1), (2, 2)")
    assert (first.effect, first.standing, first.remedy) == ("software", "stated", "use (2, 2)")
    assert "hardware constraints" in first.source
    message = 'layer "separable_8": kernel_stride must be one of (1, 1), (2, 2), received (3, 3); use (2, 2)'
    assert str(first) == first.to_dict()["message"] == message


def test_a_value_too_wide_reads_as_documented():
    (violation,) = network(act_step=77892.375).check(akida.AKD1000())
    text = str(violation)
    assert text.startswith("Error when programming layer 'separable_8': ")
    assert "1246278 cannot fit in a 20-bit unsigned integer" in text
    assert violation.effect == "refused"


def test_a_model_that_is_not_complete_is_not_checked():
    with pytest.raises(RuntimeError, match="at least one layer"):
        akida.Model().check("AKD1000")


@pytest.mark.parametrize(
    "device", ["akd1000", "AKD1500", akida.TwoNodesIPv1(), akida.create_device(4, 1, hw_version=akida.NSoC_v2)]
)
def test_a_layer_is_told_what_a_device_holds_of_it(device):
    """The registers of the image convolution unit have 24 bits, those of NPs 20; 4 bits of a step are a fraction."""
    image, separable, _ = network().layers
    for layer, threshold_bits, step_bits in ((image, 24, 20), (separable, 20, 16)):
        widths = layer.widths(device)
        assert (widths.min_threshold, widths.max_threshold) == (
            -(2 ** (threshold_bits - 1)),
            2 ** (threshold_bits - 1) - 1,
        )
        assert (widths.max_step, widths.step_unit) == (2**step_bits - 1 / 16, 1 / 16)


def test_a_certificate_says_whether_a_device_holds_each_filter():
    layer = network(act_step=2.0**17).get_layer("separable_8")
    assert layer.certify(np.zeros((16, 15), np.int64), "AKD1000").held.tolist() == [0] * 16


def test_widths_and_certificates_of_a_device_that_is_not_known_are_refused():
    layer = network().get_layer("separable_8")
    with pytest.raises(ValueError, match="device must be one of AKD1000"):
        layer.widths("AKD2000")
    with pytest.raises(ValueError, match="device must be one of AKD1000"):
        layer.certify(np.zeros((16, 15), np.int64), "AKD2000")


@pytest.mark.parametrize("device", [akida.SixNodesIPv2(), akida.create_device(4, 1)])
def test_registers_of_akida2_devices_are_refused_as_there_are_none(device):
    layer = network().get_layer("separable_8")
    for ask in (
        lambda: layer.widths(device),
        lambda: layer.certify(np.zeros((16, 15), np.int64), device),
        lambda: layer.set_fitted({}, np.zeros((16, 15), np.int64), np.ones(16), device),
    ):
        with pytest.raises(ValueError, match=f"device must be one of Akida 1.0, received {device.name}; .* neither"):
            ask()
