"""What the layers of Akida 2.0 have in common."""

from __future__ import annotations

from typing import ClassVar

from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.layer import Layer


class Akida2Layer(Layer):
    """A layer of Akida 2.0."""

    _ip_version: ClassVar[IpVersion] = IpVersion.v2
