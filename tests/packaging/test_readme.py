"""The Python examples of the README run as they are printed, and its picture is what `cnn2snn map` draws."""

import re
import subprocess
import sys
from pathlib import Path

from cnn2snn import akida, cli

README = Path(__file__).resolve().parents[2] / "README.md"


def test_python_examples_of_the_readme_run(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks, "README.md has no Python example"
    # One program: a later block may go on from an earlier one.
    result = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_picture_of_the_readme_is_a_drawing_of_the_digits_model(tmp_path):
    """A mapping depends on shapes and widths alone: zeros for weights give the drawing of the trained model."""
    max_pooling, average_pooling = akida.PoolType.Max, akida.PoolType.Average
    same = akida.Padding.Same
    model = akida.Model()
    model.add(akida.InputConvolutional((8, 8, 1), (3, 3), 32, padding=same, weights_bits=8, name="conv_1"))
    pooled = {"pool_type": max_pooling, "pool_size": (2, 2), "pool_stride": (2, 2)}
    model.add(akida.SeparableConvolutional((3, 3), 64, padding=same, weights_bits=4, name="separable_2", **pooled))
    averaged = {"pool_type": average_pooling}
    model.add(akida.Convolutional((3, 3), 64, padding=same, weights_bits=4, name="conv_3", **averaged))
    model.add(akida.FullyConnected(10, weights_bits=4, activation=False, name="classes"))
    model.save(tmp_path / "digits.fbz")
    drawing = tmp_path / "digits.svg"
    status = cli.main(["map", str(tmp_path / "digits.fbz"), "--device", "AKD1000", "--svg", str(drawing)])
    assert status == 0
    shown = README.parent / "docs" / "digits-on-akd1000.svg"
    assert drawing.read_text("utf-8") == shown.read_text("utf-8")
