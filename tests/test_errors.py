"""What errors say in fields: the problem and the remedy, of which messages are composed."""

import ast
import pickle
from pathlib import Path

import pytest

from cnn2snn import akida, errors
from cnn2snn.errors import InvalidArgumentError

PACKAGE = Path(errors.__file__).parent


def test_a_message_is_the_problem_and_the_remedy():
    error = InvalidArgumentError("x must be 1; not 2", kind="x", remedy="take 1")
    assert str(error) == "x must be 1; not 2; take 1"
    assert error.remedy == "take 1"


def test_an_error_may_have_no_remedy():
    error = InvalidArgumentError('layer "a; b": x must be 1', remedy=None)
    assert str(error) == 'layer "a; b": x must be 1'
    assert error.remedy is None
    assert InvalidArgumentError("x must be 1").remedy is None


def test_errors_of_the_native_module_have_their_remedy():
    with pytest.raises(InvalidArgumentError, match="received") as error:
        akida.Convolutional((3, 3), 2, pool_size=(2, 2), name="conv")
    assert error.value.remedy == "for max pooling add pool_type=PoolType.Max"
    assert str(error.value).endswith("; for max pooling add pool_type=PoolType.Max")


def test_fields_survive_pickling():
    error = pickle.loads(pickle.dumps(InvalidArgumentError("x must be 1", layer="a", received=2, remedy="take 1")))
    assert (str(error), error.layer, error.received, error.remedy) == ("x must be 1; take 1", "a", 2, "take 1")


def test_errors_of_mapping_have_the_remedy_of_the_first_violation():
    layers = [
        akida.InputData((1, 1, 8), input_bits=4),
        akida.FullyConnected(3, act_bits=4, weights_bits=8, name="dense"),
        akida.FullyConnected(3, activation=False, weights_bits=8, name="last"),
    ]
    with pytest.raises(errors.MappingError) as error:
        akida.Model(layers=layers).map("AKD1000", hw_only=True)
    first = error.value.violations[0]
    assert error.value.remedy == first.remedy
    assert str(error.value).startswith(str(first))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_remedies_are_handed_over_apart_from_the_problem(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors.__all__:
            literals = [part for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Constant)]
            assert not [part.value for part in literals if "; " in str(part.value)], f"line {node.lineno}"
