"""Where the resolved files of runs differ, key by key; layers that one run has and another has not keep their row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqnet.activations import Activation
from seqnet.constraints import Constraint
from seqnet.declare import make
from seqnet.errors import Problem
from seqnet.initializers import Initializer
from seqnet.layers.base import Layer
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.optimizers.base import Optimizer
from seqnet.registry import snake_case
from seqnet.regularizers import Regularizer
from seqnet.schedules import Schedule
from seqnet.training.callbacks import Callback

_ABSENT = object()
_PLAIN = ("data", "training")  # sections that are no components
# What stands in a section, or under an option whose name ends like that: the defaults of these need not be shown.
_SECTIONS: dict[str, type[Any]] = {
    "model": Layer,
    "optimizer": Optimizer,
    "loss": Loss,
    "metrics": Metric,
    "callbacks": Callback,
}
_OPTIONS: dict[str, type[Any]] = {
    "activation": Activation,
    "initializer": Initializer,
    "regularizer": Regularizer,
    "constraint": Constraint,
    "learning_rate": Schedule,
}


@dataclass(frozen=True)
class Difference:
    """A key of the resolved files, dotted, and what each run has there; None where it has nothing."""

    key: str
    values: tuple[Any, ...]


def differences(files: Sequence[Any]) -> Iterator[Difference]:
    """Where pieces of plain data differ, from the top on: keys as `--set` takes them, nothing that is equal."""
    for key, values in _differing("", list(files), plain=True):
        if not _is_automatic_name(key, values):
            base = _base_at(key)
            yield Difference(key, tuple(None if value is _ABSENT else _brief(base, value) for value in values))


def _differing(key: str, values: list[Any], *, plain: bool = False) -> Iterator[tuple[str, list[Any]]]:
    """plain: a mapping here is a section or holds options, even where it looks like a component."""
    there = [value for value in values if value is not _ABSENT]
    if len(there) == len(values) and all(_same(value, values[0]) for value in values):
        return
    names = {None if plain else _component(value) for value in there}
    if len(names) > 1 or len(there) < len(values):
        yield key, values  # one has another component than the others, or none: its options say nothing side by side
    elif all(isinstance(value, Mapping) for value in there):
        for name in dict.fromkeys(name for value in there for name in value):
            inner = [value.get(name, _ABSENT) for value in there]
            below = names != {None} or (not key and name in _PLAIN)
            yield from _differing(f"{key}.{name}" if key else str(name), inner, plain=below)
    elif all(isinstance(value, list) for value in there) and any(_component(item) for value in there for item in value):
        for index, row in _aligned(there):
            yield from _differing(f"{key}.{index}", row)
    else:
        yield key, values


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: true is not 1, though 1 is 1.0."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def _component(value: Any) -> str | None:
    """The name of what may be a component with options: {Dense: {…}}."""
    if isinstance(value, Mapping) and len(value) == 1 and isinstance(next(iter(value.values())), Mapping):
        return str(next(iter(value)))
    return None


def _aligned(lists: Sequence[list[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Rows of items that stand for each other, such as the layers of stacks of which one has some more: index of the
    item in the first list that has it, and the items, with gaps."""
    rows: list[list[int | None]] = [[index] for index in range(len(lists[0]))]
    for place, items in enumerate(lists[1:], start=1):
        before = [[lists[at][index] for at, index in enumerate(row) if index is not None] for row in rows]
        rows = [[*([None] * place if left is None else rows[left]), right] for left, right in _matched(before, items)]
    for row in rows:
        index = next(index for index in row if index is not None)
        yield index, [_ABSENT if at is None else lists[place][at] for place, at in enumerate(row)]


def _matched(one: Sequence[list[Any]], other: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of indices, in order, that are as alike as they can be, and what has no pair. one: alternatives each.

    Reference: Needleman, Wunsch, "A general method applicable to the search for similarities", 1970; gaps cost nothing.
    """
    like = [[max(_likeness(item, right) for item in items) for right in other] for items in one]
    best = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]  # of what is left from (i, j) on
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + like[i][j])
    i = j = 0
    while i < len(one) or j < len(other):
        pair: tuple[int | None, int | None]
        if i == len(one) or j == len(other):
            pair = (i, None) if i < len(one) else (None, j)
        elif like[i][j] and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            pair = (i, j)
        else:
            pair = (i, None) if best[i][j] == best[i + 1][j] else (None, j)
        yield pair
        i, j = i + (pair[0] is not None), j + (pair[1] is not None)


def _likeness(one: Any, other: Any) -> float:
    """0 for components of different names, 2 for equal ones, between 1 and 2 by the share of options that agree."""
    name = _component(one)
    if name != _component(other) or (name is None and not _same(one, other)):
        return 0.0
    if name is None:
        return 2.0
    agree = [_same(value, other[name].get(key, _ABSENT)) for key, value in one[name].items() if key != "name"]
    return 1.0 + sum(agree) / max(len(agree), 1)


def _is_automatic_name(key: str, values: Sequence[Any]) -> bool:
    """Whether a difference is only that of dense_1 and dense_2, which nobody chose."""
    *_, component, last = ("", *key.split("."))
    numbered = re.compile(rf"{re.escape(snake_case(component))}(_[0-9]+)?")
    return last == "name" and all(isinstance(value, str) and numbered.fullmatch(value) for value in values)


def _base_at(key: str) -> type[Any] | None:
    """The kind of the component that may stand under a dotted key."""
    parts = key.split(".")
    if len(parts) - parts[-1].isdigit() == 1:
        return _SECTIONS.get(parts[0])
    return next((base for ending, base in _OPTIONS.items() if parts[-1].endswith(ending)), None)


def _brief(base: type[Any] | None, value: Any) -> Any:
    """A component without the options that are its defaults, as one would write it."""
    name = _component(value)
    if base is None or name is None:
        return value
    options = dict(value[name])
    if _is_automatic_name(f"{name}.name", [options.get("name")]):
        del options["name"]
    problems: list[Problem] = []
    made = make(base, {name: options}, (), problems)
    return value if problems else made.to_spec()
