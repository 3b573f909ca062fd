"""Files of a person's own components, read but not run: what is in them, and the hash that says which they are."""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from seqnet.errors import SpecError, UsageError, nearest

MAX_BYTES = 1_000_000
FOLDER = "plugins"  # where run folders and model files keep the files they need


@dataclass(frozen=True)
class PluginFile:
    """A Python file with components. path: as messages show it. content: what is run, whatever the file holds later.

    origin: the file itself; None for a part of a model file.
    """

    path: str
    content: bytes = field(repr=False)
    origin: Path | None = None

    @cached_property
    def sha256(self) -> str:
        """Which file it is, wherever it lies."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @cached_property
    def text(self) -> str:
        """The source, in the encoding that it states."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self.content).readline)
        except SyntaxError:
            encoding = "utf-8"
        return self.content.decode(encoding, errors="backslashreplace").removeprefix("\ufeff")


def read_plugin(path: str | os.PathLike[str], base: Path = Path()) -> PluginFile:
    """A plugin file; a relative path begins at `base`. Raises UsageError where there is none."""
    given = os.fspath(path)
    try:
        place = base / Path(given).expanduser()
    except RuntimeError:  # ~ without a home
        place = base / given
    shown = str(place)
    if place.suffix != ".py":
        raise UsageError(f"a plugin is a Python file whose name ends in .py, got {given or 'nothing'}")
    if place.exists() and not place.is_file():
        raise UsageError(f"the plugin {shown} is a folder or a device; name a Python file")
    try:
        with open(place, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        folder = place.parent
        near = nearest(place.name, (p.name for p in folder.glob("*.py"))) if folder.is_dir() else None
        hint = f"; did you mean {near}?" if near else "; paths begin at the folder of the YAML file"
        raise UsageError(f"there is no plugin {shown}{hint}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"can't read the plugin {shown}: {reason.lower()}") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the plugin {shown} has more than {MAX_BYTES // 10**6} MB; it is meant to hold code alone")
    return PluginFile(shown, content, place)


def copies(files: list[PluginFile]) -> dict[str, PluginFile]:
    """The files under names that differ: layers.py, layers_2.py."""
    found: dict[str, PluginFile] = {}
    for file in files:
        stem, number = Path(file.name).stem, 1
        name = file.name
        while name in found:
            number += 1
            name = f"{stem}_{number}.py"
        found[name] = file
    return found


def require_name(name: object) -> str:
    """The name of a copy as a checkpoint states it, sure to lead to no other folder. Raises SpecError."""
    if not isinstance(name, str) or name != os.path.basename(name) or not name.endswith(".py") or "\\" in name:
        raise SpecError(f"{name!r} is no name of a plugin")
    return name
