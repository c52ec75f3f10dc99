"""What becomes of the errors that rules on models find: the first is raised, or all are collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from cnn2snn.errors import Cnn2SnnError

__all__ = ["Problems"]


class Problems:
    """Receives errors.

    A rule hands its error to `add`, and goes on as if the layer had been right: when errors are collected, those of
    other rules follow.

    Args:
        collect: whether errors are kept in `found`; otherwise they are raised.
    """

    def __init__(self, collect: bool = False) -> None:
        self.collect = collect
        self.found: list[Cnn2SnnError] = []

    def add(self, error: Cnn2SnnError) -> None:
        """Raises the error, or keeps it where it was not found before."""
        if not self.collect:
            raise error
        if str(error) not in map(str, self.found):
            self.found.append(error)

    @contextmanager
    def catch(self) -> Iterator[None]:
        """Adds the error that ends the block, if any."""
        try:
            yield
        except Cnn2SnnError as error:
            if not self.collect:
                raise
            self.add(error)

    def sort(self, layers: Iterable[str]) -> None:
        """Puts errors in the order of layers, those of the model as a whole first."""
        order = {layer: place for place, layer in enumerate(layers)}
        self.found.sort(key=lambda error: order.get(error.layer, -1))

    def settle(self, problems: Problems | None) -> None:
        """Hands all errors that were collected to `problems`, or raises them as one.

        The text of that error has a line for each, and its type is that of the first.
        """
        if problems is not None:
            for error in self.found:
                problems.add(error)
            return
        if not self.found:
            return
        first = self.found[0]
        if len(self.found) == 1:
            raise first
        together = type(first)(
            "\n".join(map(str, self.found)),
            layer=first.layer,
            kind=first.kind,
            expected=first.expected,
            received=first.received,
        )
        # Each line of the message has its own.
        together.remedy = first.remedy
        raise together

    def has(self, layer: str, *kinds: str | None) -> bool:
        """Whether an error of one of these kinds, or of any without `kinds`, was found for a layer."""
        return any(error.layer == layer and (not kinds or error.kind in kinds) for error in self.found)
