"""Running plugin files: their components become known under their names, or what is wrong is said with its line.

A file is known by its SHA-256, so the same content runs once, wherever it lies. The bytes that were hashed are the
bytes that are run.
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqnet import registry
from seqnet.declare import Component
from seqnet.errors import Problem
from seqnet.plugins.examine import examine
from seqnet.plugins.faults import PluginError, class_line, fault_in, problem_at
from seqnet.plugins.files import PluginFile


@dataclass
class Loaded:
    """A file that was run. classes: its components with their aliases. active: whether their names are theirs now."""

    file: PluginFile
    module: types.ModuleType
    classes: list[tuple[type[Component], list[str]]] = field(default_factory=list)
    active: bool = False

    def activate(self) -> None:
        for cls, aliases in self.classes:
            registry.give(cls, aliases)
        self.active = True

    def deactivate(self) -> None:
        for cls, _ in self.classes:
            registry.take_back(cls)
        self.active = False


_loaded: dict[str, Loaded] = {}  # by SHA-256


def load(files: Sequence[PluginFile]) -> None:
    """Run the files, each once, and make their components known.

    A component of a file that an earlier call loaded, such as an older version, gives way to one of its name. Raises
    PluginError for what is wrong with a file, and for names that are taken.
    """
    wanted: list[Loaded] = []
    for file in files:
        one = _loaded.get(file.sha256)
        if one is None:
            one = _run(file, wanted)
        elif not one.active:
            for cls, aliases in one.classes:
                _make_room(one, cls, aliases, wanted)
            one.activate()
        wanted.append(one)


def forget() -> None:
    """As if no file had been loaded."""
    for one in _loaded.values():
        one.deactivate()
        sys.modules.pop(one.module.__name__, None)
    _loaded.clear()


def is_loaded(sha256: str) -> bool:
    """Whether a file with this hash has been run in this process."""
    return sha256 in _loaded


def active() -> list[PluginFile]:
    """The files whose components are known now."""
    return [one.file for one in _loaded.values() if one.active]


def used_in(plain: Any) -> list[PluginFile]:
    """The files that a description in plain data may need: those with a component of a name in it."""
    names = set(_texts(plain))
    return [
        one.file
        for one in _loaded.values()
        if one.active and any(names.intersection((cls.spec_name, *aliases)) for cls, aliases in one.classes)
    ]


def file_of(cls: type[Any]) -> PluginFile | None:
    """The plugin that a class is defined in; None for others."""
    return next((one.file for one in _loaded.values() if one.module.__name__ == cls.__module__), None)


def fault_of(error: BaseException) -> Problem | None:
    """What an exception says at the line of the plugin that it came from; None where no plugin had a part in it."""
    if isinstance(error, (KeyboardInterrupt, MemoryError)):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    by_path = {one.file.path: one.file for one in _loaded.values()}
    for frame in frames:
        if frame.f_code.co_filename in by_path:
            return fault_in(by_path[frame.f_code.co_filename], error)
    for frame in frames:  # our own code, at work for a class of a plugin, stumbles over what it was given
        cls = type(frame.f_locals.get("self"))
        file = file_of(cls)
        if file is not None:
            said = fault_in(file, error).message
            message = f"{cls.__name__}.{frame.f_code.co_name}: {said}"
            hint = "what a method of this class returned does not fit; its base says which shapes are asked for"
            return problem_at(file, class_line(file, cls), message, hint, cause=error)
    return None


def _texts(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(plain, (list, tuple)):
        for value in plain:
            yield from _texts(value)


def _run(file: PluginFile, wanted: Sequence[Loaded]) -> Loaded:
    # The name must not begin with "seqnet.", by which the package knows its own classes.
    name = f"seqnet_plugin_{file.sha256[:16]}"
    module = types.ModuleType(name)
    module.__file__ = str(file.origin or file.path)
    one = Loaded(file, module)

    def take(cls: type[Component], aliases: list[str]) -> None:
        if cls.__module__ == name:
            _make_room(one, cls, aliases, wanted)
            one.classes.append((cls, aliases))

    text = file.text
    linecache.cache[file.path] = (len(text), None, text.splitlines(keepends=True), file.path)
    sys.modules[name] = module  # where annotations are looked up
    try:
        try:
            code = compile(file.content, file.path, "exec", dont_inherit=True)
            with registry.watched(take), contextlib.redirect_stdout(sys.stderr):
                exec(code, module.__dict__)
        except PluginError:
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too
            raise PluginError(fault_in(file, error)) from error
        _require_components(one)
        for cls, _ in one.classes:
            problem = examine(file, cls)
            if problem is not None:
                raise PluginError(problem)
    except BaseException:
        one.deactivate()
        del sys.modules[name]
        raise
    one.active = True
    _loaded[file.sha256] = one
    return one


def _make_room(one: Loaded, cls: type[Component], aliases: Sequence[str], wanted: Sequence[Loaded]) -> None:
    """See that the names of a component are free: another plugin's that is not wanted now gives them up.

    Raises PluginError where the package, or a plugin that is wanted too, has one.
    """
    for name in (cls.spec_name, *aliases):
        holder = registry.holder_of(cls.kind, name)
        if holder is None or holder is cls:
            continue
        line = class_line(one.file, cls)
        rename = "rename the class" if name == cls.spec_name else "give it another alias"
        article = "an" if cls.kind[0] in "aeiou" else "a"
        if registry.is_built_in(holder):
            called = f"{article} {cls.kind} named {name}"
            message = f"seqnet has {called}" if name == holder.spec_name else f"{called} is seqnet's {holder.spec_name}"
            raise PluginError(problem_at(one.file, line, f"{message} already", rename))
        other = next((x for x in _loaded.values() if any(c is holder for c, _ in x.classes)), None)
        if other is None and any(c is holder for c, _ in one.classes):
            other = one
        if other is one or (other is not None and other in wanted):
            assert other is not None
            where = "this file" if other is one else f"{other.file.path}:{class_line(other.file, holder)}"
            message = f"{article} {cls.kind} named {name} is in {where} already"
            raise PluginError(problem_at(one.file, line, message, rename))
        if other is not None:
            other.deactivate()
        else:
            registry.take_back(holder)


def _require_components(one: Loaded) -> None:
    """Raise PluginError where a file defines none, which is a forgotten decorator."""
    if one.classes:
        return
    for value in vars(one.module).values():
        if isinstance(value, type) and issubclass(value, Component) and value.__module__ == one.module.__name__:
            kind = getattr(value, "kind", "layer")
            message = f"{value.__name__} is not made known, so no file can name it"
            raise PluginError(
                problem_at(
                    one.file,
                    class_line(one.file, value),
                    message,
                    f"write @{kind} above it, from seqnet.plugins import {kind}",
                )
            )
    classes = [v for v in vars(one.module).values() if inspect.isclass(v) and v.__module__ == one.module.__name__]
    message = "the file defines no component"
    hint = "a component is a class with a decorator: @layer above class Scale(Layer), from seqnet.plugins"
    line = class_line(one.file, classes[0]) if classes else 1
    raise PluginError(problem_at(one.file, line, message, hint))
