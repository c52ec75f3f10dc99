"""Sweeps and searches: a model quantized in many ways, by this process, local processes or a Dask cluster."""

from cnn2snn.sweeping.configuration import Configuration, grid
from cnn2snn.sweeping.result import Search, Sweep, SweepResult
from cnn2snn.sweeping.search import search
from cnn2snn.sweeping.sweep import sweep

__all__ = ["Configuration", "Search", "Sweep", "SweepResult", "grid", "search", "sweep"]
