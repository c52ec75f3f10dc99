"""`examples/calibration.py` calibrates in every combination."""

import dataclasses
import importlib
from pathlib import Path

from cnn2snn import transforms

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_combination_is_measured(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("calibration")
    monkeypatch.setattr(example, "ADAROUND_EPOCHS", 1)
    digits = example.digits.read_digits()
    digits = dataclasses.replace(digits, train_images=digits.train_images[:40])
    model = transforms.fold_batchnorm(transforms.invert_batchnorm_pooling(example.digits.build_model()))
    shares = example.accuracies(model, None, digits)
    assert len(shares) == 8
    assert "cross-layer scaling + AdaRound + bias correction" in shares
    assert all(0 <= share <= 1 for share in shares.values())
