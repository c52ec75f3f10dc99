"""Edge learning, which chips of Akida 1.0 do in their last layer and this project does not."""

from __future__ import annotations

from typing import Any, NoReturn

from cnn2snn.errors import UnsupportedModelError


def refuse(name: str) -> NoReturn:
    """Raises the error of what belongs to edge learning.

    Raises:
        UnsupportedModelError: (RuntimeError) always.
    """
    raise UnsupportedModelError(
        f"{name}: edge learning is not part of this project",
        kind="learning",
        remedy=(
            "train the network in Keras and convert it, or carry the model to the vendor's runtime with "
            "cnn2snn.akida.bridge and let it learn there"
        ),
    )


class AkidaUnsupervised:
    """The optimizer of edge learning, which is not part of this project.

    Raises:
        UnsupportedModelError: (RuntimeError) always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse("AkidaUnsupervised")


class WithoutLearning:
    """The part of `Model` that concerns edge learning: it says that there is none."""

    def compile(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses to prepare the last layer for edge learning, which is not part of this project.

        Raises:
            UnsupportedModelError: (RuntimeError) always.
        """
        refuse("Model.compile")

    def fit(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses to learn from inputs: edge learning is not part of this project.

        Raises:
            UnsupportedModelError: (RuntimeError) always.
        """
        refuse("Model.fit")

    def add_classes(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses to add classes to learn: edge learning is not part of this project.

        Raises:
            UnsupportedModelError: (RuntimeError) always.
        """
        refuse("Model.add_classes")

    @property
    def learning(self) -> NoReturn:
        """The parameters of edge learning, which is not part of this project.

        Raises:
            UnsupportedModelError: (RuntimeError) always.
        """
        refuse("Model.learning")
