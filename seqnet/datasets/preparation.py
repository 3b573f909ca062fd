"""What makes the rows that a network takes of a user's files: fitted to training rows, kept with the weights."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqnet.datasets.labels import Array
from seqnet.errors import CheckpointError

if TYPE_CHECKING:
    from seqnet.datasets.base import Data, Split

# The module of each kind, by the name that a checkpoint gives it.
KINDS: dict[str, str] = {
    "table": "seqnet.datasets.table_preparation",
    "text": "seqnet.datasets.text",
    "images": "seqnet.datasets.images",
    "series": "seqnet.datasets.series",
}


class Preparation(ABC):
    """Turns raw rows into numbers, the same way in training, evaluation and prediction."""

    kind: ClassVar[str]
    example: ClassVar[str]  # what a file of new rows may be called
    scales_targets = False  # whether targets are other numbers than those of the files
    targets: Sequence[str] = ()  # the names of the columns that are predicted, where they are known

    @property
    def scales_inputs(self) -> bool:
        """Whether every number it gives is brought to a common size, so that large ones are only far out."""
        return False

    def exclude(self, names: Iterable[str]) -> None:  # noqa: B027 (most have nothing to leave out)
        """Leave columns that say how rows are divided (group, time, split) out of the inputs, before fit.

        Those that the options name as inputs stay.
        """

    def classes(self, train: Split) -> Array | None:
        """The class of each raw row as an integer, (N,), before fit; None where the targets are no classes, or are
        in `train.y` already."""
        return None

    @abstractmethod
    def fit(self, train: Split) -> None:
        """Take from the raw training rows what has to be known of them: means, categories. Raises DataError."""

    @abstractmethod
    def apply(self, split: Split) -> Split:
        """Raw rows as the network takes them. Raises DataError."""

    @abstractmethod
    def finish(self, data: Data) -> None:
        """Say of prepared data what is known now: names of features and classes, the task."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Options and what was fitted, as plain data fit for JSON."""

    @classmethod
    @abstractmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The preparation that `state` describes. Raises CheckpointError."""

    @abstractmethod
    def read(self, path: Path, rows: int) -> Iterator[Array]:
        """The prepared inputs of a file of the same kind without need of targets, at most `rows` at a time.

        Raises DataError.
        """

    def names(self) -> list[str] | None:
        """What the rows that `read` gave last are called, such as their files; None where they have no names."""
        return None

    def warnings(self) -> list[str]:
        """What is to be said about the file that `read` has read."""
        return []

    def unscaled(self, outputs: Array) -> Array:
        """Outputs of a network, or targets, (N, …), in the units of the files, where targets were scaled."""
        return outputs

    def forecast(self, outputs: Array) -> list[dict[str, Any]] | None:
        """The rows of a table about the outputs for the file that `read` has read, where they are more than one value
        a row; outputs are unscaled."""
        return None


def saved(preparation: Preparation) -> dict[str, Any]:
    """What a checkpoint keeps of a preparation."""
    return {"kind": preparation.kind, **preparation.state()}


def restored(state: Mapping[str, Any]) -> Preparation:
    """The preparation that a checkpoint kept. Raises CheckpointError."""
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(f"the checkpoint prepares its rows by {kind!r}, which this version does not know")
    module = importlib.import_module(KINDS[kind])
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, Preparation) and getattr(cls, "kind", None) == kind:
            return cls.restore({key: value for key, value in state.items() if key != "kind"})
    raise AssertionError(f"{KINDS[kind]} has no preparation {kind!r}")
