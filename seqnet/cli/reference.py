"""What the declarations say of components, as plain data: for `list`, `describe` and their --json."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from seqnet.arrays import Shape
from seqnet.checkers import show
from seqnet.declare import Component, options_of
from seqnet.errors import SeqnetError, SpecError, UsageError, nearest, suggestion
from seqnet.layers.base import Layer, ParamSpec
from seqnet.layers.inner import names_of as names_inside
from seqnet.plugins.faults import class_line
from seqnet.plugins.loading import file_of
from seqnet.registry import KIND_MODULES, components, snake_case
from seqnet.spec.sections import DataSection, TrainingSection

SECTIONS: dict[str, type[Component]] = {"data": DataSection, "training": TrainingSection}

# Kinds whose names Keras's users write in snake_case too.
_SPOKEN = ("optimizer", "loss", "metric", "initializer", "regularizer", "constraint")

# Input rows to try a layer on, until one fits.
_SHAPES = ((16,), (8, 16), (28, 28, 3), (8, 8, 8, 3), (), (8, 28, 28, 3))


def plural(kind: str) -> str:
    """layer -> layers, loss -> losses"""
    return {"loss": "losses", "dataset": "datasets"}.get(kind, f"{kind}s")


def kind_named(text: str) -> str:
    """A kind by its name in the singular or the plural. Raises UsageError with the nearest."""
    names = {name: kind for kind in KIND_MODULES for name in (kind, plural(kind))}
    found = names.get(text.lower().replace(" ", "").removesuffix("."))
    if found is None:
        raise UsageError(f"there is no kind {text!r}; {suggestion(text, [plural(k) for k in KIND_MODULES], limit=20)}")
    return found


def names_of(kind: str, cls: type[Component]) -> list[str]:
    """The other names that a file may use for a component; spellings that differ by capitals alone count once."""
    if kind == "section":
        return []
    snake = [snake_case(cls.__name__)] if kind in _SPOKEN and not cls.spec_name.islower() else []
    others = {name.lower(): name for name in reversed([*snake, *cls.aliases]) if name != cls.spec_name}
    return list(reversed(others.values()))


def first_line(cls: type[Component]) -> str:
    return inspect.cleandoc(cls.__doc__ or "").split("\n")[0]


def find(name: str, kind: str | None = None) -> list[tuple[str, type[Component]]]:
    """(kind, class) of every component of that name, the best fit first: exact names, aliases, then other capitals.

    Raises UsageError with the nearest name.
    """
    kinds = [kind] if kind else list(KIND_MODULES)
    everything = [(one, cls) for one in kinds for cls in components(one)]
    if kind is None:
        everything += [("section", cls) for cls in SECTIONS.values()]

    def distance(one: str, cls: type[Component]) -> int:
        key, others = key_of(one, cls), {*cls.aliases, *cls.automatic_aliases()}
        if name == key:
            return 0
        if name in others:
            return 1
        return 2 if name.lower() in (key.lower(), *(other.lower() for other in others)) else 3

    ranked = sorted(((distance(one, cls), one, cls) for one, cls in everything), key=lambda entry: entry[0])
    found = [(one, cls) for rank, one, cls in ranked if rank < 3]
    if found:
        return found
    near = nearest(name, {key_of(one, cls) for one, cls in everything})
    hint = f"did you mean {near}?" if near else "seqnet list shows what there is"
    raise UsageError(f"there is no {kind or 'component'} named {name!r}; {hint}")


def key_of(kind: str, cls: type[Component]) -> str:
    """What a file calls it."""
    if kind == "section":
        return next(key for key, section in SECTIONS.items() if section is cls)
    return cls.spec_name


def page(kind: str, cls: type[Component]) -> dict[str, Any]:
    """Everything there is to say of a component; options that every component of its kind has are `shared`."""
    root = next(base for base in cls.__mro__ if "kind" in vars(base))
    shared = [] if root is cls or kind == "section" else [name for name in options_of(cls) if name in options_of(root)]
    shared = [name for name in shared if not any(name in vars(base) for base in cls.__mro__ if base is not root)]
    described: dict[str, Any] = {
        "kind": kind,
        "name": key_of(kind, cls),
        "aliases": names_of(kind, cls),
        "doc": inspect.cleandoc(cls.__doc__ or ""),
        "options": [
            {
                "name": option.name,
                "type": option.checker.says(),
                "required": option.required,
                "default": None if option.required else _plain(option.default),
                "example": _plain(option.example),
                "help": option.help,
                "shared": option.name in shared,
            }
            for option in options_of(cls).values()
        ],
        "example": _example(kind, cls),
    }
    file = file_of(cls)
    if file is not None:
        described["plugin"] = f"{file.path}:{class_line(file, cls)}"
        described["example"] = {"plugins": [file.path], **described["example"]}
    for fact in ("title", "licence", "origin", "rows"):
        if kind == "dataset":
            described[fact] = getattr(cls, fact)
    if issubclass(cls, Layer):
        described["traced"] = traced(cls)
    return described


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def example_options(cls: type[Component]) -> dict[str, Any]:
    """Examples of the required options, and of those that rules between options ask for."""
    declared = options_of(cls).values()
    chosen = {option.name: _plain(option.example) for option in declared if option.required}
    try:
        cls(**chosen)
    except SpecError as error:
        asked = [o for o in declared if o.example is not None and re.search(rf"\b{o.name}\b", str(error))]
        chosen |= {option.name: _plain(option.example) for option in asked}
    return chosen


def _example(kind: str, cls: type[Component]) -> dict[str, Any]:
    """The component where it stands in a file, as plain data."""
    options = example_options(cls)
    one: Any = {cls.spec_name: options} if options else cls.spec_name
    if kind in ("optimizer", "loss"):
        return {kind: one}
    if kind in ("metric", "callback"):
        return {f"{kind}s": [one]}
    if kind == "layer":
        return {"model": [one] if cls.spec_name != "Input" else [one, {"Dense": {"units": 10}}]}
    if kind == "cell":
        return {"model": [{"RNN": {"cell": one}}]}
    if kind == "mixer":
        return {"training": {"augment": [one]}}
    if kind == "schedule":
        return {"optimizer": {"Adam": {"learning_rate": one}}}
    if kind == "dataset":
        return {"data": {"dataset": one}}
    if kind == "source":
        first = next(iter(options.values()), None)
        return {"data": {cls.spec_name: first if len(options) == 1 else options}}
    if kind == "column":
        return {"data": {"csv": {"path": "houses.csv", "target": "price", "columns": {"size": one}}}}
    if kind == "section":
        name = key_of(kind, cls)
        return {name: {"dataset": "iris", "validation_split": 0.2} if name == "data" else {"epochs": 10}}
    key = {"activation": "activation"}.get(kind, f"kernel_{kind}")
    return {"model": [{"Dense": {"units": 64, key: one}}]}


def traced(cls: type[Layer]) -> dict[str, Any] | None:
    """What the layer of the example makes of an input: shapes and variables; None where no usual input fits."""
    for shape in _SHAPES:
        try:
            layer = cls(**example_options(cls))
            output, specs = layer.output_shape(shape), _all_specs(layer, shape)
        except (SeqnetError, ValueError, TypeError, IndexError, NotImplementedError):
            continue
        return {
            "input": [None, *shape],
            "output": [None, *output],
            "weights": [
                {
                    "name": name,
                    "shape": list(spec.shape),
                    "initializer": _words(spec.initializer.to_spec()),
                    "trainable": spec.trainable,
                }
                for name, spec in specs.items()
            ],
        }
    return None


def _all_specs(layer: Layer, shape: Shape) -> dict[str, ParamSpec]:
    """The variables of a layer, and of the layers inside it under their names."""
    specs = dict(layer.param_specs(shape))
    inner = layer.children(shape)
    for name, (child, inner_shape) in zip(names_inside([child for child, _ in inner]), inner, strict=True):
        specs |= {f"{name}/{key}": spec for key, spec in _all_specs(child, inner_shape).items()}
    return specs


def _words(spec: Any) -> str:
    """A component as a file says it, in one line."""
    return spec if isinstance(spec, str) else show(spec)


def rows(kind: str) -> Iterator[dict[str, Any]]:
    """The components of a kind: name, other names, those of them that are not the name in snake_case, what it is."""
    for cls in components(kind):
        aliases = names_of(kind, cls)
        short = [name for name in aliases if name in cls.aliases]
        yield {"name": cls.spec_name, "aliases": aliases, "short": short, "summary": first_line(cls)}
