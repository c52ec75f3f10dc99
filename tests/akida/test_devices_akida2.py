"""Devices of Akida 2.0, and what they refuse of a model."""

import inspect

import pytest

from cnn2snn import akida
from cnn2snn.akida import NP, ActivationType, IpVersion, MapMode, PoolType
from cnn2snn.errors import MappingError


def network(**changes):
    """Layers for images of 32x32, each of which `changes` may alter by its name."""
    image = {"input_shape": (32, 32, 3), "filters": 8, "kernel_size": 3, "kernel_stride": 2}
    return akida.Model(
        layers=[
            akida.InputConv2D(**{**image, "name": "image", **changes.get("image", {})}),
            akida.Conv2D(**{"filters": 16, "kernel_size": 3, "name": "conv", **changes.get("conv", {})}),
            akida.DepthwiseConv2D(**{"kernel_size": 3, "name": "depthwise", **changes.get("depthwise", {})}),
            akida.Dense1D(**{"units": 4, "name": "classes", **changes.get("classes", {})}),
            akida.Dequantizer(name="floats"),
        ]
    )


SMALL = {"depthwise": {"kernel_stride": 2, "pool_type": PoolType.Average}}


@pytest.mark.parametrize(("make", "count"), [(akida.TwoNodesIPv2, 8), (akida.SixNodesIPv2, 24)])
def test_documented_devices(make, count):
    device = make()
    assert device.name == make.__name__
    assert device.desc == "VirtualDevice/BC.A2.001.000"
    assert (device.version, device.ip_version, device.revision) == (akida.FPGA_v2, IpVersion.v2, "2.14")
    mesh = device.mesh
    assert len(mesh.nps) == len({np.ident for np in mesh.nps}) == count
    assert (mesh.hrc, mesh.np_sram_size, mesh.skip_dmas) == (NP.Info.hrc(has_lut=True), None, None)
    kinds = {NP.Type.CNP1, NP.Type.TNP_B, NP.Type.TNP_R}
    assert all(kinds < np.types and np.has_lut for np in mesh.nps)
    assert sum(NP.Type.FNP2 in np.types for np in mesh.nps) == 1
    assert network(**SMALL).check(make.__name__.lower()) == []


def test_a_created_device_is_of_akida2_unless_its_version_says_otherwise():
    assert inspect.signature(akida.create_device).parameters["hw_version"].default is akida.FPGA_v2
    assert akida.create_device(4, 1).ip_version == IpVersion.v2
    for version in (akida.NSoC_v2, akida.AKD1500_v1, akida.TwoNodesIP_v1):
        assert akida.create_device(4, 1, hw_version=version).ip_version == IpVersion.v1
        assert version.ip_version == IpVersion.v1


def test_a_created_device_has_what_was_asked_for():
    sram = NP.SramSize(input_bytes=1000, weight_bytes=2000)
    device = akida.create_device(2, 3, num_skip_dma_channel=2, include_hrc=False, sram_size=sram)
    types = [set(np.types) for np in device.mesh.nps]
    convolves = {NP.Type.CNP1, NP.Type.TNP_B, NP.Type.TNP_R}
    assert types == [convolves] * 2 + [{NP.Type.FNP2}, {NP.Type.FNP3}, {NP.Type.FNP3}]
    assert (device.name, device.mesh.hrc, device.mesh.np_sram_size) == ("custom", None, sram)
    ends = [(set(dma.types), dma.ident.channel) for dma in device.mesh.skip_dmas]
    store, load = {NP.Type.SKIP_DMA_STORE}, {NP.Type.SKIP_DMA_LOAD}
    assert ends == [(store, 0), (load, 0), (store, 1), (load, 1)]
    assert akida.create_device(2, 3).mesh.np_sram_size is None


@pytest.mark.parametrize("make", [akida.TwoNodesIPv2, akida.SixNodesIPv2, lambda **k: akida.create_device(9, 2, **k)])
def test_an_older_revision_has_8_bits_alone(make):
    model = network(conv={"weights_bits": 4}, **SMALL)
    assert model.check(make(revision="2.14")) == []
    old = make(revision="2.10")
    assert (old.revision, old.name) == ("2.10", f"{make().name}@2.10")
    (found,) = model.check(old)
    assert (found.layer, found.rule, found.received, found.allowed) == ("conv", "weights_bits", "4", "8")
    assert found.remedy == "quantize it to 8 bits"
    with pytest.raises(ValueError, match=r"revision must be one of '2\.14', '2\.10', or None, received '2\.7'"):
        make(revision="2.7")
    with pytest.raises(TypeError, match=r"revision must be one of '2\.14', '2\.10', or None"):
        make(revision=2.14)


def test_all_violations_come_at_once_with_their_fields():
    lut = {"activation": ActivationType.LUT, "pool_type": PoolType.Max, "pool_size": 2}
    model = network(image={"filters": 513}, conv={"kernel_size": 9, **lut}, classes={"weights_bits": 2})
    found = model.check(akida.SixNodesIPv2())
    assert [(v.layer, v.rule) for v in found] == [
        ("image", "filters"),
        ("conv", "kernel_size"),
        ("conv", "activation with max pooling"),
        ("classes", "weights_bits"),
    ]
    first = found[0]
    assert (first.received, first.allowed, first.remedy) == ("513", "at most 512", "use 512")
    assert (first.effect, first.standing) == ("software", "stated")
    assert "hardware constraints page" in first.source
    message = 'layer "image": filters must be at most 512, received 513; use 512'
    assert str(first) == first.to_dict()["message"] == message


def test_a_model_or_device_of_the_wrong_generation_is_refused_by_name():
    old = akida.Model(layers=[akida.InputConvolutional((8, 8, 1), (3, 3), 4, "image")])
    for model, device, layer, kind, remedy in (
        (network(), akida.AKD1500(), "image", "InputConv2D", "TwoNodesIPv2, SixNodesIPv2"),
        (old, akida.SixNodesIPv2(), "image", "InputConvolutional", "AKD1000, AKD1500, TwoNodesIPv1"),
    ):
        with pytest.raises(MappingError) as caught:
            model.map(device)
        first = caught.value.violations[0]
        assert (first.layer, first.rule, first.effect) == (layer, "generation", "refused")
        assert f"{device.name}, {'Akida 1.0' if device.ip_version == IpVersion.v1 else 'Akida 2.0'}" in first.allowed
        assert first.received.startswith(f"{kind}, a layer of Akida ")
        assert first.remedy.endswith(remedy)
        assert len(caught.value.violations) == len(model.layers)
        assert model.device is None


def test_a_model_that_does_not_fit_fits_after_doing_what_it_is_told():
    changes = {
        "image": {"kernel_size": 6, "filters": 600, "weights_bits": 4, "output_bits": 16},
        "conv": {"kernel_size": 8, "kernel_stride": 3, "padding": akida.Padding.Valid},
        "depthwise": {"kernel_size": 1, "output_bits": 2},
        "classes": {"weights_bits": 2},
    }
    device = akida.create_device(20, 2)
    for _ in range(4):
        found = network(**changes).check(device)
        if not found:
            break
        for violation in found:
            name = violation.rule.split(" with ")[0]
            if violation.rule == "padding":
                changes[violation.layer]["padding"] = akida.Padding[violation.remedy.split()[-1]]
            elif name == "input_bits" or name.startswith("inputs"):
                # The layer before is told what to do as well, or the map has to shrink.
                changes["depthwise"]["pool_type"] = PoolType.Average
            else:
                number = int("".join(filter(str.isdigit, violation.remedy)))
                changes[violation.layer][name] = number
    model = network(**changes)
    model.map(device, hw_only=True, mode=MapMode.Minimal)
    assert [sequence.name for sequence in model.sequences] == ["HW/image-classes", "SW/floats-floats"]
