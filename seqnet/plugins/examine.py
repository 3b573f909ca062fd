"""Looking at a component of a plugin before anything is made of it: are its methods there, its options declared?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from seqnet.checkers import INVALID, checker_of, show
from seqnet.declare import Component, Option, options_of
from seqnet.errors import Problem
from seqnet.plugins.faults import class_line, fault_in, method_line, option_line, problem_at
from seqnet.plugins.files import PluginFile

# What a component of a kind can't do without; a loss says it by itself.
_NEEDED = {
    "layer": ("forward", "backward"),
    "activation": ("forward", "backward"),
    "metric": ("update_state", "result"),
    "initializer": ("make",),
    "regularizer": ("__call__", "add_gradient"),
    "constraint": ("__call__",),
}
_TYPES = "seqnet.plugins has PositiveInt, PositiveFloat, Fraction and others; bool, int, float, str will do too"
_NO_GRADIENT = "seqnet has no automatic differentiation: backward(dy, cache, ctx) returns d loss / d x"


def examine(file: PluginFile, cls: type[Component]) -> Problem | None:
    """The first thing that is wrong with how a class is written."""
    return next(_problems(file, cls), None)


def _problems(file: PluginFile, cls: type[Component]) -> Iterator[Problem]:
    root = next(base for base in reversed(cls.__mro__) if "kind" in vars(base))
    yield from _options(file, cls)
    abstract = [name for name in dir(cls) if getattr(inspect.getattr_static(cls, name), "__isabstractmethod__", False)]
    for name in (*_NEEDED.get(cls.kind, ()), *abstract):
        original = getattr(cls, name)
        if name not in abstract and original is not getattr(root, name):
            continue
        hint = _NO_GRADIENT if "call" in vars(cls) or name == "backward" else inspect.getdoc(original) or ""
        message = f"{cls.__name__} must define {name}{_signature(original)}"
        yield problem_at(file, class_line(file, cls), message, hint.split("\n")[0])
    for name, method in vars(cls).items():
        original = inspect.getattr_static(root, name, None)
        if inspect.isfunction(method) and inspect.isfunction(original) and not _fits(method, original):
            message = f"{cls.__name__}.{name} is called with {_signature(original)}, which it does not take"
            hint = f"write def {name}{_signature(original, whole=True)}"
            yield problem_at(file, method_line(file, method, cls), message, hint)


def _options(file: PluginFile, cls: type[Component]) -> Iterator[Problem]:
    own = [name for name, value in vars(cls).items() if isinstance(value, Option)]
    annotated = inspect.get_annotations(cls)
    for name in own:
        if name not in annotated and not any(name in inspect.get_annotations(base) for base in cls.__mro__):
            message = f"the option {name} needs a type: {name}: PositiveInt = option(...)"
            yield problem_at(file, option_line(file, cls, name), message, _TYPES)
            return
    try:
        declared = options_of(cls)
    except Exception as error:
        guilty = next((name for name in own if not _is_type(cls, name)), None)
        line = class_line(file, cls) if guilty is None else option_line(file, cls, guilty)
        said = fault_in(file, error).message.removeprefix("TypeError: ")
        yield problem_at(file, line, f"{guilty or 'an option'} has no type that an option can have: {said}", _TYPES)
        return
    for option in declared.values():
        if option.attribute not in own or option.required:
            continue
        found: list[Problem] = []
        if option.checker.check(option.default, (option.name,), found) is INVALID or found:
            said = found[0].message if found else show(option.default)
            message = f"the default of the option {option.name} is none that it takes: {said}"
            yield problem_at(file, option_line(file, cls, option.attribute), message)


def _is_type(cls: type[Component], option: str) -> bool:
    """Whether the annotation of an option is one that options can have."""
    written = next((vars(base).get("__annotations__", {}).get(option) for base in cls.__mro__), None)
    names = {**vars(sys.modules[cls.__module__]), **vars(cls)}
    try:
        checker_of(eval(written, names) if isinstance(written, str) else written)
    except Exception:
        return False
    return True


def _signature(method: Any, *, whole: bool = False) -> str:
    """(x, ctx): what a method is called with; whole: as it is written, self included."""
    parameters = list(inspect.signature(method).parameters.values())
    chosen = [p.replace(annotation=inspect.Parameter.empty) for p in (parameters if whole else parameters[1:])]
    return str(inspect.Signature(chosen))


def _fits(method: Any, original: Any) -> bool:
    """Whether a method can be called as the one that it takes the place of."""
    arguments: list[None] = []
    named: dict[str, None] = {}
    for parameter in inspect.signature(original).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            arguments.append(None)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = None
    try:
        inspect.signature(method).bind(*arguments, **named)
    except TypeError:
        return False
    return True
