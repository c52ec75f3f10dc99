"""Images in folders by class, as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn._progress import Progress
from cnn2snn.errors import FormatError, InvalidArgumentError

__all__ = ["SUFFIXES", "read_folder"]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

# Pillow's modes by number of channels.
_MODES = {1: "L", 3: "RGB"}


def read_folder(
    folder: Path, shape: tuple[int | None, ...], limit: int | None = None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Reads the images of a folder that has a folder for each class.

    Classes are numbered in the order of their names, as `keras.utils.image_dataset_from_directory` does. Images that
    lie in the folder itself have no class. An image of another size is resized, without regard to its proportions, by
    Pillow's bilinear filter; one of another kind is made grey or RGB.

    Args:
        folder: path of the folder.
        shape: (height, width, channels); channels 1 or 3. Where a size is None all images must have one size.
        limit: images to read at most, taken evenly from all of them.

    Returns:
        Images (n, height, width, channels) uint8; the number of each one's class (n,) int64, or None; the names of
        the classes.

    Raises:
        ImportError: Pillow is not installed.
        InvalidArgumentError: a shape that no image has, a folder without images, or with images of two kinds.
        FormatError: a file that Pillow cannot read.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise ImportError("images need Pillow: install it with `pip install akida-sim[images]`") from error
    if len(shape) != 3 or shape[2] not in _MODES:
        raise InvalidArgumentError(
            f"{folder}: images need a model with inputs (height, width, 1 or 3), received {_text(shape)}",
            kind="samples",
            expected="(height, width, 1 or 3)",
            received=shape,
            remedy="give a .npy file",
        )
    files, labels, classes = _files(folder)
    if limit is not None and limit < len(files):
        chosen = [(2 * i + 1) * len(files) // (2 * limit) for i in range(limit)]
        files = [files[i] for i in chosen]
        labels = None if labels is None else [labels[i] for i in chosen]
    progress = Progress(len(files))
    images = []
    try:
        for done, file in enumerate(files):
            image = _image(PIL.Image, file, shape)
            if images and image.shape != images[0].shape:
                raise InvalidArgumentError(
                    f"{file}: all images must have one size for a model with inputs {_text(shape)}, received "
                    f"{images[0].shape[:2]} and {image.shape[:2]}",
                    kind="samples",
                    received=image.shape,
                    remedy="set the size of the inputs, with cnn2snn reshape",
                )
            images.append(image)
            progress.update(done + 1)
    finally:
        progress.close()
    return np.stack(images), None if labels is None else np.asarray(labels, np.int64), classes


def _files(folder: Path) -> tuple[list[Path], list[int] | None, tuple[str, ...]]:
    loose = _images_in(folder.iterdir())
    by_class = {
        path.name: _images_in(path.rglob("*"))
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    found = any(by_class.values())
    if loose and found:
        raise InvalidArgumentError(
            f"{folder}: images must lie in folders by class, or all in one folder, received {loose[0].name} beside "
            "folders with images",
            kind="samples",
            received=str(loose[0]),
        )
    if loose:
        return loose, None, ()
    if not found:
        raise InvalidArgumentError(
            f"{folder}: the folder has no images ({', '.join(SUFFIXES)})", kind="samples", expected=SUFFIXES
        )
    pairs = [(file, number) for number, files in enumerate(by_class.values()) for file in files]
    return [file for file, _ in pairs], [number for _, number in pairs], tuple(by_class)


def _images_in(paths: Any) -> list[Path]:
    return sorted(
        path for path in paths if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _image(pillow: Any, file: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    height, width, channels = shape
    try:
        with pillow.open(file) as image:
            if image.mode[0] in "IF":
                raise InvalidArgumentError(
                    f"{file}: images must have 8 bits per channel, received mode {image.mode}",
                    kind="samples",
                    received=image.mode,
                    remedy="convert it, or give the values as a .npy file",
                )
            image = image.convert(_MODES[channels])
            size = (width or image.width, height or image.height)
            if image.size != size:
                image = image.resize(size, pillow.Resampling.BILINEAR)
            return np.asarray(image, np.uint8).reshape(size[1], size[0], channels)
    # Pillow raises SyntaxError for broken files of some formats.
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        if isinstance(error, (InvalidArgumentError, FileNotFoundError, PermissionError)):
            raise
        raise FormatError(f"{file}: it is not an image that Pillow can read: {error}", kind="samples") from error


def _text(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
