"""Models in files, buffers, pickles and copies."""

import copy
import errno
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import Model
from cnn2snn.errors import FormatError, InvalidTypeError


def assert_same(model, other, inputs):
    assert other is not model
    assert other.to_buffer() == model.to_buffer()
    assert other.input_scaling == model.input_scaling
    for one, two in zip(model.layers, other.layers, strict=True):
        assert type(one) is type(two)
        assert one.name == two.name
        assert one.parameters == two.parameters
        assert [x.name for x in one.inbounds] == [x.name for x in two.inbounds]
        for name, values in one.variables.items():
            np.testing.assert_array_equal(two.variables[name], values)
    np.testing.assert_array_equal(other.forward(inputs), model.forward(inputs))


@pytest.mark.parametrize("as_text", [True, False])
def test_saved_model_is_loaded(model, inputs, tmp_path, as_text):
    path = tmp_path / "model ü.fbz"
    path = str(path) if as_text else path
    model.save(path)
    assert_same(model, Model(path), inputs)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_buffer_holds_the_bytes_of_the_file(model, inputs, tmp_path, wrap):
    model.save(tmp_path / "m.fbz")
    buffer = model.to_buffer()
    assert isinstance(buffer, bytes)
    assert buffer == (tmp_path / "m.fbz").read_bytes()
    assert_same(model, Model.from_buffer(wrap(buffer)), inputs)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copy_is_a_model_of_its_own(model, inputs, duplicate):
    other = duplicate(model)
    assert_same(model, other, inputs)
    other.layers[0].set_variable("threshold", np.full(4, 99, np.int32))
    assert other.to_buffer() != model.to_buffer()


def test_graph_is_loaded_with_its_inbounds():
    source = akida.InputData((1, 1, 2), name="source")
    model = Model(layers=[source, akida.FullyConnected(3, "left")])
    model.add(akida.FullyConnected(4, "right"), [source])
    model.add(akida.Concat("join"), [model.layers[2], model.layers[1]])
    assert_same(model, Model.from_buffer(model.to_buffer()), np.ones((2, 1, 1, 2), np.uint8))


def test_loaded_model_can_be_edited(model, inputs):
    loaded = Model.from_buffer(model.to_buffer())
    loaded.pop_layer()
    loaded.add(akida.FullyConnected(2, "other", activation=False))
    assert loaded.forward(inputs).shape == (11, 1, 1, 2)


def test_model_travels_to_another_process(model, inputs):
    # Spawned, not forked: nothing but the pickle reaches it.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        outputs = pool.submit(model.forward, inputs).result(timeout=120)
    np.testing.assert_array_equal(outputs, model.forward(inputs))


def test_save_replaces_an_old_file(model, events, tmp_path):
    path = tmp_path / "m.fbz"
    events.save(path)
    model.save(path)
    assert path.read_bytes() == model.to_buffer()
    assert os.listdir(tmp_path) == ["m.fbz"]


def test_missing_folder_is_an_error(model, tmp_path):
    path = tmp_path / "no" / "m.fbz"
    with pytest.raises(FileNotFoundError) as error:
        model.save(path)
    assert error.value.errno == errno.ENOENT
    assert error.value.filename == str(path)


def test_missing_file_is_an_error(tmp_path):
    path = tmp_path / "m.fbz"
    with pytest.raises(FileNotFoundError) as error:
        Model(path)
    assert error.value.filename == str(path)
    assert str(path) in str(error.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses to open a folder in another way")
def test_folder_is_no_model(tmp_path):
    with pytest.raises(IsADirectoryError):
        Model(tmp_path)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"", "not_fbz", "empty"),
        (b"hello", "not_fbz", "cnn2snn convert"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "not_fbz", "cnn2snn convert"),
        (b"PK\x03\x04" + bytes(100), "not_fbz", "cnn2snn convert"),
    ],
)
def test_foreign_file_is_refused_with_advice(tmp_path, content, kind, words):
    path = tmp_path / "m.fbz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=words) as error:
        Model(path)
    assert str(error.value).startswith(f"{path}: ")
    assert error.value.kind == kind
    assert isinstance(error.value, ValueError)
    with pytest.raises(FormatError, match=words):
        Model.from_buffer(content)


def test_damaged_file_is_refused(model):
    buffer = bytearray(model.to_buffer())
    with pytest.raises(FormatError):
        Model.from_buffer(buffer[:-1])
    with pytest.raises(FormatError):
        Model.from_buffer(buffer + b"\0")
    buffer[-1] ^= 1
    with pytest.raises(FormatError) as error:
        Model.from_buffer(buffer)
    assert error.value.kind == "checksum"


def test_buffer_is_bytes():
    with pytest.raises(InvalidTypeError, match="buffer must be bytes, received str"):
        Model.from_buffer("text")
