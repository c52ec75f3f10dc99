"""What reads a model takes steps in proportion to it, however its layers are joined."""

import sys
from pathlib import Path

import pytest

from cnn2snn import akida
from cnn2snn.reports.diff import DiffReport
from cnn2snn.reports.info import InfoReport
from cnn2snn.reports.plan import PlanReport


def joined(joins: int) -> akida.Model:
    """Joins that read the input two hundred times, and a convolution of each."""
    model = akida.Model()
    first = last = akida.InputData((1, 1, 1), input_bits=1)
    model.add(first)
    for _ in range(joins):
        join = akida.Concat()
        model.add(join, [first] * 200 + [last])
        last = akida.Convolutional((1, 1), 1)
        model.add(last, [join])
    return model


def deep(layers: int) -> akida.Model:
    """A chain."""
    model = akida.Model(layers=[akida.InputData((4, 4, 1), input_bits=1)])
    for _ in range(layers):
        model.add(akida.Convolutional((1, 1), 1))
    return model


def steps(function, *arguments) -> int:
    """How many functions a call calls, those of C included."""
    count = 0

    def event(frame, kind, what):
        nonlocal count
        count += kind in ("call", "c_call")

    sys.setprofile(event)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


READERS = {
    "info": lambda m, path: InfoReport.of(m, path).text(),
    "diff": lambda m, path: DiffReport.of(m, m, path, path).text(),
    "plan": lambda m, path: PlanReport.of(m).to_dict(),
    "summary": lambda m, path: m.summary(),
    "dictionary": lambda m, path: akida.Model.from_dict(m.to_dict()),
    "file": lambda m, path: akida.Model.from_buffer(m.to_buffer()),
    "map": lambda m, path: (m.map("AKD1000"), [layer.mapping for layer in m.layers], m.sequences),
}


@pytest.mark.parametrize("make", [joined, deep])
@pytest.mark.parametrize("reader", READERS)
def test_twice_the_layers_take_twice_the_steps(reader, make, tmp_path, capsys):
    path = Path(tmp_path / "m.fbz")
    make(1).save(path)
    half, whole = (steps(READERS[reader], make(count), path) for count in (60, 120))
    assert whole <= 2.2 * half + 50, f"{half} steps became {whole}"
