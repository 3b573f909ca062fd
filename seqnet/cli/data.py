"""`seqnet data`: list and info."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqnet.cli import options
from seqnet.cli.usage import Group

if TYPE_CHECKING:
    from seqnet.datasets.base import Data


@click.group(cls=Group, short_help="Show the data sets there are, and what is in them.")
def command() -> None:
    """Show the data sets there are, and what is in them."""


@command.command("list")
@options.as_json
def list_data(as_json: bool) -> None:
    """List the data sets that a file can name."""
    from seqnet.registry import components

    found = [
        {
            "name": cls.spec_name,
            "task": cls.task,  # type: ignore[attr-defined]
            "rows": cls.rows,  # type: ignore[attr-defined]
            "title": cls.title,  # type: ignore[attr-defined]
            "bundled": cls.bundled,  # type: ignore[attr-defined]
        }
        for cls in components("dataset")
    ]
    if as_json:
        options.print_json(found)
        return
    from seqnet.console.pages import show_datasets

    show_datasets(found, sources=[cls.spec_name for cls in components("source")])


@command.command("info")
@click.argument("name", shell_complete=options.complete_datasets)
@options.as_json
def info(name: str, as_json: bool) -> None:
    """What is in the data set NAME: rows, shapes, ranges, classes, licence and source.

    NAME may also be your own: an npz file, a folder of IDX files, or a YAML file with a data section.
    """
    from seqnet.datasets.profile import describe

    data, facts = _open(name)
    data.check()
    profile = {**facts, **describe(data)}
    if as_json:
        options.print_json({**profile, "fingerprint": data.fingerprint()})
        return
    from seqnet.console.pages import show_data

    show_data(profile)


def _open(name: str) -> tuple[Data, dict[str, Any]]:
    """The data, and what the catalogue says of them. Raises UsageError, DataError, SpecError."""
    from seqnet.datasets.base import Dataset, Source
    from seqnet.declare import get
    from seqnet.errors import UsageError
    from seqnet.registry import UnknownName, lookup

    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return options.load_config(name, ()).load_data(), {}
    if path.suffix == ".npz" or path.is_dir():
        kind = "idx" if path.is_dir() else "npz"
        return get(Source, {kind: {"path": name}}).load(Path()), {}
    try:
        entry = lookup("dataset", name)
    except UnknownName as error:
        raise UsageError(f"{error}; {error.hint}; or name an npz file, a folder of IDX files, a YAML file") from None
    facts = {fact: getattr(entry, fact) for fact in ("title", "licence", "origin")}
    return get(Dataset, entry.spec_name).load(), facts
