"""`predict` and `evaluate` over Dask arrays and folders of files."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import InvalidArgumentError, InvalidTypeError, akida, bulk


@pytest.fixture
def model():
    model = akida.Model(layers=[akida.InputData((2, 2, 3)), akida.FullyConnected(4, weights_bits=4, activation=False)])
    rng = np.random.default_rng(0)
    last = model.layers[-1]
    last.set_variable("weights", rng.integers(-7, 8, last.get_variable("weights").shape).astype(np.int8))
    return model


@pytest.fixture
def inputs():
    return np.random.default_rng(1).integers(0, 16, (100, 2, 2, 3)).astype(np.uint8)


@pytest.fixture
def labels():
    return np.random.default_rng(2).integers(0, 4, 100)


@pytest.fixture
def folder(tmp_path, inputs, labels):
    """Inputs and labels in files of different sizes, one without any."""
    for name, values in (("x", inputs), ("y", labels)):
        (tmp_path / name).mkdir()
        for number, part in enumerate(np.split(values, [7, 50, 50])):
            np.save(tmp_path / name / f"{number}.npy", part)
    (tmp_path / "x" / "notes.txt").write_text("no inputs")
    return tmp_path


@pytest.mark.parametrize("chunks", [100, 33, (10, 1, 2, 2)])
def test_a_dask_array_gives_what_one_array_gives(model, inputs, labels, chunks):
    da = pytest.importorskip("dask.array")
    array = da.from_array(inputs, chunks=chunks)
    lazy = cnn2snn.predict(model, array)
    assert (lazy.shape, lazy.dtype) == ((100, 1, 1, 4), np.float32)
    assert np.array_equal(lazy.compute(scheduler="synchronous"), model.predict(inputs))
    assert cnn2snn.evaluate(model, array, labels) == model.evaluate(inputs, labels)
    assert cnn2snn.evaluate(model, array, da.from_array(labels, chunks=9)) == model.evaluate(inputs, labels)


def test_a_folder_gives_what_one_array_gives(model, inputs, labels, folder, monkeypatch):
    monkeypatch.setattr(bulk, "_BATCH", 8)
    model.save(folder / "m.fbz")
    paths = cnn2snn.predict(folder / "m.fbz", folder / "x", folder / "out")
    assert [path.name for path in paths] == ["0.npy", "1.npy", "2.npy", "3.npy"]
    assert np.array_equal(np.concatenate([np.load(path) for path in paths]), model.predict(inputs))
    assert cnn2snn.evaluate(model, folder / "x", folder / "y") == model.evaluate(inputs, labels)


def test_outputs_that_are_there_are_not_computed_again(model, folder):
    paths = cnn2snn.predict(model, folder / "x", folder / "out")
    first = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    cnn2snn.predict(model, folder / "x", folder / "out")
    again = [path.stat().st_mtime_ns for path in paths]
    assert [a == b for a, b in zip(first, again, strict=True)] == [True, False, True, True]


def test_a_cluster_does_both(model, inputs, labels, folder):
    distributed = pytest.importorskip("distributed")
    da = pytest.importorskip("dask.array")
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        wanted = model.evaluate(inputs, labels)
        assert cnn2snn.evaluate(model, folder / "x", folder / "y", client) == wanted
        assert cnn2snn.evaluate(model, da.from_array(inputs, chunks=30), labels, client) == wanted
        paths = cnn2snn.predict(model, folder / "x", folder / "out", client)
    assert np.array_equal(np.concatenate([np.load(path) for path in paths]), model.predict(inputs))


def test_wrong_data_are_refused_before_work_begins(model, inputs, labels, folder):
    da = pytest.importorskip("dask.array")
    with pytest.raises(InvalidTypeError, match=r"arrays in memory are for .* model\.predict"):
        cnn2snn.predict(model, inputs)
    with pytest.raises(InvalidArgumentError, match="inputs must be uint8"):
        cnn2snn.predict(model, da.from_array(inputs.astype(np.float32)))
    with pytest.raises(InvalidArgumentError, match="needs output"):
        cnn2snn.predict(model, folder / "x")
    with pytest.raises(InvalidArgumentError, match="would replace the inputs"):
        cnn2snn.predict(model, folder / "x", folder / "x")
    with pytest.raises(InvalidArgumentError, match=r"no \.npy files"):
        cnn2snn.predict(model, folder, folder / "out")
    with pytest.raises(InvalidArgumentError, match="labels must be of shape"):
        cnn2snn.evaluate(model, da.from_array(inputs), labels[1:])
    (folder / "y" / "2.npy").unlink()
    with pytest.raises(FileNotFoundError):
        cnn2snn.evaluate(model, folder / "x", folder / "y")
    np.save(folder / "y" / "2.npy", labels)
    with pytest.raises(InvalidArgumentError, match=r"2\.npy: labels must be of shape \(0,\)"):
        cnn2snn.evaluate(model, folder / "x", folder / "y")
