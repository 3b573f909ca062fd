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
    from seqnet.datasets.csv_source import Csv
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
reading = click.option(
    "-s",
    "--set",
    "reading",
    multiple=True,
    metavar="OPTION=VALUE",
    help="How a file is read, as `seqnet describe csv` lists it of tables: -s header=false. May be repeated.",
)
own_plugins = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="A Python file with components of your own, beside those that the file names. May be repeated.",
)
trust_plugins = click.option(
    "--trust-plugins",
    is_flag=True,
    help="Run the Python code that the run or the model brings along, even if you have never used it before.",
)


def plugins(command: F) -> F:
    """What every command takes that reads a file of the person's own."""
    return own_plugins(trust_plugins(command))


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


def open_run(text: str | None, runs: Path, *, trust_plugins: bool) -> Path:
    """The run, checkpoint or model file that an argument names; the latest run without one. What code it brings along
    may be run from here on.

    Raises UsageError, also where the code is a stranger's and nobody says that it may be run.
    """
    from seqnet.runs.folder import find_run, latest_run
    from seqnet.training.checkpoint import STATE

    if text is None:
        path = latest_run(runs)
    else:
        path = Path(text)
        path = path if path.is_file() or (path / STATE).exists() else find_run(text, runs)
    permit_plugins(path, trust_plugins)
    return path


def permit_plugins(path: Path, trusted: bool) -> None:
    """Ask, on a terminal, whether the code that a run or a model brings along may be run, unless it was used before or
    is `trusted`. Raises UntrustedPlugin."""
    from seqnet.errors import UsageError
    from seqnet.plugins.trust import UntrustedPlugin, allow, remember, strangers
    from seqnet.runs.plugins import plugins_of

    files = strangers(plugins_of(path))
    if not files:
        return
    if trusted:
        allow(files)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UntrustedPlugin(str(path), files)
    from seqnet.console.messages import show_code, show_note

    show_note(f"{path} brings code of its own that you have not used before:")
    for file in files:
        show_note(f"\n{file.path}\nSHA-256 {file.sha256}\n")
        show_code(file.text, file.path)
    show_note("\nIt could do whatever you can: read it first.")
    if not click.confirm("Run it?", default=False, err=True):
        raise UsageError(f"{path} was not opened, as its code is not to be run")
    try:
        remember(files)
    except OSError:  # then it is asked again the next time
        allow(files)


def load_config(
    config: str, overrides: tuple[str, ...], plugins: tuple[str, ...] = (), trust_plugins: bool = False
) -> RunSpec:
    """The checked file. One that a run folder holds is like the run itself: its plugins may be a stranger's."""
    from seqnet.spec.run import load_spec

    permit_config(config, trust_plugins)
    return load_spec(config, overrides, plugins=plugins)


def permit_config(config: str, trusted: bool) -> None:
    """permit_plugins for a file that may be one of a run folder."""
    from seqnet.spec.sections import RESOLVED

    if Path(config).name == RESOLVED:
        permit_plugins(Path(config).parent, trusted)


def given_again(overrides: tuple[str, ...], plugins: tuple[str, ...]) -> list[str]:
    """The options of a command line once more, for one that is shown to be copied."""
    return [part for option, texts in (("-s", overrides), ("--plugin", plugins)) for t in texts for part in (option, t)]


def load_plugins(plugins: tuple[str, ...]) -> None:
    """Run plugin files that the command line names. Raises UsageError, PluginError."""
    if plugins:
        from seqnet.plugins.files import read_plugin
        from seqnet.plugins.loading import load

        load([read_plugin(path) for path in plugins])


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


def table_source(path: str, target: Any, reading: tuple[str, ...]) -> Csv:
    """The csv source of a file with the options that `-s` gives. Raises UsageError, SpecError."""
    from seqnet.datasets.base import Source
    from seqnet.datasets.csv_source import Csv
    from seqnet.declare import get

    found = get(Source, {"csv": reading_options(reading, {"path": path, "target": target})})
    assert isinstance(found, Csv)
    return found


def reading_options(reading: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """The options that `-s` gives, beside those that the command gives. Raises UsageError."""
    from seqnet.errors import UsageError

    values = dict(given)
    for text in reading:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"-s {text} is no option; write OPTION=VALUE, for instance -s header=false")
        if key in values:
            raise UsageError(f"-s {key} is given by the command itself, or twice")
        values[key] = _plain(value)
    return values


def _plain(text: str) -> Any:
    """What YAML makes of a value; signs that mean something to YAML stand for themselves."""
    from seqnet.errors import SpecError
    from seqnet.spec.reader import parse_document

    try:
        return text if len(text) == 1 and not text.isalnum() else parse_document(f"value: {text}").data["value"]
    except SpecError:
        return text
