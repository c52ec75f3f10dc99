"""The chip that conversion aims at."""

from cnn2snn import akida

__all__ = ["TARGET"]

TARGET = akida.AKD1000()
"""The device whose registers converted layers are to fit. All Akida 1.0 devices have the same registers."""
