"""Which components exist: their kinds, their names, and where each kind's classes live.

A decorator records a class under its Keras name; a kind's modules are imported when one of its names is first asked
for, so a command pays only for what its file uses.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, overload

from seqnet.errors import nearest
from seqnet.spelling import usual_name

if TYPE_CHECKING:
    from seqnet.declare import Component

C = TypeVar("C", bound="Component")

# Importing these modules registers every class of the kind.
KIND_MODULES: dict[str, str] = {
    "layer": "seqnet.layers",
    "cell": "seqnet.layers",
    "optimizer": "seqnet.optimizers",
    "schedule": "seqnet.schedules",
    "loss": "seqnet.losses",
    "metric": "seqnet.metrics",
    "activation": "seqnet.activations",
    "initializer": "seqnet.initializers",
    "regularizer": "seqnet.regularizers",
    "constraint": "seqnet.constraints",
    "callback": "seqnet.callbacks",
    "mixer": "seqnet.training.mixing",
    "dataset": "seqnet.datasets.catalogue",
    "source": "seqnet.datasets.sources",
    "column": "seqnet.datasets.text_columns",  # and with it seqnet.datasets.columns
}

# Kinds whose names are easily taken for one another.
_SIBLINGS = ("layer", "cell", "loss", "metric", "optimizer", "callback", "activation", "mixer")

_names: dict[str, dict[str, type[Component]]] = {kind: {} for kind in KIND_MODULES}
_aliases: dict[str, dict[str, type[Component]]] = {kind: {} for kind in KIND_MODULES}


class UnknownName(LookupError):
    """No component of the kind has this name; `hint` names the nearest."""

    def __init__(self, kind: str, name: str, hint: str) -> None:
        super().__init__(f"there is no {kind} named {name!r}")
        self.hint = hint


class NameTaken(TypeError):
    """A component of a plugin has a name that is given away; `holder` is who has it."""

    def __init__(self, name: str, holder: type[Component]) -> None:
        super().__init__(f"the {holder.kind} name {name!r} is taken by {holder.__name__}")
        self.name = name
        self.holder = holder


# Names that come first: Keras's custom_objects, those for good and those that hold for a while.
custom_objects: dict[str, Any] = {}
_scopes: list[Mapping[str, Any]] = [custom_objects]
# Who is told of a component that is no part of this package before its names are given to it.
_watchers: list[Callable[[type[Component], list[str]], None]] = []


@overload
def register(cls: type[C], /) -> type[C]: ...
@overload
def register(*aliases: str, name: str | None = None) -> Callable[[type[C]], type[C]]: ...
def register(*aliases: Any, name: str | None = None) -> Any:
    """Class decorator: make a component known under `name` (default: the class name), its kind's automatic aliases
    (snake_case and lower case, except for layers) and `aliases`; `@register` alone is the same as `@register()`.

    Raises TypeError for what is no component, or an alias that another one has.
    """
    if len(aliases) == 1 and isinstance(aliases[0], type):
        return register()(aliases[0])

    def record(cls: type[C]) -> type[C]:
        if not isinstance(cls, type) or not hasattr(cls, "spec_name"):
            called = getattr(cls, "__name__", cls)
            raise TypeError(f"{called} is no component: derive it from the base of its kind, class {called}(Layer)")
        cls.spec_name = name or cls.__name__
        every = list(dict.fromkeys((*aliases, *cls.automatic_aliases())))
        if _watchers and not is_built_in(cls):
            _watchers[-1](cls, every)
        give(cls, every)
        cls.aliases = aliases
        return cls

    return record


def give(cls: type[Component], aliases: Iterable[str]) -> None:
    """Let a component have its name and aliases. Raises TypeError where another one has an alias."""
    others = _aliases[cls.kind]
    _names[cls.kind][cls.spec_name] = cls
    for alias in aliases:
        holder = others.get(alias, cls)
        if holder is not cls and (holder.__module__, holder.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.kind} alias {alias!r} is taken by {holder.__name__}")
        others[alias] = cls  # a class that is defined anew, as in a notebook, takes the place of the old one


def take_back(cls: type[Component]) -> None:
    """Forget a component."""
    for table in (_names[cls.kind], _aliases[cls.kind]):
        for key in [key for key, holder in table.items() if holder is cls]:
            del table[key]


def is_built_in(cls: type[Any]) -> bool:
    """Whether a class is a part of this package."""
    return cls.__module__.startswith("seqnet.")


def holder_of(kind: str, name: str) -> type[Component] | None:
    """Who has a name or alias, custom objects aside."""
    importlib.import_module(KIND_MODULES[kind])
    return _names[kind].get(name) or _aliases[kind].get(name)


@contextmanager
def watched(watcher: Callable[[type[Component], list[str]], None]) -> Iterator[None]:
    """While it lasts, `watcher(cls, aliases)` is told of every component that is no part of this package, and may raise
    instead of letting it in."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.pop()


@contextmanager
def scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """While it lasts, these names stand for these classes."""
    _scopes.append(objects or {})
    try:
        yield
    finally:
        _scopes.pop()


def _in_scope(kind: str, name: str) -> type[Component] | None:
    for objects in reversed(_scopes):
        found = objects.get(name)
        if isinstance(found, type) and getattr(found, "kind", None) == kind:
            return found
    return None


def lookup(kind: str, name: str) -> type[Component]:
    """The class of a component by its name or alias. Raises UnknownName."""
    found = _in_scope(kind, name) or _names[kind].get(name) or _aliases[kind].get(name)
    if found is None:
        importlib.import_module(KIND_MODULES[kind])
        found = _names[kind].get(name) or _aliases[kind].get(name)
    if found is None:
        raise UnknownName(kind, name, _name_hint(kind, name))
    return found


def is_known(kind: str, name: str) -> bool:
    """Whether `lookup` finds the name."""
    return _in_scope(kind, name) is not None or holder_of(kind, name) is not None


def plural(kind: str) -> str:
    """losses, layers: what `seqnet list` calls a kind."""
    return "losses" if kind == "loss" else f"{kind}s"


def name_hint(kind: str) -> str:
    """The names of a kind, or how to see them where they are many."""
    importlib.import_module(KIND_MODULES[kind])
    names = sorted(_names[kind])
    return f"known: {', '.join(names)}" if len(names) <= 12 else f"`seqnet list {plural(kind)}` shows all {len(names)}"


def _name_hint(kind: str, name: str) -> str:
    """What is meant, or where to look: what others call so, a name of another kind, the nearest name, or all."""
    meant = usual_name(kind, name)
    if meant is not None and is_known(kind, meant):
        return f"did you mean {meant}?"
    called, bracket, _ = name.partition("(")
    if bracket and is_known(kind, called):
        return f"options are written {called}: {{name: value}}"
    aliases = [a for a, cls in _aliases[kind].items() if len(a) > 3 and not _runs_together(a, cls)]
    near = nearest(name, [*_names[kind], *aliases])
    if near is not None and _letters(near) == _letters(name):
        return f"did you mean {near}?"
    other = next((other for other in _SIBLINGS if other != kind and is_known(other, name)), None)
    if other is not None:
        article = "an" if other[0] in "aeiou" else "a"
        write = {"activation": f"Activation: {{activation: {name}}}", "cell": f"RNN: {{cell: {name}}}"}
        layer = f"; as a layer write {write[other]}" if kind == "layer" and other in write else ""
        if {kind, other} == {"layer", "mixer"}:  # both are layers in Keras
            layer = f"; its place is {'model' if other == 'layer' else f'training: {{augment: [{name}]}}'}"
        return f"{name} is {article} {other}{layer}"
    return f"did you mean {near}?" if near is not None else name_hint(kind)


def components(kind: str) -> Iterator[type[Component]]:
    """Every component class of a kind, in the order of declaration."""
    importlib.import_module(KIND_MODULES[kind])
    yield from _names[kind].values()


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _runs_together(alias: str, cls: type[Component]) -> bool:
    """Whether an alias is several words without anything between them, which no one likes to read."""
    return alias == cls.__name__.lower() != snake_case(cls.__name__)


def snake_case(name: str) -> str:
    """Keras's automatic names: Conv2D -> conv2d, PReLU -> p_re_lu, BatchNormalization -> batch_normalization."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
