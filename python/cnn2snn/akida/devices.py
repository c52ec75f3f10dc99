"""Devices: the chips that models are checked against and mapped on."""

from __future__ import annotations

from dataclasses import dataclass

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.np import HRC, Ident, Info, Mesh, SramSize, Type


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
        """Generation of the hardware."""
        return IpVersion.v1

    def __str__(self) -> str:
        return f"{self.vendor_id:02X}.{self.product_id:02X}.{self.major_rev:03}.{self.minor_rev:03}"


NSoC_v2 = HwVersion(0xBC, 0x00, 0, 2)
"""AKD1000, production."""
AKD1500_v1 = HwVersion(0xBC, 0xA1, 3, 9)
"""AKD1500."""
TwoNodesIP_v1 = HwVersion(0xBC, 0xA1, 3, 6)
"""Akida 1.0 IP with two nodes."""

_VERSIONS = (NSoC_v2, AKD1500_v1, TwoNodesIP_v1)


class Device:
    """A chip, made or imagined, as `AKD1000()`, `AKD1500()`, `TwoNodesIPv1()` or `create_device` give it.

    What is known of each, and how well, is in `docs/hardware-limits.md`.
    """

    def __init__(self, native: _akida.Device) -> None:
        self._native = native

    @property
    def name(self) -> str:
        """Documented name; "custom" for devices that are not made."""
        return self._native.name

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
        return self.version.ip_version

    @property
    def mesh(self) -> Mesh:
        """Processing units and their memory."""
        nps = self._native.nps
        infos = (Info(Ident(*place), frozenset(Type[t] for t in types)) for place, types in nps)
        return Mesh(tuple(infos), HRC if self._native.hrc else None, SramSize(*self._native.sram))

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


def create_device(
    num_cnp_tnp: int,
    num_fnp: int,
    num_skip_dma_channel: int = 0,
    include_hrc: bool = True,
    sram_size: SramSize | None = None,
    hw_version: HwVersion = NSoC_v2,
) -> Device:
    """Returns a device that is not made, with the limits of Akida 1.0.

    Args:
        num_cnp_tnp: number of NPs for convolutions, 0 … 4096.
        num_fnp: number of NPs for fully connected layers, 0 … 4096; the first can read weights from
            external memory.
        num_skip_dma_channel: 0: Akida 1.0 has no skip connections.
        include_hrc: whether it has a unit for image convolutions.
        sram_size: memory of each NP; that of AKD1000 by default.
        hw_version: its version, one of Akida 1.0: `NSoC_v2`, `AKD1500_v1` or `TwoNodesIP_v1`. (The
            documented default is one of Akida 2.0, whose devices are not modelled.)

    Raises:
        ValueError: a number or the version is not allowed.
        TypeError: an argument has the wrong type.
    """
    convolution = _arguments.integer("", "num_cnp_tnp", num_cnp_tnp, low=0, high=4096)
    fully_connected = _arguments.integer("", "num_fnp", num_fnp, low=0, high=4096)
    if _arguments.integer("", "num_skip_dma_channel", num_skip_dma_channel, low=0):
        remedy = "Akida 1.0 has no skip connections"
        _arguments.wrong_value("", "num_skip_dma_channel", "0", num_skip_dma_channel, remedy)
    hrc = _arguments.boolean("", "include_hrc", include_hrc)
    if not isinstance(hw_version, HwVersion):
        _arguments.wrong_type("", "hw_version", "a HwVersion", hw_version)
    if hw_version not in _VERSIONS:
        expected = f"one of {', '.join(map(str, _VERSIONS))}, those of Akida 1.0"
        _arguments.wrong_value("", "hw_version", expected, hw_version)
    sram = None
    if sram_size is not None:
        if not isinstance(sram_size, SramSize):
            _arguments.wrong_type("", "sram_size", "a NP.SramSize", sram_size)
        sram = (
            _arguments.integer("", "input_bytes", sram_size.input_bytes),
            _arguments.integer("", "weight_bytes", sram_size.weight_bytes),
        )
    version = (hw_version.vendor_id, hw_version.product_id, hw_version.major_rev, hw_version.minor_rev)
    return Device(_akida.Device.custom(convolution, fully_connected, hrc, sram, version))
