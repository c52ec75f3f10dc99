"""`examples/tutorial.py` runs, and shows what it says."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "tutorial.py"


@pytest.fixture(scope="module")
def tutorial():
    spec = importlib.util.spec_from_file_location("tutorial", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:matplotlib", "ignore:.*:UserWarning:matplotlib")
def test_tutorial_runs_and_shows_what_it_says(tutorial, tmp_path, capsys):
    assert tutorial.main(["--out", str(tmp_path), "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    for title in ("1. A float model", "2. Quantizers", "5. Gammas that can be folded"):
        assert title in printed
    assert "must not be negative after max pooling" in " ".join(printed.split())
    assert max(map(len, printed.replace(str(tmp_path), "").splitlines())) <= 80
    written = {path.name for path in tmp_path.iterdir()}
    assert {"tutorial.keras", "tutorial.fbz"} <= written
    if importlib.util.find_spec("matplotlib"):
        assert "tutorial_weights.png" in written
