"""TensorFlow is imported on first use: the simulator and its commands never load it."""

import numpy as np
import pytest

from cnn2snn import akida
from tests.fresh_interpreter import run_without_keras


@pytest.fixture
def model_path(tmp_path):
    model = akida.Model()
    model.add(akida.InputData((1, 1, 4), input_bits=4, name="input"))
    model.add(akida.FullyConnected(2, activation=False, weights_bits=4, name="dense"))
    path = tmp_path / "model.fbz"
    model.save(str(path))
    np.save(tmp_path / "inputs.npy", np.ones((3, 1, 1, 4), np.uint8))
    return path


def run_command_without_keras(arguments, cwd):
    code = f"sys.argv = {['cnn2snn', *arguments]!r}\nfrom cnn2snn.cli import main\nsys.exit(main())"
    return run_without_keras(code, cwd)


@pytest.mark.parametrize(
    "statement", ["import cnn2snn", "import cnn2snn.akida", "import cnn2snn.cli", "import cnn2snn.conversion.akida1"]
)
def test_import_works_without_tensorflow(statement, tmp_path):
    result = run_without_keras(statement, tmp_path)
    assert result.returncode == 0, result.stderr


def test_engine_works_without_tensorflow(model_path):
    result = run_without_keras(
        """
        import numpy as np
        from cnn2snn import akida
        model = akida.Model("model.fbz")
        print(model.forward(np.load("inputs.npy")).shape)
        """,
        model_path.parent,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "(3, 1, 1, 2)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["info", "model.fbz"],
        ["info", "model.fbz", "--json"],
        ["diff", "model.fbz", "model.fbz"],
        ["map", "model.fbz", "--svg", "model.svg"],
        ["run", "model.fbz", "inputs.npy", "-o", "outputs.npy"],
    ],
    ids=" ".join,
)
def test_command_works_without_tensorflow(arguments, model_path):
    result = run_command_without_keras(arguments, model_path.parent)
    assert result.returncode == 0, result.stderr


def test_missing_tensorflow_is_explained_when_keras_is_needed(tmp_path):
    result = run_without_keras("import cnn2snn\ncnn2snn.quantize", tmp_path)
    assert result.returncode != 0
    assert "ImportError" in result.stderr or "ModuleNotFoundError" in result.stderr
    assert "tensorflow" in result.stderr.splitlines()[-1]
