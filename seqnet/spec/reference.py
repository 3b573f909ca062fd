"""The reference of every component, written from its declaration: `python -m seqnet.spec.reference FILE`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from seqnet.checkers import show
from seqnet.declare import Component, options_of
from seqnet.registry import KIND_MODULES, components
from seqnet.spec.sections import KEYS, DataSection, TrainingSection

_PLURALS = {"loss": "losses", "activation": "activations"}


def reference_markdown() -> str:
    """All kinds, all components, all options."""
    parts = [
        "# Reference",
        "Written by `make docs` from the declarations that check a file. `seqnet describe NAME` shows the same.",
        "## The file",
        _table(("key", "meaning"), [(f"`{key}`", meaning) for key, meaning in KEYS.items()]),
    ]
    for title, section in (("data", DataSection), ("training", TrainingSection)):
        parts += [f"### {title}", _docstring(section), _options(section)]
    for kind in KIND_MODULES:
        parts.append(f"## {_PLURALS.get(kind, kind + 's').capitalize()}")
        for cls in components(kind):
            parts += [f"### {cls.spec_name}", _docstring(cls), _options(cls)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _docstring(cls: type[Component]) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _options(cls: type[Component]) -> str:
    rows = [
        (f"`{o.name}`", o.checker.says(), "required" if o.required else f"`{show(o.default)}`", o.help)
        for o in options_of(cls).values()
    ]
    return _table(("option", "value", "default", "meaning"), rows) if rows else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_markdown(), encoding="utf-8")
