"""Small helpers of the Python API, under Keras's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np

from seqnet.arrays import Array
from seqnet.declare import Component
from seqnet.errors import DataError, UsageError
from seqnet.registry import custom_objects, register, scope

C = TypeVar("C", bound=Component)

_root: list[np.random.SeedSequence] = []


def set_random_seed(seed: int) -> None:
    """Make every model that is created from now on start from this seed."""
    _root[:] = [np.random.SeedSequence(seed)]


def next_seed() -> np.random.SeedSequence:
    """A seed for a new model: from set_random_seed where it was called, else fresh."""
    return _root[0].spawn(1)[0] if _root else np.random.SeedSequence()


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Integer labels as one-hot rows. x: (N, ...) -> (N, ..., num_classes), float32. Raises DataError."""
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    labels = labels.astype(np.int64)
    count = num_classes or int(labels.max(initial=-1)) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        raise DataError(f"labels must lie in 0..{count - 1}, got {labels.min()}..{labels.max()}")
    one_hot: Array = np.eye(count, dtype=np.float32)[labels]
    return one_hot


def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """x / ‖x‖ along an axis; zero rows stay zero."""
    array = np.atleast_1d(np.asarray(x, np.float64 if np.asarray(x).dtype == np.float64 else np.float32))
    length = np.atleast_1d(np.linalg.norm(array, order, axis))
    length[length == 0] = 1
    return array / np.expand_dims(length, axis)  # type: ignore[no-any-return]


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> Array:
    """Sequences of different length as rows of one: (N, maxlen, ...). Raises UsageError, DataError.

    maxlen: default: of the longest. padding, truncating: whether values are put before or after a shorter sequence,
    and taken off at the beginning or at the end of a longer one: "pre" or "post".
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise UsageError(f"pad_sequences: {name} must be 'pre' or 'post', got {given!r}")
    lengths = []
    for index, one in enumerate(sequences):
        if not hasattr(one, "__len__") or isinstance(one, (str, bytes)):
            raise DataError(f"pad_sequences takes a list of sequences of numbers, but entry {index} is {one!r}")
        lengths.append(len(one))
    longest = max(lengths, default=0) if maxlen is None else maxlen
    first: Any = next((one for one, length in zip(sequences, lengths, strict=True) if length), [])
    inner = np.shape(first)[1:]
    rows = np.full((len(lengths), longest, *inner), value, dtype)
    for index, (one, length) in enumerate(zip(sequences, lengths, strict=True)):
        kept = np.asarray(one[max(length - longest, 0) :] if truncating == "pre" else one[:longest])
        if not len(kept):
            continue
        if kept.shape[1:] != inner:
            raise DataError(f"pad_sequences: entry {index} has items of shape {kept.shape[1:]}, the first of {inner}")
        start = longest - len(kept) if padding == "pre" else 0
        rows[index, start : start + len(kept)] = kept
    return rows


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[type[C]], type[C]]:
    """Class decorator: make a component of one's own known under its name, and as `package>name`, as Keras calls it.

    The same as the decorator of its kind, such as `seqnet.layers.layer()`. Raises UsageError for what is no component.
    """

    def record(cls: type[C]) -> type[C]:
        if not hasattr(cls, "spec_name"):
            called = getattr(cls, "__name__", cls)
            raise UsageError(f"{called}: only layers, losses, metrics and other components can be registered")
        made: type[C] = register(f"{package}>{name or cls.__name__}", name=name)(cls)
        return made

    return record


def custom_object_scope(custom_objects: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Within `with custom_object_scope({"Gain": Gain}):`, these names stand for these classes."""
    return scope(custom_objects)


CustomObjectScope = custom_object_scope


def get_custom_objects() -> dict[str, Any]:
    """Names that stand for classes of one's own, beside those that were registered; entries may be added."""
    return custom_objects


def clear_session(free_memory: bool = True) -> None:
    """Nothing: models here share no global state, so there is none to clear; for scripts that ask for it."""


class PyDataset:
    """Batches by number, to be derived from: `__len__` says how many there are, `__getitem__(i)` gives one as (x, y)
    or (x, y, sample_weight).

    `on_epoch_begin` and `on_epoch_end` are called around every epoch. The arguments are taken for Keras's sake and
    change nothing: batches are made one after the other.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must say in __len__ how many batches it has")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must give batch number index in __getitem__")

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch; a class of endless data returns None."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """For what is to happen before an epoch."""

    def on_epoch_end(self) -> None:
        """For what is to happen after an epoch, such as shuffling."""


Sequence = PyDataset  # its older name
