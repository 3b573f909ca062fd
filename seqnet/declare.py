"""One declaration a component: a class whose annotated `option`s are its YAML keys and its Python arguments.

From that declaration come checking (alike for YAML and Python), defaults, `get_config`, help texts, the JSON Schema
and the reference. What an annotation accepts is said by a Checker (module seqnet.checkers).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

from seqnet.checkers import INVALID, REQUIRED, Checker, checker_of, show, written
from seqnet.errors import Path, Problem, SpecError, nearest, suggestion
from seqnet.registry import UnknownName, is_known, lookup, name_hint, snake_case
from seqnet.spelling import option_saying, usual_option

C = TypeVar("C", bound="Component")


@dataclass(frozen=True, slots=True)
class Option:
    """An option as declared on its class: help text, default, place in the positional order."""

    help: str
    default: Any = REQUIRED
    example: Any = None
    kw_only: bool = False
    last: int = 0
    name: str = ""
    checker: Checker = field(default=None, repr=False)  # type: ignore[assignment]
    attribute: str = ""  # under which instances hold the value

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def option(
    help: str,
    *,
    default: Any = REQUIRED,
    example: Any = None,
    kw_only: bool = False,
    last: int = 0,
    name: str = "",
) -> Any:
    """Declare an option: `units: PositiveInt = option("width of the output", example=64)`.

    help: what it means, with its unit. default: as one would write it in YAML; without one the option is required,
    and `example` says what `seqnet describe` shows. kw_only: not part of the positional order. last: comes after the
    options of derived classes in the positional order (for bases whose options Keras puts last); higher is later.
    name: what YAML and Python call the option, where the class needs that name for something else.
    """
    return Option(help, default, example, kw_only, last, name)


class Component:
    """Base of everything a YAML file can name. A subclass declares options and, where it must, `cross_check`.

    Raises SpecError when an option is unknown, missing, of the wrong type or out of range.
    """

    kind: ClassVar[str]
    spec_name: ClassVar[str]  # what YAML calls it; set by `register`
    aliases: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        name = cls.spec_name
        problems: list[Problem] = []
        values = check_options(cls, _bind(cls, args, kwargs), (), problems)
        if problems:
            raise SpecError("\n".join(f"{name}: {problem}" for problem in problems), problems)
        self._hold(values)
        self.setup()

    def _hold(self, values: Mapping[str, Any]) -> None:
        options = options_of(type(self))
        self.__dict__.update({options[name].attribute: value for name, value in values.items()})

    def setup(self) -> None:
        """Called once the options are set; for what is derived from them."""

    def called(self, name: str) -> None:
        """Called when a bare name made the component, with that name; metrics report under what the user wrote."""

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield (option, rule that its value breaks) for rules between options; every value is already checked."""
        return iter(())

    @classmethod
    def automatic_aliases(cls) -> tuple[str, ...]:
        """Names that follow from the class name; layers have none, so that YAML says `Dense`, not `dense`."""
        return (snake_case(cls.__name__), cls.__name__.lower())

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """Turn a Python value that is neither a name, a mapping nor an instance into a component, or return None."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Every option, as plain numbers, strings, lists and mappings."""
        return {name: self.plain_option(one, full=True) for name, one in options_of(type(self)).items()}

    def plain_option(self, declared: Option, *, full: bool) -> Any:
        """An option's value as plain data; `full` writes nested defaults too."""
        return declared.checker.dump(getattr(self, declared.attribute), full=full)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The inverse of get_config."""
        return cls(**config)

    def given_config(self) -> dict[str, Any]:
        """The options that differ from their defaults, plain as in get_config."""
        options = options_of(type(self))
        return {
            name: self.plain_option(options[name], full=False)
            for name, value in self.get_config().items()
            if options[name].required or value != _plain_default(type(self), name)
        }

    def to_spec(self, *, full: bool = False) -> Any:
        """As one would write it in YAML: a bare name, or `{Name: {options}}`; `full` writes the defaults too."""
        config = self.get_config() if full else self.given_config()
        return {self.spec_name: config} if config else self.spec_name

    def replace(self, **changes: Any) -> Self:
        """A copy with some options changed; derived values are made again."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(changes)
        copy.setup()
        return copy

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.given_config().items())
        return f"{self.spec_name}({options})"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.spec_name = cls.__name__
        # Python's help() and editors show the real arguments; made only when asked for.
        cls.__signature__ = _LazySignature()  # type: ignore[attr-defined]


def parts_of(component: Component) -> Iterator[Component]:
    """The component and every component among its options, however deep."""
    yield component
    for declared in options_of(type(component)).values():
        yield from _parts_in(getattr(component, declared.attribute, None))


def _parts_in(value: Any) -> Iterator[Component]:
    if isinstance(value, Component):
        yield from parts_of(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _parts_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _parts_in(item)


class _LazySignature:
    def __get__(self, instance: object, owner: type[Component]) -> inspect.Signature:
        return inspect.Signature(
            [
                inspect.Parameter(
                    o.name,
                    inspect.Parameter.KEYWORD_ONLY if o.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    default=inspect.Parameter.empty if o.required else o.default,
                )
                for o in sorted(options_of(owner).values(), key=lambda o: (o.kw_only, not o.required))
            ]
        )


# The keys of what Keras's serialize writes; only the first two say something.
_SERIALIZED = frozenset(("class_name", "config", "module", "registered_name", "build_config", "shared_object_id"))

_declared: dict[type[Component], dict[str, Option]] = {}
_defaults: dict[tuple[type[Component], str], Any] = {}


def options_of(cls: type[Component]) -> dict[str, Option]:
    """The options of a class in positional order; keyword-only ones at the end."""
    if cls in _declared:
        return _declared[cls]
    annotations = typing.get_type_hints(cls, include_extras=True)
    found: dict[str, Option] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Option):
                checker, called = checker_of(annotations[name]), value.name or name
                if called in found and found[called].kw_only > value.kw_only:
                    del found[called]  # it joins the positional options at the place where it is declared anew
                found[called] = Option(
                    value.help, value.default, value.example, value.kw_only, value.last, called, checker, name
                )
    order = sorted(found.values(), key=lambda o: (o.kw_only, o.last))
    _declared[cls] = {o.name: o for o in order}
    return _declared[cls]


def _plain_default(cls: type[Component], name: str) -> Any:
    if (cls, name) not in _defaults:
        declared = options_of(cls)[name]
        _defaults[cls, name] = declared.checker.dump(declared.checker.check(declared.default, (name,), []))
    return _defaults[cls, name]


def _bind(cls: type[Component], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    positional = [o.name for o in options_of(cls).values() if not o.kw_only]
    if len(args) > len(positional):
        raise SpecError(f"{cls.spec_name} takes at most {len(positional)} positional arguments, got {len(args)}")
    given = dict(zip(positional, args, strict=False))
    for name in given.keys() & kwargs.keys():
        raise SpecError(f"{cls.spec_name}: {name} is given twice, by position and by name")
    return {**given, **kwargs}


def check_options(
    cls: type[Component], given: Mapping[str, Any], path: Path, problems: list[Problem]
) -> dict[str, Any]:
    """Check `given` against the options of `cls`; append what is wrong to `problems`; return checked values."""
    options = options_of(cls)
    before = len(problems)
    meant: set[str | None] = set()
    for name in given:
        if name not in options:
            near = usual_option(str(name), options) or nearest(str(name), options)
            hint = f"did you mean {near}?" if near else suggestion(str(name), options, limit=40)
            hint = option_saying(str(name)) or hint if options else "it has no options"
            problems.append(Problem((*path, name), f"{cls.spec_name} has no option {show(name)}", hint, on_key=True))
            meant.add(near)
    values: dict[str, Any] = {}
    for name, declared in options.items():
        if name in given:
            values[name] = declared.checker.check(given[name], (*path, name), problems)
        elif declared.required and name in meant:
            continue  # it is there, misspelled, and that has been said
        elif declared.required:
            example = "" if declared.example is None else f"for instance {name}: {show(declared.example)}"
            message = f"{cls.spec_name} needs {name}: {declared.help} ({declared.checker.says()})"
            problems.append(Problem(path, message, example))
        else:
            values[name] = declared.checker.check(declared.default, (*path, name), problems)
    if len(problems) == before:
        for name, rule in cls.cross_check(values):
            problems.append(Problem((*path, name) if name in given else path, f"{cls.spec_name}: {rule}"))
    return values


def make(base: type[C], value: Any, path: Path, problems: list[Problem]) -> C | Any:
    """A component of `base`'s kind from a name, `{Name: {options}}` or an instance; INVALID after a problem."""
    if isinstance(value, base):
        return value
    kind = base.kind
    label = path[-1] if path and isinstance(path[-1], str) else kind
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str) and _SERIALIZED.issuperset(value):
        value = {value["class_name"]: value.get("config")}
    name: str
    options: Any
    if isinstance(value, str):
        name, options, inner = value, {}, path
    elif isinstance(value, Mapping) and len(value) == 1 and isinstance(next(iter(value)), str):
        name, options = next(iter(value.items()))
        inner = (*path, name)
        options = {} if options is None else options
    else:
        adapted = base.from_value(value)
        if adapted is not None:
            return adapted
        article = "an" if kind[0] in "aeiou" else "a"
        message = f"{label} must be {article} {kind} name or {{Name: {{options}}}}, got {show(value)}"
        problems.append(Problem(path, message, _form_hint(kind, value, path)))
        return INVALID
    try:
        cls = lookup(kind, name)
    except UnknownName as error:
        problems.append(Problem(inner, str(error), error.hint, on_key=isinstance(value, Mapping)))
        return INVALID
    if not issubclass(cls, base):
        problems.append(Problem(inner, f"{cls.spec_name} can't be used as {label}"))
        return INVALID
    if not isinstance(options, Mapping):
        positional = [o.name for o in options_of(cls).values() if not o.kw_only]
        whole = isinstance(options, list) and bool(positional) and _takes_list(options_of(cls)[positional[0]])
        given = dict(zip(positional, options if isinstance(options, list) and not whole else [options], strict=False))
        hint = f"write {name}: {written(given)}" if given else ""
        message = f"the options of {name} must be a mapping of names to values, got {show(options)}"
        problems.append(Problem(inner, message, hint))
        return INVALID
    before = len(problems)
    values = check_options(cls, options, inner, problems)
    if len(problems) > before:
        return INVALID
    made = object.__new__(cls)
    made._hold(values)
    made.setup()
    if isinstance(value, str):
        made.called(value)
    return made


def _takes_list(declared: Option) -> bool:
    """Whether a list is one value of the option, such as a shape, rather than a value for each option."""
    return any(declared.checker.matches(example) for example in ([1], [1, 1]))


def _form_hint(kind: str, value: Any, path: Path) -> str:
    """What to write in place of a value that is no component's name with its options."""
    listed = not path or isinstance(path[-1], int)
    write = "write {}: {}" if listed else f"write {path[-1]}: {{{{{{}}: {{}}}}}}"
    if isinstance(value, list):
        names = [item for item in value if isinstance(item, str) and is_known(kind, item)]
        if names and listed:
            return "begin each of them with a dash of its own"
        return f"there is one only: write {path[-1]}: {names[0]}" if names else name_hint(kind)
    if value is None:
        return "name one, or remove this entry"
    if not isinstance(value, Mapping) or not value:
        return name_hint(kind)
    named = [key for key in value if isinstance(key, str) and is_known(kind, key)]
    if len(named) == len(value):
        return "begin each of them with a dash of its own" if listed else f"keep one of {', '.join(named)}"
    if named and value[named[0]] is None:  # the options stand beside the name, where they should be indented under it
        options = {key: item for key, item in value.items() if key != named[0]}
        return f"indent the options further than the name, or {write.format(named[0], written(options))}"
    for key, item in value.items():
        if isinstance(item, str) and is_known(kind, item):  # {type: Adam, learning_rate: 0.1}
            options = {other: entry for other, entry in value.items() if other != key}
            return write.format(item, written(options))
    return "one name stands first, its options indented under it"


def get(base: type[C], value: Any) -> C:
    """`make` for the Python API: raises SpecError with every problem."""
    problems: list[Problem] = []
    made = make(base, value, (), problems)
    if problems:
        raise SpecError("\n".join(str(problem) for problem in problems), problems)
    return typing.cast(C, made)
