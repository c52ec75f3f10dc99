"""Samples are read from every form that they come in."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn2snn import _samples
from cnn2snn._samples import Samples, read_labels, read_samples
from cnn2snn.errors import FormatError

SHAPE = (4, 3, 1)
X = np.random.default_rng(1).integers(0, 256, (7, *SHAPE), np.uint8)
Y = np.arange(7) % 3


class Wrapped:
    """What a tensor of another library is: an array on demand."""

    def __init__(self, values):
        self._values = np.asarray(values)
        self.shape = self._values.shape

    def __array__(self, dtype=None, copy=None):
        return self._values

    def __len__(self):
        return len(self._values)


class ByIndex:
    """Batches as a Keras `PyDataset` gives them, which never says that it ends."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        part = slice(3 * (index % 3), 3 * (index % 3) + 3)
        return X[part], Y[part]


def batches(*, labels=True, wrap=tuple):
    for start in range(0, 7, 3):
        part = slice(start, start + 3)
        yield wrap((X[part], Y[part])) if labels else X[part]


@pytest.mark.parametrize(
    ("make", "labelled"),
    [
        (lambda: X, False),
        (lambda: X.tolist(), False),
        (lambda: list(X), False),
        (lambda: Wrapped(X), False),
        (lambda: (X, Y), True),
        (lambda: [Wrapped(X), Wrapped(Y)], True),
        (lambda: (X, np.eye(3)[Y]), True),
        (lambda: batches(), True),
        (lambda: batches(labels=False), False),
        (lambda: batches(wrap=lambda pair: [Wrapped(part) for part in pair]), True),
        (lambda: ((x, y, np.ones(len(x))) for x, y in batches()), True),
        (lambda: ((x, y[:, np.newaxis]) for x, y in batches()), True),
        (lambda: (x for x in X), False),
        (lambda: ((x, y) for x, y in zip(X, Y, strict=True)), True),
        (lambda: ByIndex(), True),
        (lambda: Samples(X, Y), True),
    ],
)
def test_every_form_gives_the_same_samples(make, labelled):
    found = read_samples(make(), SHAPE)
    np.testing.assert_array_equal(found.inputs, X)
    assert len(found) == 7
    if labelled:
        np.testing.assert_array_equal(found.labels, Y)
    else:
        assert found.labels is None
        np.testing.assert_array_equal(read_samples(make(), SHAPE, Y).labels, Y)


@pytest.mark.parametrize("limit", [1, 3, 5, 7, 100])
def test_a_limit_takes_the_first_samples_and_reads_no_further(limit):
    read = []

    def counted():
        for batch in batches():
            read.append(batch)
            yield batch

    for source in (X, counted(), (X, Y)):
        found = read_samples(source, SHAPE, Y, limit=limit)
        np.testing.assert_array_equal(found.inputs, X[:limit])
        np.testing.assert_array_equal(found.labels, Y[:limit])
    assert len(read) == min(-(-limit // 3), 3)


def test_a_sequence_of_samples_is_no_pair():
    found = read_samples((X[0], X[1]), SHAPE)
    np.testing.assert_array_equal(found.inputs, X[:2])
    np.testing.assert_array_equal(read_samples([[1, 2], [3, 4]], (2,)).inputs, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (X[0], r"must have the shape \(n, 4, 3, 1\) .* received \(4, 3, 1\); add the axis that counts samples"),
        (X[..., 0], r"received \(7, 4, 3\); add the axis of channels"),
        (np.moveaxis(X, -1, 1), r"received \(7, 1, 4, 3\); put channels last"),
        (X[:0], r"with n at least 1, received \(0, 4, 3, 1\)"),
        (np.where(X == X[2, 1, 2, 0], np.nan, X), r"samples must be finite, received nan at \["),
        ([[1, 2], [3]], "samples must be numbers, in arrays or lists of even lengths, received list of object"),
        ([["a"]], "samples must be numbers"),
        (iter(()), "at least one batch, received none; a generator that has been read gives nothing more"),
        (iter([X, X[:, :2]]), r"all batches must have one shape but for the first axis, received .* \(7, 2, 3, 1\)"),
        (iter([(X, Y), X]), "labels must come with all batches or with none"),
        (iter([{"image": X}]), "samples must be numbers, .* received dict"),
        (iter([3]), "one shape but for the first axis"),
        ((X, Y[:3]), "as many labels as samples are needed, received 3 labels for 7 samples"),
        ((X, Y - 1), r"labels must be numbers of classes, integers of shape \(n,\) from 0"),
        ((X, Y + 0.5), "labels must be numbers of classes"),
    ],
)
def test_what_is_no_sample_of_the_model_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        read_samples(source, SHAPE)


@pytest.mark.parametrize("source", [None, 3, {"x": X}, b"abc"])
def test_what_holds_no_samples_is_refused(source):
    with pytest.raises(
        TypeError, match=r"samples must be an array, a list, a tf\.data\.Dataset, an iterable of batches"
    ):
        read_samples(source, SHAPE)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(ValueError, match="the number of samples must be a positive integer"):
        read_samples(X, SHAPE, limit=limit)


def test_open_sizes_take_any_size():
    assert read_samples(X, (None, None, 1)).inputs.shape == X.shape


def test_labels_come_in_three_forms():
    for labels in (Y, Y.tolist(), Y[:, np.newaxis], np.eye(3)[Y], Y.astype(np.float32), Y.astype(np.uint8)):
        found = read_labels(labels)
        np.testing.assert_array_equal(found, Y)
        assert found.dtype == np.int64
    # The rows of one sample and of one class are ones, too: a column holds numbers.
    np.testing.assert_array_equal(read_labels([[1], [1]]), [1, 1])


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.savez("x.npz", X[:2], X[2:])
    np.save("y.npy", Y)


@pytest.mark.parametrize("source", ["x.npy", "x.npz", Path("x.npy")])
def test_files_of_arrays_are_read(files, source):
    found = read_samples(source, SHAPE, "y.npy")
    np.testing.assert_array_equal(found.inputs, X)
    np.testing.assert_array_equal(found.labels, Y)


def write_image(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def pets(tmp_path):
    """Five images in two classes, and files that are none."""
    grey = X[:5, :, :, 0]
    write_image(tmp_path / "dog" / "1.png", grey[0])
    write_image(tmp_path / "dog" / "2.PNG", grey[1])
    write_image(tmp_path / "cat" / "b.bmp", grey[2])
    write_image(tmp_path / "cat" / "a.tif", grey[3])
    write_image(tmp_path / "cat" / "small" / "c.pgm", grey[4])
    (tmp_path / "dog" / "notes.txt").write_text("good dogs")
    (tmp_path / "dog" / ".hidden.png").write_text("no image")
    return tmp_path


def test_folders_are_classes_in_the_order_of_their_names(pets):
    found = read_samples(pets, SHAPE)
    np.testing.assert_array_equal(found.inputs, X[[3, 2, 4, 0, 1]])
    assert found.inputs.dtype == np.uint8
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.classes == ("cat", "dog")


def test_images_in_one_folder_have_no_class(pets):
    found = read_samples(str(pets / "dog"), SHAPE)
    np.testing.assert_array_equal(found.inputs, X[:2])
    assert (found.labels, found.classes) == (None, ())


def test_a_limit_takes_images_of_all_classes(pets):
    found = read_samples(pets, SHAPE, limit=2)
    assert found.labels.tolist() == [0, 1]
    assert read_samples(pets, SHAPE, limit=3).labels.tolist() == [0, 0, 1]
    assert len(read_samples(pets, SHAPE, limit=9)) == 5


def test_colours_and_sizes_become_those_of_the_model(tmp_path):
    red = np.zeros((6, 8, 3), np.uint8)
    red[..., 0] = 200
    write_image(tmp_path / "one" / "red.png", red)
    write_image(tmp_path / "one" / "glass.png", np.dstack([red, np.full((6, 8), 7, np.uint8)]))
    found = read_samples(tmp_path, (3, 4, 3)).inputs
    np.testing.assert_array_equal(found, np.broadcast_to(np.uint8([200, 0, 0]), (2, 3, 4, 3)))
    # ITU-R 601: 0.299 of red.
    np.testing.assert_array_equal(read_samples(tmp_path, (None, None, 1)).inputs, np.full((2, 6, 8, 1), 60))


def test_wrong_folders_are_refused(pets, tmp_path):
    with pytest.raises(
        ValueError, match=r"need a model with inputs \(height, width, 1 or 3\), received \(10\); give a"
    ):
        read_samples(pets, (10,))
    write_image(pets / "loose.png", X[0, :, :, 0])
    with pytest.raises(ValueError, match=r"or all in one folder, received loose\.png beside folders with images"):
        read_samples(pets, SHAPE)
    (pets / "loose.png").unlink()
    (pets / "empty").mkdir()
    with pytest.raises(ValueError, match="the folder has no images"):
        read_samples(pets / "empty", SHAPE)
    write_image(pets / "cat" / "z.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(
        ValueError, match=r"z.png: all images must have one size .* \(any, any, 1\), received \(4, 3\) and"
    ):
        read_samples(pets, (None, None, 1))
    write_image(pets / "cat" / "z.png", np.zeros((9, 9), np.uint16))
    with pytest.raises(ValueError, match=r"z.png: images must have 8 bits per channel, received mode I;16"):
        read_samples(pets, SHAPE)
    (pets / "cat" / "z.png").write_bytes(b"no image")
    with pytest.raises(FormatError, match=r"z\.png: it is not an image that Pillow can read"):
        read_samples(pets, SHAPE)
    with pytest.raises(FileNotFoundError):
        read_samples(pets / "none", SHAPE)


def test_a_cut_image_is_refused(tmp_path):
    write_image(tmp_path / "a" / "cut.png", np.random.default_rng(1).integers(0, 256, (50, 50), np.uint8))
    whole = (tmp_path / "a" / "cut.png").read_bytes()
    (tmp_path / "a" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"cut\.png: it is not an image that Pillow can read"):
        read_samples(tmp_path, (50, 50, 1))


def test_pillow_is_asked_for_when_images_are_read(pets, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"install it with `pip install akida-sim\[images\]`"):
        read_samples(pets, SHAPE)
    assert len(_samples.read_samples(X, SHAPE)) == 7
