"""`examples/calibration.py` measures every method at every pair of widths, and goes on where it was interrupted."""

import importlib
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTHS = ("4/4", "2/4", "4/2", "2/2")


@pytest.fixture
def example(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("calibration")


def test_every_method_is_measured(example, monkeypatch, tmp_path):
    make, read, _, rate = example.NETWORKS["digits"]
    monkeypatch.setitem(example.NETWORKS, "digits", (make, read, 1, rate))
    monkeypatch.setattr(example, "WIDTHS", ((4, 4),))
    monkeypatch.setattr(example, "SAMPLES", 8)
    found = {}
    for combined in (False, True):
        example.measure("digits", 1, combined, tmp_path, found, found.__setitem__)
    methods = [key.removeprefix("digits 1 4/4 ") for key in found if "4/4" in key]
    assert methods[0] == "none"
    assert methods[-1] == "cross-layer scaling + `calibrate`"
    assert len(methods) == 7
    assert all(0 <= share <= 1 for share in found.values())
    assert (tmp_path / "digits_1.keras").exists()


def write_journal(loss):
    shares = {f"digits {seed} float": 0.98 + seed / 100 for seed in (1, 2)}
    for seed in (1, 2):
        shares |= {f"digits {seed} {width} none": 0.5 for width in WIDTHS}
        shares |= {f"digits {seed} {width} `calibrate`": 0.98 - loss + seed / 100 for width in WIDTHS}
    Path("journal").write_text("".join(json.dumps(item) + "\n" for item in shares.items()))


@pytest.mark.parametrize(("loss", "status"), [(0.004, 0), (0.02, 1), (0.04, 1)])
def test_a_full_journal_gives_the_tables_and_the_goals_that_are_missed(example, monkeypatch, capsys, loss, status):
    write_journal(loss)
    monkeypatch.setattr(example, "methods", lambda *arguments: {"none": None, "`calibrate`": None})
    monkeypatch.setattr(example, "trained", lambda *arguments: example.digits.build_model())
    monkeypatch.setattr(
        "sys.argv", ["calibration.py", "--networks", "digits", "--seeds", "1,2", "--journal", "journal"]
    )
    assert example.main() == status
    out, err = capsys.readouterr()
    assert "| digits, float 99.5% (99.0%) | 4/4 | 2/4 | 4/2 | 2/2 |" in out
    assert "| none | 50.0% (50.0%) |" in out
    assert err.count("missed: ") == {0.004: 0, 0.02: 1, 0.04: 2}[loss]
