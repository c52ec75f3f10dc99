"""The report of `cnn2snn reshape`: the shapes that a Keras model takes and gives now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ReshapeReport"]


@dataclass(frozen=True)
class ReshapeReport:
    """A Keras model for images of another size.

    Attributes:
        file: path of the model.
        output: path of the reshaped model.
        input_shape, output_shape: shapes of one input and of one output, such as [height, width, channels].

    Example:
        >>> ReshapeReport.of(Path("net.h5"), Path("large.h5"), reshaped).text()  # doctest: +SKIP
        'Model reshaped and saved to large.h5'
    """

    file: str
    output: str
    input_shape: list[int]
    output_shape: list[int]

    @classmethod
    def of(cls, source: Path, target: Path, reshaped: Any) -> ReshapeReport:
        """Returns the report on a model at `source`, and the Keras model made of it, which is saved at `target`."""
        shapes = (list(tensors[0].shape[1:]) for tensors in (reshaped.inputs, reshaped.outputs))
        return cls(str(source), str(target), *shapes)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)

    def text(self, width: int = 80) -> str:
        """Returns where the reshaped model is, in a line whatever the width."""
        return f"Model reshaped and saved to {self.output}"
