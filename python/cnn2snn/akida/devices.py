"""Devices: the chips that models are checked against and mapped on."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.np import Ident, Info, Mesh, SramSize, Type


@dataclass(frozen=True)
class HwVersion:
    """A hardware version, printed as documented: `BC.A1.003.009`.

    Attributes:
        vendor_id: 0xBC.
        product_id: product, 0 … 255.
        major_rev: major revision, 0 … 255.
        minor_rev: minor revision, 0 … 255.
    """

    vendor_id: int
    product_id: int
    major_rev: int
    minor_rev: int

    def __post_init__(self) -> None:
        for name in ("vendor_id", "product_id", "major_rev", "minor_rev"):
            _arguments.integer("", name, getattr(self, name), low=0, high=255)

    @property
    def ip_version(self) -> IpVersion:
        """Generation of the hardware, which the product tells: A2 and B1 are of Akida 2.0."""
        return IpVersion[_akida.Device.generation_of(astuple(self))]

    def __str__(self) -> str:
        return f"{self.vendor_id:02X}.{self.product_id:02X}.{self.major_rev:03}.{self.minor_rev:03}"


NSoC_v2 = HwVersion(0xBC, 0x00, 0, 2)
"""AKD1000, production."""
AKD1500_v1 = HwVersion(0xBC, 0xA1, 3, 9)
"""AKD1500."""
TwoNodesIP_v1 = HwVersion(0xBC, 0xA1, 3, 6)
"""Akida 1.0 IP with two nodes."""
FPGA_v2 = HwVersion(0xBC, 0xA2, 1, 0)
"""Akida 2.0 on an FPGA."""

_VERSIONS = (NSoC_v2, AKD1500_v1, TwoNodesIP_v1, FPGA_v2)


class Device:
    """A chip, made or imagined.

    `AKD1000()`, `AKD1500()`, `TwoNodesIPv1()`, `TwoNodesIPv2()`, `SixNodesIPv2()` and `create_device` give devices.
    What is known of each, and how well, is in `docs/hardware-limits.md`.
    """

    def __init__(self, native: _akida.Device) -> None:
        self._native = native

    @property
    def name(self) -> str:
        """Documented name; "custom" for devices that are not made. An older revision follows an "@"."""
        return self._native.name

    @property
    def revision(self) -> str | None:
        """First release of the hardware with the limits of this device: "2.14", the newest, or "2.10".

        None for devices of Akida 1.0.
        """
        return self._native.revision

    @property
    def desc(self) -> str:
        """`VirtualDevice/` and the version."""
        return self._native.desc

    @property
    def version(self) -> HwVersion:
        """Hardware version."""
        return HwVersion(*self._native.version)

    @property
    def ip_version(self) -> IpVersion:
        """Generation of the layers that it runs."""
        return IpVersion[self._native.ip_version]

    @property
    def mesh(self) -> Mesh:
        """Processing units and their memory."""
        native = self._native
        has_lut = self.ip_version == IpVersion.v2
        nps = (Info(Ident(*place), frozenset(Type[t] for t in types), has_lut) for place, types in native.nps)
        sram = None if native.sram is None else SramSize(*native.sram)
        channels = native.skip_channels
        ends = (Type.SKIP_DMA_STORE, Type.SKIP_DMA_LOAD)
        skip_dmas = (Info(Ident(0, 0, 0, n), frozenset({end})) for n in range(channels or 0) for end in ends)
        hrc = Info.hrc(has_lut) if native.hrc else None
        return Mesh(tuple(nps), hrc, sram, None if channels is None else tuple(skip_dmas))

    def __repr__(self) -> str:
        return f"<Device {self.name} ({self.version}), {len(self._native.nps)} NPs>"


def device_of(value: object) -> Device:
    """Returns a device given as such or by its documented name, whatever the case."""
    if isinstance(value, Device):
        return value
    names = _akida.Device.names()
    if not isinstance(value, str):
        _arguments.wrong_type("", "device", f"a Device or one of {', '.join(names)}", value)
    native = _akida.Device.by_name(value)
    if native is None:
        _arguments.wrong_value("", "device", f"one of {', '.join(names)}", f'"{value}"')
    return Device(native)


def devices() -> list[Device]:
    """Returns the chips of this host: none, as this project runs models on the processor.

    `AKD1000()`, `AKD1500()` and the others give devices to check models against and to map them on. Programs for chips
    come from the vendor's runtime, to which `cnn2snn.akida.bridge` carries models.

    Example:
        >>> from cnn2snn import akida
        >>> akida.devices()
        []
        >>> akida.AKD1000()
        <Device AKD1000 (BC.00.000.002), 80 NPs>
    """
    return []


def AKD1000() -> Device:
    """Returns the AKD1000 production chip: 80 NPs."""
    return device_of("AKD1000")


def AKD1500() -> Device:
    """Returns the AKD1500: 32 NPs."""
    return device_of("AKD1500")


def TwoNodesIPv1() -> Device:
    """Returns the Akida 1.0 IP with two nodes: 8 NPs."""
    return device_of("TwoNodesIPv1")


def TwoNodesIP() -> Device:
    """Returns `TwoNodesIPv1()`, which earlier releases call so."""
    return TwoNodesIPv1()


def TwoNodesIPv2(*, revision: str | None = None) -> Device:
    """Returns the Akida 2.0 IP with two nodes.

    That a node has four NPs is assumed. Memory, places and skip channels are not public. So nothing is cut to fit a
    memory, and no skip connection is refused. `create_device` takes memory and channels as arguments.

    Args:
        revision: release of the hardware, as for `create_device`.

    Raises:
        ValueError: there is no such revision.
        TypeError: not a str.
    """
    return _revised(device_of("TwoNodesIPv2"), revision)


def SixNodesIPv2(*, revision: str | None = None) -> Device:
    """Returns the Akida 2.0 IP with six nodes, of which as little is public as of `TwoNodesIPv2`.

    Args:
        revision: release of the hardware, as for `create_device`.

    Raises:
        ValueError: there is no such revision.
        TypeError: not a str.
    """
    return _revised(device_of("SixNodesIPv2"), revision)


def _revised(device: Device, revision: object) -> Device:
    """Returns a device of another revision; None means the newest."""
    if revision is None:
        return device
    revisions = _akida.Device.revisions()
    if device.ip_version == IpVersion.v1:
        _arguments.wrong_value("", "revision", "None for a device of Akida 1.0", repr(revision))
    if not isinstance(revision, str):
        _arguments.wrong_type("", "revision", f"one of {', '.join(map(repr, revisions))}, or None", revision)
    native = device._native.with_revision(revision)
    if native is None:
        _arguments.wrong_value("", "revision", f"one of {', '.join(map(repr, revisions))}, or None", repr(revision))
    return Device(native)


def create_device(
    num_cnp_tnp: int,
    num_fnp: int,
    num_skip_dma_channel: int = 0,
    include_hrc: bool = True,
    sram_size: SramSize | None = None,
    hw_version: HwVersion = FPGA_v2,
    *,
    revision: str | None = None,
) -> Device:
    """Returns a device that is not made, with the limits of the generation that its version tells.

    Args:
        num_cnp_tnp: number of NPs for convolutions, and on Akida 2.0 for temporal and recurrent layers, 0 … 4096.
        num_fnp: number of NPs for fully connected layers, 0 … 4096; the first can read weights from
            external memory.
        num_skip_dma_channel: skip connections that can be carried at once, 0 … 4096; 0 for Akida 1.0.
        include_hrc: whether it has a unit for image convolutions.
        sram_size: memory of each NP. Without it, that of AKD1000 for Akida 1.0. On Akida 2.0 it is then not known: no
            layer is cut to fit it.
        hw_version: its version: `FPGA_v2` of Akida 2.0, or `NSoC_v2`, `AKD1500_v1` or `TwoNodesIP_v1` of Akida 1.0.
        revision: release of the hardware of Akida 2.0 whose limits hold: "2.14" (the newest, and the default), or
            "2.10", which has layers of 8 bits alone.

    Raises:
        ValueError: a number, the version or the revision is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> device = create_device(16, 2, num_skip_dma_channel=1, sram_size=NP.SramSize(65536, 65536))  # doctest: +SKIP
        >>> model.map(device, hw_only=True)  # doctest: +SKIP
    """
    convolution = _arguments.integer("", "num_cnp_tnp", num_cnp_tnp, low=0, high=4096)
    fully_connected = _arguments.integer("", "num_fnp", num_fnp, low=0, high=4096)
    channels = _arguments.integer("", "num_skip_dma_channel", num_skip_dma_channel, low=0, high=4096)
    hrc = _arguments.boolean("", "include_hrc", include_hrc)
    if not isinstance(hw_version, HwVersion):
        _arguments.wrong_type("", "hw_version", "a HwVersion", hw_version)
    if hw_version not in _VERSIONS:
        _arguments.wrong_value("", "hw_version", f"one of {', '.join(map(str, _VERSIONS))}", hw_version)
    if channels and hw_version.ip_version == IpVersion.v1:
        remedy = "Akida 1.0 has no skip connections"
        _arguments.wrong_value("", "num_skip_dma_channel", "0", num_skip_dma_channel, remedy)
    sram = None
    if sram_size is not None:
        if not isinstance(sram_size, SramSize):
            _arguments.wrong_type("", "sram_size", "a NP.SramSize", sram_size)
        sram = (
            _arguments.integer("", "input_bytes", sram_size.input_bytes),
            _arguments.integer("", "weight_bytes", sram_size.weight_bytes),
        )
    native = _akida.Device.custom(convolution, fully_connected, hrc, sram, astuple(hw_version), channels)
    return _revised(Device(native), revision)
