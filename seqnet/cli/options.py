"""Options that several commands share, said once."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from seqnet.errors import Problem
    from seqnet.spec.run import RunSpec

F = TypeVar("F", bound=Callable[..., Any])


def program() -> str:
    """How the shell finds this command: seqnet, or the path it was called by where seqnet is not on PATH."""
    called = sys.argv[0]
    if Path(called).stem != "seqnet" or os.sep not in called:
        return "seqnet"
    found = shutil.which("seqnet")
    return "seqnet" if found is not None and os.path.realpath(found) == os.path.realpath(called) else called


def config(required: bool = True) -> Callable[[F], F]:
    return click.argument("config", type=click.Path(), required=required)


overrides = click.option(
    "-s",
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the file: -s training.epochs=10 -s model.2.Dense.units=64. May be repeated.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
checkpoint = click.option(
    "--checkpoint",
    type=click.Choice(["best", "last"]),
    default="best",
    show_default=True,
    help="Which weights of the run to use.",
)


def complete_runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the runs there are."""
    from seqnet.runs.folder import list_runs

    runs = context.params.get("runs") or Path("runs")
    found = [str(path) for path in list_runs(runs)] if runs.is_dir() else []
    return [path for path in found if path.startswith(incomplete)]


def complete_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the names of all components."""
    from seqnet.registry import KIND_MODULES, components

    names = {cls.spec_name for kind in KIND_MODULES for cls in components(kind)}
    return sorted(name for name in names if name.lower().startswith(incomplete.lower()))


runs = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    is_eager=True,
    help="The folder of run folders.",
)


def open_run(text: str | None, runs: Path) -> Path:
    """The run, checkpoint or model file that an argument names; the latest run without one.

    Raises UsageError.
    """
    from seqnet.runs.folder import find_run, latest_run
    from seqnet.training.checkpoint import STATE

    if text is None:
        return latest_run(runs)
    path = Path(text)
    return path if path.is_file() or (path / STATE).exists() else find_run(text, runs)


def show_warning_of(problem: Problem, spec: RunSpec) -> None:
    """Say on stderr what is suspicious about a file, with its place there."""
    from seqnet.console.messages import show_warning
    from seqnet.spec.diagnostics import render_problems

    text = render_problems([problem], spec.document)
    show_warning(text.rpartition("\n\n")[0])  # without the count at the end


def print_json(data: Any) -> None:
    """Write plain data as one JSON document, in ASCII; NaN and infinity become null."""
    import json

    from seqnet.runs.folder import finite

    click.echo(json.dumps(finite(data), indent=2, allow_nan=False))


def complete_datasets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: the names of the data sets."""
    from seqnet.registry import components

    return [cls.spec_name for cls in components("dataset") if cls.spec_name.startswith(incomplete)]
