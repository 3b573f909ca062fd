"""The `plugins` of a file and of the command line: read, trusted or refused, run, and everything that is wrong said."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

from seqnet.checkers import show, written
from seqnet.errors import Problem, UsageError
from seqnet.plugins.faults import PluginError
from seqnet.plugins.files import PluginFile, read_plugin
from seqnet.plugins.loading import load
from seqnet.plugins.trust import require_known
from seqnet.spec.placing import split_hint

_UNKNOWN = re.compile(r"there is no \w+ named ")


def load_plugins(
    given: Any,
    folder: FilePath,
    extra: Iterable[str | os.PathLike[str]],
    problems: list[Problem],
    *,
    owner: str,
    trusted: bool,
) -> list[PluginFile]:
    """Run the plugins that a file gives, relative to its folder, and `extra` ones; appends what is wrong.

    trusted: the person named the file, so they mean what it says; otherwise `owner` brings its plugins along, and
    UntrustedPlugin is raised for those that were never used here. UsageError for an extra file that can't be read.
    """
    files = [read_plugin(path) for path in extra]
    before = len(problems)
    files += named_plugins(given, folder, problems)
    if len(problems) > before:
        return []
    if not trusted:
        require_known(owner, files)
    try:
        load(files)
    except PluginError as error:
        problems.extend(error.problems)
        return []
    return files


def named_plugins(given: Any, folder: FilePath, problems: list[Problem]) -> list[PluginFile]:
    """The files that a `plugins` section names, read but not run."""
    if given is None:
        return []
    if not isinstance(given, list):
        hint = f"write plugins: [{written(given)}]" if isinstance(given, str) else "write plugins: [my_layers.py]"
        problems.append(Problem(("plugins",), f"plugins must be a list of Python files, got {show(given)}", hint))
        return []
    files = []
    for index, path in enumerate(given):
        if not isinstance(path, str):
            message = f"a plugin is the path of a Python file, got {show(path)}"
            problems.append(Problem(("plugins", index), message, "write plugins: [my_layers.py]"))
            continue
        try:
            files.append(read_plugin(path, folder))
        except UsageError as error:
            problems.append(Problem(("plugins", index), *split_hint(str(error))))
    return files


def without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """Without the unknown names, which may be those of a plugin that could not be loaded."""
    return [problem for problem in problems if not _UNKNOWN.match(problem.message)]
