"""What an option accepts: each Checker checks a value, says its rule in words, and gives its JSON Schema.

`checker_of` turns an annotation (`int`, `float | None`, `Literal[...]`, `tuple[int, ...]`, a Component class, or
`Annotated[..., checker]`) into a Checker. Numbers given as NumPy scalars count as numbers; booleans never do.
"""

from __future__ import annotations

import math
import operator
import os
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.errors import Path, Problem, suggestion

INVALID: Any = type("Invalid", (), {"__repr__": lambda self: "INVALID"})()
REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()


def show(value: Any) -> str:
    """A value as YAML would write it, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {show(item)}" for key, item in list(value.items())[:4]) + "}"
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(show(item) for item in list(value)[:8]) + (", …]" if len(value) > 8 else "]")
    else:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def written(value: Any) -> str:
    """A value as one would type it into a file, plain words without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    return value if isinstance(value, str) and value.replace(".", "").isidentifier() else show(value)


class Checker(ABC):
    """A rule for one value."""

    @abstractmethod
    def matches(self, value: Any) -> bool:
        """Whether the value is of the right type at all; chooses the branch of a union."""

    @abstractmethod
    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        """The checked value, or INVALID after appending a problem."""

    @abstractmethod
    def says(self) -> str:
        """The rule in words: "a whole number > 0"."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The rule as JSON Schema."""

    def dump(self, value: Any, *, full: bool = True) -> Any:
        """The value as plain data, such that check(dump(value)) gives it back; `full` writes nested defaults too."""
        return value

    def refuse(self, value: Any, path: Path, problems: list[Problem], hint: str = "") -> Any:
        name = next((str(key) for key in reversed(path) if isinstance(key, str)), "value")
        place = f"{name} (entry {path[-1] + 1})" if path and isinstance(path[-1], int) else name
        problems.append(Problem(path, f"{place} must be {self.says()}, got {show(value)}", hint))
        return INVALID


@dataclass(frozen=True)
class Number(Checker):
    """A whole or a real number, within bounds."""

    whole: bool = False
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    finite: bool = True

    def matches(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)):
            return False
        return isinstance(value, (int, np.integer) if self.whole else (int, float, np.integer, np.floating))

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not self.matches(value):
            return self.refuse(value, path, problems, _number_hint(value) if isinstance(value, str) else "")
        number = operator.index(value) if self.whole else float(value)
        inside = (
            (self.gt is None or number > self.gt)
            and (self.ge is None or number >= self.ge)
            and (self.lt is None or number < self.lt)
            and (self.le is None or number <= self.le)
            and (not self.finite or math.isfinite(number))
        )
        return number if inside else self.refuse(value, path, problems)

    def says(self) -> str:
        bounds = [
            f"{sign} {bound if isinstance(bound, int) else format(bound, 'g')}"
            for sign, bound in ((">", self.gt), (">=", self.ge), ("<", self.lt), ("<=", self.le))
            if bound is not None
        ]
        return " ".join(["a whole number" if self.whole else "a number", " and ".join(bounds)]).strip()

    def schema(self) -> dict[str, Any]:
        names = {"exclusiveMinimum": self.gt, "minimum": self.ge, "exclusiveMaximum": self.lt, "maximum": self.le}
        bounds = {name: bound for name, bound in names.items() if bound is not None}
        return {"type": "integer" if self.whole else "number", **bounds}


@dataclass(frozen=True)
class Plain(Checker):
    """True or false, a text, or anything at all."""

    type: type
    words: str
    json: str | None

    def matches(self, value: Any) -> bool:
        return isinstance(value, self.type) or (self.type is bool and isinstance(value, np.bool_))

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not self.matches(value):
            hint = ""
            if self.type is str and isinstance(value, (int, float)) and not isinstance(value, bool):
                hint = "put it in quotes"
            if self.type is bool and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
                hint = "write true or false"
            return self.refuse(value, path, problems, hint)
        return bool(value) if self.type is bool else value

    def says(self) -> str:
        return self.words

    def schema(self) -> dict[str, Any]:
        return {} if self.json is None else {"type": self.json}


@dataclass(frozen=True)
class FileName(Plain):
    """The path of a file or folder: a text, or in Python a Path, which is kept as a text."""

    def matches(self, value: Any) -> bool:
        return isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        return os.fspath(value) if self.matches(value) else super().check(value, path, problems)


@dataclass(frozen=True)
class Choice(Checker):
    """One of a few values."""

    values: tuple[Any, ...]

    def matches(self, value: Any) -> bool:
        return any(value == known and type(value) is type(known) for known in self.values)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if self.matches(value):
            return value
        hint = suggestion(value, [str(known) for known in self.values]) if isinstance(value, str) else ""
        return self.refuse(value, path, problems, hint if hint.startswith("did") else "")

    def says(self) -> str:
        *head, tail = (show(value).strip("'") for value in self.values)
        return f"{', '.join(head)} or {tail}" if head else tail

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Optional(Checker):
    """A value or null."""

    inner: Checker

    def matches(self, value: Any) -> bool:
        return value is None or self.inner.matches(value)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        return None if value is None else self.inner.check(value, path, problems)

    def says(self) -> str:
        return f"{self.inner.says()}, or null"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.inner.schema(), {"type": "null"}]}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return None if value is None else self.inner.dump(value, full=full)


@dataclass(frozen=True)
class Either(Checker):
    """One of several kinds of value; the first branch whose type fits does the checking."""

    branches: tuple[Checker, ...]

    def matches(self, value: Any) -> bool:
        return any(branch.matches(value) for branch in self.branches)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        for branch in self.branches:
            if branch.matches(value):
                return branch.check(value, path, problems)
        tried: list[Problem] = []
        for branch in self.branches:
            branch.check(value, path, tried)
        return self.refuse(value, path, problems, next((one.hint for one in tried if one.hint), ""))

    def says(self) -> str:
        return " or ".join(branch.says() for branch in self.branches)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [branch.schema() for branch in self.branches]}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return next((b.dump(value, full=full) for b in self.branches if b.matches(value)), value)


@dataclass(frozen=True)
class Tuple(Checker):
    """A list of values under one rule; `length` fixes how many, `spread` lets one value stand for all of them, or for
    a list of one where any number is good."""

    inner: Checker
    length: int | None = None
    spread: bool = False
    minimum: int = 0
    mutable: bool = False

    def matches(self, value: Any) -> bool:
        return isinstance(value, (list, tuple, np.ndarray)) or (self.spread and self.inner.matches(value))

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if self.spread and self.inner.matches(value):
            one = self.inner.check(value, path, problems)
            return INVALID if one is INVALID else (one,) * (1 if self.length is None else self.length)
        if not self.matches(value):
            return self.refuse(value, path, problems)
        if self.length is not None and len(value) != self.length or len(value) < self.minimum:
            return self.refuse(value, path, problems)
        items = [self.inner.check(item, (*path, i), problems) for i, item in enumerate(value)]
        if any(item is INVALID for item in items):
            return INVALID
        return items if self.mutable else tuple(items)

    def says(self) -> str:
        count = f"{self.length} entries" if self.length is not None else "values"
        if self.minimum and self.length is None:
            count = f"at least {self.minimum} values"
        one = f"{self.inner.says()}, or " if self.spread else ""
        return f"{one}a list of {count}, each {self.inner.says()}"

    def schema(self) -> dict[str, Any]:
        many: dict[str, Any] = {"type": "array", "items": self.inner.schema()}
        if self.length is not None:
            many |= {"minItems": self.length, "maxItems": self.length}
        elif self.minimum:
            many["minItems"] = self.minimum
        return {"anyOf": [self.inner.schema(), many]} if self.spread else many

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return [self.inner.dump(item, full=full) for item in value]


@dataclass(frozen=True)
class MappingOf(Checker):
    """A mapping whose keys and whose values each follow one rule."""

    keys: Checker
    values: Checker

    def matches(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not self.matches(value):
            return self.refuse(value, path, problems)
        checked = {}
        name = next((str(key) for key in reversed(path) if isinstance(key, str)), "value")
        for key, item in value.items():
            wrong: list[Problem] = []
            good = self.keys.check(key, path, wrong)
            for one in wrong:
                message = f"a key of {name} must be {self.keys.says()}, got {show(key)}"
                problems.append(Problem((*path, key), message, one.hint, on_key=True))
            found: list[Problem] = []
            checked[good] = self.values.check(item, (*path, key), found)
            for one in found:
                if one.path == (*path, key):
                    message = f"{name} of {key} must be {self.values.says()}, got {show(item)}"
                    one = Problem(one.path, message, one.hint)
                problems.append(one)
        return INVALID if any(item is INVALID for pair in checked.items() for item in pair) else checked

    def says(self) -> str:
        return f"a mapping from {self.keys.says()} to {self.values.says()}"

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.values.schema()}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return {self.keys.dump(key): self.values.dump(item, full=full) for key, item in value.items()}


@dataclass(frozen=True)
class ComponentOf(Checker):
    """A component of one kind: its name, `{Name: {options}}`, or an instance."""

    base: Any

    def matches(self, value: Any) -> bool:
        return isinstance(value, (str, Mapping, self.base)) or self.base.from_value(value) is not None

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        from seqnet.declare import make  # a component's options may be components in turn

        return make(self.base, value, path, problems)

    def says(self) -> str:
        article = "an" if self.base.kind[0] in "aeiou" else "a"
        return f"{article} {self.base.kind}"

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.base.kind}"}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return value.to_spec(full=full)


BOOL = Plain(bool, "true or false", "boolean")
TEXT = Plain(str, "a text", "string")
ANYTHING = Plain(object, "anything", None)

PathText = Annotated[str, FileName(str, "a path", "string")]
PositiveInt = Annotated[int, Number(whole=True, gt=0)]
NonNegativeInt = Annotated[int, Number(whole=True, ge=0)]
PositiveFloat = Annotated[float, Number(gt=0)]
NonNegativeFloat = Annotated[float, Number(ge=0)]
Fraction = Annotated[float, Number(ge=0, lt=1)]  # 0 <= x < 1
Share = Annotated[float, Number(ge=0, le=1)]  # 0 <= x <= 1
Shape = tuple[int | None, ...]
ShapeOption = Annotated[Shape, Tuple(Optional(Number(whole=True, gt=0)))]


def spread(length: int, **bounds: Any) -> Checker:
    """A whole number, or a list of `length` of them: kernel_size: 3 or [3, 5]."""
    return Tuple(Number(whole=True, **bounds), length=length, spread=True)


Pair = Annotated[tuple[int, int], spread(2, gt=0)]
Triple = Annotated[tuple[int, int, int], spread(3, gt=0)]
Single = Annotated[tuple[int], spread(1, gt=0)]


def checker_of(annotation: Any) -> Checker:
    """The Checker for an annotation. Raises TypeError for one that has no rule."""
    simple = {int: Number(whole=True), float: Number(), bool: BOOL, str: TEXT, Any: ANYTHING}
    if annotation in simple:
        return simple[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return next((extra for extra in args[1:] if isinstance(extra, Checker)), None) or checker_of(args[0])
    if origin in (types.UnionType, typing.Union):
        branches = tuple(checker_of(arg) for arg in args if arg is not type(None))
        one = branches[0] if len(branches) == 1 else Either(branches)
        return Optional(one) if type(None) in args else one
    if origin is Literal:
        return Choice(args)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return Tuple(checker_of(args[0]))
        return Tuple(checker_of(args[0]), length=len(args))
    if origin is list:
        return Tuple(checker_of(args[0]), mutable=True)
    if origin is dict:
        return MappingOf(checker_of(args[0]), checker_of(args[1]))
    if isinstance(annotation, type) and hasattr(annotation, "kind"):
        return ComponentOf(annotation)
    raise TypeError(f"no rule for the annotation {annotation!r}")


def _number_hint(text: str) -> str:
    """How to write a text that was meant as a number."""
    if _is_number(text):
        return "remove the quotes"
    if text.endswith("%") and _is_number(text[:-1]):
        return f"write {float(text[:-1]) / 100:g}"
    if text.count(",") == 1 and _is_number(text.replace(",", ".")):
        return f"write {text.replace(',', '.')}"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
